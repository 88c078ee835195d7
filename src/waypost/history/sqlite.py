"""History in an SQLite file: conversations queue up in memory and are written a few times a second. Knows no driver.

History never delays mail: ``keep`` only queues, the queue is bounded, and one sync of the disk serves all that gathered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import msgspec

from waypost.history.settings import HistorySettings
from waypost.history.transcript import Line, Transcript
from waypost.store.database import StoreError
from waypost.store.sqlite import Schema, SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.store.sqlite import Connection

FILE = "history.db"
GATHER = 0.25
"""Seconds in which conversations gather before they are written."""
_DAY = 86_400
_DEFAULT = HistorySettings()


class SqliteHistory:
    """Keeps ``History`` in ``folder``. Opening blocks for some milliseconds. Raises StoreError or CorruptError."""

    def __init__(self, folder: Path, clock: Clock, settings: HistorySettings = _DEFAULT) -> None:
        self._clock = clock
        self._settings = settings
        self._database = SqliteDatabase(folder / FILE, Schema.of("waypost.history"), readers=1)
        self._waiting: list[Transcript] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self.dropped = 0
        """Conversations that were not kept: too many waited, or the store failed."""

    def apply(self, settings: HistorySettings) -> None:
        """Go by ``settings`` from the next that is kept on: it is then that what is beyond them is forgotten."""
        self._settings = settings

    def keep(self, transcript: Transcript) -> None:
        """See ``History.keep``. Must be called in the loop's thread."""
        if not self._settings.keep:
            return
        if len(self._waiting) >= self._settings.waiting:
            self.dropped += 1
            return
        self._waiting.append(transcript)
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._write)

    async def read(self, session: str) -> Transcript | None:
        """See ``History.read``."""
        found = await self._read("read", session)
        return found[0] if found else None

    async def recent(self, *, refused: bool, limit: int) -> Sequence[Transcript]:
        """See ``History.recent``."""
        return await self._read("recent_refused" if refused else "recent", limit)

    async def about(self, message: str) -> Sequence[Transcript]:
        """See ``History.about``."""
        return await self._read("about", message)

    def close(self) -> None:
        """Write what waits and close; idempotent; blocks until done. Called in the loop's thread."""
        self._hand_over()
        self._database.close()

    async def _read(self, query: str, binding: str | int) -> Sequence[Transcript]:
        """What was kept so far, what still waits included."""
        while self._waiting or self._writing is not None:
            self._write()
            if self._writing is not None:
                await asyncio.wait((self._writing,))
        return await self._database.read(lambda connection: [_decoded(cast(bytes, row[0])) for row in connection.all(query, (binding,))])

    def _write(self) -> None:
        """Hand over what waits, unless a batch is on its way: then its end calls again."""
        if self._writing is None:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        try:
            self._writing = self._database.write(lambda connection: self._keep(connection, batch))
        except StoreError:
            self.dropped += len(batch)
            return
        self._writing.add_done_callback(lambda future: self._written(future, len(batch)))

    def _written(self, future: asyncio.Future[None], size: int) -> None:
        if self._writing is future:
            self._writing = None
        if future.cancelled() or future.exception() is not None:
            self.dropped += size
        if self._waiting and self._timer is None:
            self._timer = future.get_loop().call_later(GATHER, self._write)

    def _keep(self, connection: Connection, batch: Sequence[Transcript]) -> None:
        """In the writer's thread: keep a batch and forget what is old."""
        for transcript in batch:
            number = _number(connection, "keep", transcript.session, transcript.began, int(bool(transcript.refused)), _encoded(transcript))
            connection.execute("forget_carried", (number,))
            connection.executemany("carry", [(message, number) for message in dict.fromkeys(transcript.messages)])
        old = []
        settings = self._settings
        if settings.days:
            old += connection.all("older", (self._clock.wall() - settings.days * _DAY,))
        if settings.most:
            more = _number(connection, "count") - settings.most
            old += connection.all("oldest", (more,)) if more > 0 else []
        for number in {cast(int, row[0]) for row in old}:
            connection.execute("forget_carried", (number,))
            connection.execute("forget", (number,))


class _Kept(msgspec.Struct, array_like=True):
    session: str
    began: float
    outbound: bool
    peer: str
    helo: str
    tls: str
    account: str
    messages: list[str]
    refused: str
    lines: list[tuple[float, bool, bytes, str]]
    omitted: int


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Kept)


def _encoded(transcript: Transcript) -> bytes:
    return _ENCODER.encode(
        _Kept(
            session=transcript.session,
            began=transcript.began,
            outbound=transcript.outbound,
            peer=transcript.peer,
            helo=transcript.helo,
            tls=transcript.tls,
            account=transcript.account,
            messages=list(transcript.messages),
            refused=transcript.refused,
            lines=[(line.after, line.from_client, line.octets, line.key) for line in transcript.lines],
            omitted=transcript.omitted,
        )
    )


def _decoded(octets: bytes) -> Transcript:
    kept = _DECODER.decode(octets)
    return Transcript(
        session=kept.session,
        began=kept.began,
        outbound=kept.outbound,
        peer=kept.peer,
        helo=kept.helo,
        tls=kept.tls,
        account=kept.account,
        messages=tuple(kept.messages),
        refused=kept.refused,
        lines=tuple(Line(*line) for line in kept.lines),
        omitted=kept.omitted,
    )


def _number(connection: Connection, query: str, *bindings: str | float | bytes) -> int:
    row = connection.one(query, bindings)
    if row is None:
        raise StoreError(f"the statement {query} always gives a row, and gave none")
    return cast(int, row[0])
