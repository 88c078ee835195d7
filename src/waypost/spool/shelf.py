"""What a shard has in memory: fresh messages, leases, and the order in which domains are due. Knows no database and no files."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.spool import reading
from waypost.spool.calendar import Calendar
from waypost.spool.draft import SMALL
from waypost.spool.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from waypost.clock import Clock
    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope
    from waypost.spool.leases import Held
    from waypost.spool.spool import Settlement

MOST = 20_000
"""Fresh messages kept in memory at most, however small."""


class Kept:
    """A message that was just made durable."""

    __slots__ = ("content", "cost", "envelope", "left", "number")

    def __init__(self, number: int, envelope: Envelope, content: Content) -> None:
        self.number = number
        self.envelope = envelope
        self.content = content
        self.left = 1
        """Domains that were not leased yet."""
        octets = content.octets
        self.cost = SMALL if octets is None else len(octets)
        """Octets that it takes in memory, as ``queue.fresh`` counts them."""


class Shelf:
    """The memory of a shard. All its methods run in the loop."""

    def __init__(self, fresh: int, clock: Clock) -> None:
        self.leases = Leases()
        self.news = asyncio.Event()
        """Set when something may have fallen due or a busy domain may be free."""
        self._fresh = fresh
        self._clock = clock
        self.calendar = Calendar()
        self._kept: dict[int, Kept] = {}
        self._octets = 0

    def arrive(self, kept: Kept) -> None:
        """A message is durable and due: in memory while there is room, else only its number."""
        envelope, number = kept.envelope, kept.number
        names = reading.domains_of(envelope)
        octets = self._octets + kept.cost
        if octets <= self._fresh and len(self._kept) < MOST:
            kept.left = len(names)
            self._kept[number] = kept
            self._octets = octets
        now = self._clock.wall()
        due = min(now, envelope.arrived)
        for name in names:
            self.calendar.fresh(name, due, number)
        if not self.news.is_set():
            self.news.set()

    def return_whole(self, number: int, arrived: float, names: Iterable[str]) -> None:
        """A message that was never attempted is due: found at start, or an operator's change came to nothing."""
        due = min(arrived, self._clock.wall())
        for name in names:
            self.calendar.fresh(name, due, number)
        self.news.set()

    def wait(self, name: str, due: float) -> None:
        """A recipient of the domain ``name`` in the database falls due at ``due``, or another of it later."""
        self.calendar.stored(name, due)
        self.news.set()

    def pause(self) -> float:
        """Seconds until something may fall due."""
        due = self.calendar.next_due()
        return float("inf") if due is None else max(due - self._clock.wall(), 0.01)

    def reserve(self, matches: Iterable[reading.Match]) -> list[tuple[int, str]]:
        """Keep ``matches`` from being leased while they are altered; what to give to ``leases.free`` at the end."""
        keys = [(match.number, name) for match in matches for name in reading.domains_of(match.envelope)]
        keys = [key for key in keys if not self.leases.is_taken(*key)]
        self.leases.reserve(keys)
        return keys

    def altered(self, match: reading.Match, *, finished: bool | None) -> None:
        """The change of ``match`` is durable; None when it came to nothing."""
        names = reading.domains_of(match.envelope)
        self._forget(match.number)
        if finished is None and match.fresh:
            if match.held:
                return
            self.return_whole(match.number, match.envelope.arrived, names)
        elif not finished:
            for name in names:
                self.wait(name, match.envelope.arrived)

    def settle(self, held: Held, settlements: Sequence[Settlement], *, finished: bool) -> None:
        """The results of a lease are durable."""
        self.leases.end(held)
        self.news.set()
        if finished:
            return
        lease, envelope = held.lease, held.envelope
        if held.fresh:
            self._forget(held.number)
            for name in reading.domains_of(envelope):
                if name != lease.domain:
                    self.wait(name, envelope.arrived)
        dues = [settlement.next_attempt for settlement in settlements if settlement.next_attempt is not None]
        there = sum(recipient.mailbox.domain == lease.domain for recipient in envelope.recipients)
        if len(settlements) < there:
            dues.append(held.due)
        if dues:
            self.wait(lease.domain, min(dues))

    def _forget(self, number: int) -> None:
        """It is no longer whole, or gone: the database knows how it stands."""
        kept = self._kept.pop(number, None)
        if kept is not None:
            self._octets -= kept.cost

    def pick(self, number: int) -> Kept | None:
        """A fresh message for one of its domains; None when it is not in memory."""
        kept = self._kept.get(number)
        if kept is not None:
            kept.left -= 1
            if not kept.left:
                self._forget(number)
        return kept
