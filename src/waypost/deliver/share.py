"""What the deliverers of one process count and keep together: limits hold for all of its shards at once. Knows no lease and no route."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from waypost.deliver.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable


class Share:
    """This process's part of the outbound limits, as far as it is used up, and the connections that are kept."""

    __slots__ = ("_at", "_watchers", "pool", "running", "waiting")

    def __init__(self, now: Callable[[], float]) -> None:
        """``now``: monotonic seconds."""
        self._at: Counter[str] = Counter()
        self._watchers: list[Callable[[], None]] = []
        self.waiting: Counter[str] = Counter()
        """Destinations for which somebody waits, and for each how many deliverers do."""
        self.pool = Pool(now)
        self.running = 0
        """Attempts under way, each with one connection at most."""

    def at(self, destination: str) -> int:
        """How many of them are at ``destination``."""
        return self._at[destination]

    def take(self, destination: str) -> None:
        """One begins."""
        self._at[destination] += 1
        self.running += 1

    def give(self, destination: str) -> None:
        """One is over."""
        self.running -= 1
        self._at[destination] -= 1
        if not self._at[destination]:
            del self._at[destination]

    def watch(self, freed: Callable[[], None]) -> None:
        """``freed`` is called whenever somebody has left and did not go on himself."""
        self._watchers.append(freed)

    def tell(self) -> None:
        """Somebody has left; who is asked first changes each time."""
        if len(self._watchers) > 1:
            self._watchers.append(self._watchers.pop(0))
        for freed in self._watchers:
            freed()

    def wait(self, destination: str) -> None:
        """A deliverer has somebody who waits for ``destination``."""
        self.waiting[destination] += 1

    def served(self, destination: str) -> None:
        """It has nobody any more."""
        self.waiting[destination] -= 1
        if not self.waiting[destination]:
            del self.waiting[destination]

    def make_room(self, most: int) -> None:
        """Before a connection is made: let go of idle ones, so that with those in use they are no more than ``most``."""
        while len(self.pool) > max(0, most - self.running):
            self.pool.oldest().leave()
