"""Making leases: in the order of the calendar, from memory where the message is fresh, else read back from the shard when due."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from waypost.spool import reading
from waypost.spool.content import SegmentContent
from waypost.spool.leases import Held
from waypost.spool.spool import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from waypost.clock import Clock
    from waypost.mail.content import Content
    from waypost.spool.calendar import Domain
    from waypost.spool.rows import Extent
    from waypost.spool.shelf import Kept, Shelf
    from waypost.store.sqlite import Connection, SqliteDatabase

SHARE = 16
"""Recipients of one domain read back at once; then the next domain has its turn."""


class _Wants:
    """What a round of leasing has to read back."""

    __slots__ = ("fresh", "pages")

    def __init__(self) -> None:
        self.fresh: list[tuple[int, str, float]] = []
        """Number, domain and moment of messages that were never attempted."""
        self.pages: list[tuple[Domain, int]] = []
        """Domains, and how many of their recipients."""

    def read(self, connection: Connection, now: float) -> tuple[list[reading.Due | None], list[reading.Page]]:
        """All of it, of one moment."""
        fresh = [reading.fresh(connection, number, name, due) for number, name, due in self.fresh]
        return fresh, [reading.page(connection, domain.name, domain.cursor, now, most) for domain, most in self.pages]


class Leasing:
    """Makes the leases of a shard, one call of ``gather`` after the other."""

    def __init__(self, shelf: Shelf, clock: Clock, content: Callable[[bytes | None, int, Sequence[Extent]], Content]) -> None:
        self._shelf = shelf
        self._clock = clock
        self._content = content
        self._turn = asyncio.Lock()

    async def gather(self, database: SqliteDatabase, most: int, busy: Container[str]) -> list[Lease]:
        """Up to ``most`` leases of what is due now at domains outside ``busy``, oldest due first."""
        leases: list[Lease] = []
        async with self._turn:
            self._shelf.calendar.unpark(busy)
            while len(leases) < most:
                now = self._clock.wall()
                wants = self._pick(most, busy, now, leases)
                if not wants.fresh and not wants.pages:
                    break
                await self._read_back(database, wants, now, leases)
        return leases

    def _pick(self, most: int, busy: Container[str], now: float, leases: list[Lease]) -> _Wants:
        """Lease what is in memory, in the order of the calendar; say what is to be read back."""
        wants = _Wants()
        calendar = self._shelf.calendar
        room = most - len(leases)
        while room > 0 and (domain := calendar.choose(now, busy)) is not None:
            if domain.fresh and (domain.stored is None or domain.fresh[0][0] <= domain.stored):
                due, number = domain.fresh.popleft()
                room -= self._take(number, domain.name, due, wants, leases)
                calendar.back(domain, now)
            else:
                share = min(room, SHARE)
                domain.stored = None
                wants.pages.append((domain, share))
                room -= share
        return wants

    def _take(self, number: int, name: str, due: float, wants: _Wants, leases: list[Lease]) -> int:
        """Lease a fresh message at one domain, from memory or by reading it back; how many leases that makes."""
        if self._shelf.leases.is_taken(number, name):
            return 0
        kept = self._shelf.pick(number)
        if kept is None:
            self._shelf.leases.reserve([(number, name)])
            wants.fresh.append((number, name, due))
        else:
            leases.append(self._grant(_in_memory(kept, name, due), name, kept.content))
        return 1

    async def _read_back(self, database: SqliteDatabase, wants: _Wants, now: float, leases: list[Lease]) -> None:
        """Read what ``wants`` says and lease it; when reading fails all goes back to where it was."""
        held = self._shelf.leases
        held.watch()
        try:
            fresh, pages = await database.read(partial(wants.read, now=now))
        except BaseException:
            held.unwatch()
            self._put_back(wants, now)
            raise
        held.free([(number, name) for number, name, _ in wants.fresh])
        for (_, name, _), due in zip(wants.fresh, fresh, strict=True):
            if due is not None:
                leases.append(self._grant(due, name))
        for (domain, _), page in zip(wants.pages, pages, strict=True):
            self._lease_page(domain, page, now, leases)
        held.unwatch()

    def _put_back(self, wants: _Wants, now: float) -> None:
        self._shelf.leases.free([(number, name) for number, name, _ in wants.fresh])
        for number, name, due in wants.fresh:
            self._shelf.return_whole(number, due, (name,))
        for domain, _ in wants.pages:
            domain.stored = now
            self._shelf.calendar.back(domain, now)

    def _lease_page(self, domain: Domain, page: reading.Page, now: float, leases: list[Lease]) -> None:
        """Lease what was read of ``domain``, and note how far that was. What was let go while it was read is read once more."""
        held = self._shelf.leases
        following = page.following
        cursor = page.cursor
        for due in page.found:
            if held.was_touched(due.number, domain.name):
                cursor, following = None, now
            elif due.waiting and not held.is_taken(due.number, domain.name):
                leases.append(self._grant(due, domain.name))
        if domain.stored is not None and cursor is not None and domain.stored <= cursor[0]:
            cursor = None  # meanwhile something fell due before the place that was read to
        domain.cursor = cursor
        if following is not None and (domain.stored is None or following < domain.stored):
            domain.stored = following
        self._shelf.calendar.back(domain, now)

    def _grant(self, due: reading.Due, domain: str, content: Content | None = None) -> Lease:
        lease = Lease(
            token=self._shelf.leases.token(),
            envelope=due.envelope,
            domain=domain,
            waiting=due.waiting,
            content=self._content(due.content, due.size, due.extents) if content is None else content,
            notified_delay=all(waiting.delay_notified for waiting in due.waiting),
        )
        self._shelf.leases.grant(Held(lease, due.number, due.due, due.extents, fresh=due.fresh))
        return lease


def _in_memory(kept: Kept, name: str, due: float) -> reading.Due:
    """A fresh message as if it had been read back."""
    content = kept.content
    extents = content.extents if isinstance(content, SegmentContent) else ()
    waiting = reading.first_attempts(kept.envelope, name)
    return reading.Due(kept.number, due, kept.envelope, None, content.size, extents, waiting, fresh=True)
