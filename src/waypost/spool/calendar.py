"""Which domain is to be attempted next: an order in memory over what waits in memory and in the database. Knows neither.

For each domain it keeps the messages that came fresh and, of what rests in the database, only the moment at which the first may
fall due. A domain with nothing due soon sleeps: it costs one entry in a table and one in the list of its second, so that a
million domains fit. Choosing costs O(log n) in the domains, whatever the number of rows a domain owns; a busy one is parked.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

NAP = 2.0
"""Seconds; what falls due later than this sleeps."""


class Domain:
    """A domain with something due now or soon."""

    __slots__ = ("cursor", "fresh", "listed", "name", "stored")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fresh: deque[tuple[float, int]] = deque()
        """When each came, and the number of its message; oldest first."""
        self.stored: float | None = None
        """No recipient in the database falls due before this moment; None when none waits there."""
        self.cursor: tuple[float, int] | None = None
        """What was read from the database already: the moment and message of the last row; None to read from the first."""
        self.listed: float | None = None
        """The moment under which it stands in the order, or None."""

    @property
    def due(self) -> float | None:
        """When its first falls due; None when nothing waits."""
        if not self.fresh:
            return self.stored
        first = self.fresh[0][0]
        return first if self.stored is None else min(first, self.stored)


class Calendar:
    """The order of domains."""

    __slots__ = ("_active", "_order", "_parked", "_seconds", "_sleeping", "_slots")

    def __init__(self) -> None:
        self._active: dict[str, Domain] = {}
        self._order: list[tuple[float, str]] = []
        self._parked: set[str] = set()
        self._sleeping: dict[str, int] = {}
        """The second in which each sleeping domain is to wake."""
        self._slots: dict[int, list[str]] = {}
        """Who wakes in each second; an entry that disagrees with ``_sleeping`` is void."""
        self._seconds: list[int] = []

    def __len__(self) -> int:
        """How many domains have something waiting."""
        return len(self._active) + len(self._sleeping)

    def fresh(self, name: str, arrived: float, number: int) -> None:
        """A message for the domain ``name`` came in and is due at once."""
        domain = self._active.get(name) or self._wake(name)
        fresh = domain.fresh
        fresh.append((arrived, number))
        if domain.listed is None or len(fresh) == 1:
            self._list(domain)

    def stored(self, name: str, due: float) -> None:
        """The database holds a recipient at ``name`` that falls due at ``due`` (wall-clock seconds)."""
        domain = self._active.get(name)
        if domain is None:
            self._sleep(name, int(due // 1))
            return
        if domain.cursor is not None and due <= domain.cursor[0]:
            domain.cursor = None
        if domain.stored is None or due < domain.stored:
            domain.stored = due
            self._list(domain)

    def choose(self, now: float, busy: Container[str]) -> Domain | None:
        """The domain outside ``busy`` whose first has been due longest; give it back with ``back``. None when none is due."""
        while True:
            self._wake_until(now)
            if not self._order:
                return None
            due, name = self._order[0]
            domain = self._active.get(name)
            if domain is None or domain.listed != due or name in self._parked:
                heappop(self._order)
            elif due > now:
                return None
            else:
                heappop(self._order)
                domain.listed = None
                if name not in busy:
                    return domain
                self._parked.add(name)

    def back(self, domain: Domain, now: float) -> None:
        """Put ``domain`` where its first now belongs: into the order, to sleep, or out."""
        due = domain.due
        if due is None:
            del self._active[domain.name]
        elif not domain.fresh and due > now + NAP:
            del self._active[domain.name]
            self._sleep(domain.name, int(due // 1))
        else:
            self._list(domain)

    def unpark(self, busy: Container[str]) -> None:
        """Put back into the order whoever is no longer busy."""
        if self._parked:
            for name in [name for name in self._parked if name not in busy]:
                self._parked.discard(name)
                if domain := self._active.get(name):
                    domain.listed = None
                    self._list(domain)

    def next_due(self) -> float | None:
        """When to look again: the moment at which the next domain that is not parked may fall due; None when none waits."""
        while self._order and self._void(*self._order[0]):
            heappop(self._order)
        first = self._order[0][0] if self._order else None
        if not self._seconds:
            return first
        return self._seconds[0] if first is None else min(first, self._seconds[0])

    def _void(self, due: float, name: str) -> bool:
        domain = self._active.get(name)
        return domain is None or domain.listed != due or name in self._parked

    def _list(self, domain: Domain) -> None:
        due = domain.due
        if due is not None and (domain.listed is None or due < domain.listed):
            domain.listed = due
            if domain.name not in self._parked:
                heappush(self._order, (due, domain.name))

    def _sleep(self, name: str, second: int) -> None:
        known = self._sleeping.get(name)
        if known is not None and known <= second:
            return
        slot = self._slots.get(second)
        if slot is None:
            self._slots[second] = [name]
            heappush(self._seconds, second)
        else:
            slot.append(name)
        self._sleeping[name] = second

    def _wake(self, name: str) -> Domain:
        """Make ``name`` active, with what is known of it while it slept."""
        domain = self._active[name] = Domain(name)
        second = self._sleeping.pop(name, None)
        if second is not None:
            domain.stored = float(second)
        return domain

    def _wake_until(self, now: float) -> None:
        """Wake sleepers one by one while the next of them may come before the first in the order."""
        while self._seconds and (second := self._seconds[0]) <= now and not (self._order and self._order[0][0] <= second):
            slot = self._slots[second]
            name = slot.pop()
            if self._sleeping.get(name) == second and name not in self._active:
                self._list(self._wake(name))
            if not slot:
                del self._slots[second]
                heappop(self._seconds)
