"""The spool in a shard: a folder with a database, a lock, and segment files for large content. Knows neither route nor network.

What is durable when, and what a crash at each point leaves behind, stands in ``docs/spool.md``.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from waypost.mail.content import MemoryContent
from waypost.spool import reading, writing
from waypost.spool.altering import Hand
from waypost.spool.content import FoundContent, SegmentContent
from waypost.spool.draft import SMALL, Room, SqliteDraft
from waypost.spool.leasing import Leasing
from waypost.spool.rows import encode_envelope, encode_extents
from waypost.spool.search import Horizon
from waypost.spool.segments import BLOCK, Segments, Stream
from waypost.spool.shelf import Kept, Shelf
from waypost.spool.spool import Altered, Found, Sight, SpoolFullError, SpoolUnavailableError
from waypost.store.database import FullError, StoreError
from waypost.store.lock import Lock
from waypost.store.sqlite import Schema, SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope
    from waypost.spool.leases import Held
    from waypost.spool.rows import Extent
    from waypost.spool.settings import QueueSettings
    from waypost.spool.spool import Change, Draft, Filter, Lease, Notice, Settlement, Telling
    from waypost.store.sqlite import Connection, Work

RESERVE = 8 * 1024 * 1024
"""Octets set aside so that results can be recorded when the disk is full (C16)."""
DOMAINS = 1000
"""Domains, and messages, read at once after start."""


class SqliteSpool:
    """Keeps ``Spool``. Owned by one process; ``open`` before use, ``close`` at the end."""

    def __init__(
        self,
        folder: Path,
        settings: QueueSettings,
        clock: Clock,
        *,
        failed: Callable[[StoreError], None] | None = None,
        reserve: int = RESERVE,
    ) -> None:
        self.rests: Callable[[str], bool] | None = None
        """Tells whether mail for a domain waits for an operator: then it is held from the first, and no deliverer sees it."""
        self._folder = folder
        self._clock = clock
        self._failed = failed
        self._reserve = reserve
        self._segments = Segments(folder / "segments")
        self._room = Room(folder, settings.free_space, clock, self._spare)
        self._shelf = Shelf(settings.fresh, clock)
        self._leasing = Leasing(self._shelf, clock, self._content)
        self._hand = Hand(self._shelf, clock, show=self._found, keep=self._notices, release=self._release)
        self._number = 0
        self._reading = 0
        self._later: list[Sequence[Extent]] = []
        self._lock: Lock | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._database: SqliteDatabase | None = None

    async def open(self) -> None:
        """Take the folder and be ready for mail; what waits from before is read meanwhile (``recovered``). Raises StoreError,
        LockedError or CorruptError with a sentence for the operator.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self._open)
            await loop.run_in_executor(None, self._segments.open, await self._db.read(reading.used))
            row = await self._db.read(lambda connection: connection.one("last_number"))
        except BaseException:
            await self.close()
            raise
        self._number = row[0] if row is not None and isinstance(row[0], int) else 0
        self._recovery = asyncio.create_task(self._recover(self._number), name="spool recovery")

    def _open(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self._folder} cannot be made ({error.strerror}). Check that its parent belongs to the server's user."
            ) from error
        self._lock = Lock(self._folder / "lock")
        self._database = SqliteDatabase(
            self._folder / "spool.db",
            Schema.of("waypost.spool"),
            before_commit=self._segments.sync,
            reserve=self._reserve,
        )

    async def close(self) -> None:
        """Commit what waits and let go of the folder; idempotent. Leases end unsettled: their recipients are due at the next start."""
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
            self._recovery = None
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._segments.close()
        if self._lock is not None:
            self._lock.release()

    async def recovered(self) -> None:
        """Return when all that waited at start is in the order of deliveries. Raises StoreError when it could not be read."""
        if self._recovery is not None:
            await asyncio.shield(self._recovery)

    def _spare(self) -> int:
        return self._segments.free_blocks * BLOCK + (0 if self._database is None else self._database.spare)

    @property
    def _db(self) -> SqliteDatabase:
        if self._database is None:
            raise SpoolUnavailableError("the spool is not open")
        return self._database

    @property
    def failure(self) -> StoreError | None:
        """Why nothing more is written until the spool is opened anew (C17), or None."""
        return None if self._database is None else self._database.failure

    # Content and messages come in.

    def draft(self, *, expect: int = 0) -> SqliteDraft:
        """A sink for the content of one message."""
        if self.failure is not None:
            raise self._understood(self.failure)
        self._room.demand(expect)
        return SqliteDraft(self._segments, self._room)

    def put(self, envelope: Envelope, draft: Draft) -> Awaitable[None]:
        """Keep the message; it is durable when the awaitable ends (C4). A caller that goes away meanwhile changes nothing: it is kept."""
        if not isinstance(draft, SqliteDraft):
            raise TypeError("a draft belongs to the spool that made it")
        self._number += 1
        if draft.size > SMALL or draft.stream is not None:
            return self._put_large(self._number, envelope, draft)
        octets = draft.rest()
        kept = Kept(self._number, envelope, MemoryContent(octets))
        held = self._rests(envelope)
        row = (kept.number, envelope.id, encode_envelope(envelope), held, octets, None)
        with self._border():
            return self._db.run("keep_message", row, after=partial(self._put, kept, None, held))

    async def _put_large(self, number: int, envelope: Envelope, draft: SqliteDraft) -> None:
        try:
            await draft.finish()
            rest, stream = draft.rest(), draft.begun()
            base = stream.length
            held = self._rests(envelope)

            def work(connection: Connection) -> None:
                self._segments.append(stream, rest, at=base)
                self._segments.touch(stream)
                extents = encode_extents(stream.length, stream.extents)
                connection.execute("keep_message", (number, envelope.id, encode_envelope(envelope), held, None, extents))

            kept = Kept(number, envelope, SegmentContent(self._segments, draft.size, stream.extents))
            with self._border():
                done = self._db.write(work, after=partial(self._put, kept, stream, held))
            draft.keep()
            await done
        except (SpoolFullError, SpoolUnavailableError):
            draft.discard()
            raise

    def _rests(self, envelope: Envelope) -> bool:
        return self.rests is not None and all(map(self.rests, reading.domains_of(envelope)))

    def _put(self, kept: Kept, stream: Stream | None, held: bool, work: Work[None]) -> None:  # noqa: FBT001 - bound by partial, in this order
        """In the loop, once it is durable or failed. Until then its blocks are the spool's: a draft discarded meanwhile frees nothing."""
        if work.error is not None:
            work.error = self._understood(work.error)
            if stream is not None:
                self._segments.free(stream.extents)
        elif not held:
            self._shelf.arrive(kept)

    # Messages go out.

    async def lease(self, most: int, busy: Container[str], *, wait: float) -> Sequence[Lease]:
        """Up to ``most`` leases that are due, oldest first; ``busy`` is asked when called and again whenever something changes."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while True:
            self._shelf.news.clear()
            with self._border():
                leases = await self._leasing.gather(self._db, most, busy)
            pause = min(end - loop.time(), self._shelf.pause())
            if leases or end <= loop.time():
                return leases
            try:
                async with asyncio.timeout(pause):
                    await self._shelf.news.wait()
            except TimeoutError:
                continue

    def _content(self, octets: bytes | None, size: int, extents: Sequence[Extent]) -> Content:
        return SegmentContent(self._segments, size, extents) if octets is None else MemoryContent(octets)

    async def settle(self, lease: Lease, settlements: Sequence[Settlement], notices: Sequence[Notice] = ()) -> bool:
        """Record the results and queue the notices in one transaction; durable when it returns (C7, C8, C10)."""
        held = self._shelf.leases.get(lease.token)
        with self._border():
            if held.whole and not notices and len(settlements) == len(lease.waiting) and all(map(writing.is_final, settlements)):
                await self._db.run("forget_message", (held.number,), after=partial(self._forgot, held), urgent=True)
                return True
            kept = await self._notices(notices)
            rows = [writing.notice_row(notice) for notice in kept]
            now = self._clock.wall()
            return await self._db.write(
                lambda connection: writing.settle(connection, held, settlements, rows, now),
                after=partial(self._settled, held, settlements, kept),
                urgent=True,
            )

    def _forgot(self, held: Held, work: Work[None]) -> None:
        if work.error is None:
            self._shelf.leases.end(held)
            self._release(held.extents)
            self._shelf.news.set()

    def _settled(self, held: Held, settlements: Sequence[Settlement], notices: Sequence[Kept], work: Work[bool]) -> None:
        if work.error is not None:
            return
        self._shelf.settle(held, settlements, finished=bool(work.result))
        if work.result:
            self._release(held.extents)
        for notice in notices:
            self._shelf.arrive(notice)

    async def _notices(self, notices: Sequence[Notice]) -> list[Kept]:
        kept = []
        for notice in notices:
            octets = notice.content.octets
            if octets is None:
                octets = b"".join([piece async for piece in notice.content.chunks()])
            self._number += 1
            kept.append(Kept(self._number, notice.envelope, MemoryContent(octets)))
        return kept

    def _release(self, extents: Sequence[Extent]) -> None:
        """Free the blocks of a message forgotten, once nobody reads in passing any more (C9)."""
        if not extents:
            return
        if self._reading:
            self._later.append(extents)
        else:
            self._segments.free(extents)

    # Operators look and change.

    async def look(self, wanted: Filter, *, after: str = "") -> Sight:
        """The messages that match among the next behind the id ``after``."""
        with self._border():
            sighted = await self._look(wanted, after)
        return Sight(found=tuple(map(self._found, sighted.matches)), after=sighted.after)

    async def find(self, wanted: Filter) -> Sequence[Found]:
        """All messages that match, in the order of their ids."""
        found: list[Found] = []
        after: str | None = ""
        while after is not None and (wanted.limit is None or len(found) < wanted.limit):
            sight = await self.look(wanted, after=after)
            found += sight.found
            after = sight.after
        return found[: wanted.limit]

    async def _look(self, wanted: Filter, after: str, last: int | None = None) -> reading.Sighted:
        leased = self._shelf.leases.snapshot()
        return await self._db.read(lambda connection: reading.look(connection, wanted, after, leased, last))

    def _found(self, match: reading.Match) -> Found:
        content = FoundContent(match.size, partial(self._open_content, match.number), self._close_content)
        return Found(envelope=match.envelope, recipients=match.standings, content=content)

    async def _open_content(self, number: int) -> Content | None:
        self._reading += 1
        with self._border():
            found = await self._db.read(lambda connection: reading.content(connection, number))
        return None if found is None else self._content(*found)

    def _close_content(self) -> None:
        self._reading -= 1
        if not self._reading:
            for extents in self._later:
                self._segments.free(extents)
            self._later.clear()

    async def alter(
        self, wanted: Filter, change: Change, *, after: str = "", telling: Telling | None = None, dry_run: bool = False
    ) -> Altered:
        """Do ``change`` to what matches in one go and one transaction; what is leased is left alone and reported."""
        horizon = Horizon.of(after, self._number)
        with self._border():
            sighted = await self._look(wanted, horizon.after, horizon.last)
            altered = Altered(after=horizon.beyond(sighted.after))
            if dry_run:
                self._hand.preview(sighted.matches, change, altered)
            else:
                await self._hand.alter(self._db, sighted.matches, change, altered, telling)
        return altered

    # After a start, and when the world fails.

    async def _recover(self, last: int) -> None:
        """Put what waited at start into the order of deliveries; mail is taken meanwhile."""
        try:
            await self._read_queue(last)
        except StoreError as error:
            self._tell(error)
            raise

    async def _read_queue(self, last: int) -> None:
        name: str | None = None
        while rows := await self._db.read(partial(reading.domains, behind=name, most=DOMAINS)):
            for name, due in rows:
                self._shelf.wait(name, due)
        behind = ""
        while found := await self._db.read(partial(reading.whole, behind=behind, last=last, most=DOMAINS)):
            for behind, number, arrived, names in found:  # noqa: B007 - likewise the last id
                self._shelf.return_whole(number, arrived, names)

    @contextmanager
    def _border(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            raise self._understood(error) from error

    def _understood(self, error: Exception) -> Exception:
        self._tell(self.failure)
        if isinstance(error, FullError):
            self._room.forget()
            return SpoolFullError(str(error))
        return SpoolUnavailableError(str(error)) if isinstance(error, StoreError) else error

    def _tell(self, failure: StoreError | None) -> None:
        """Tell the daemon, once, that this shard must be opened anew, if it must."""
        if failure is not None and self._failed is not None:
            failed, self._failed = self._failed, None
            failed(failure)
