"""The inbox in an SQLite file: small content in one commit, large content in pieces that a last commit names. Knows no driver.

A message exists from the commit that inserts its row, with all of its pieces; pieces that no row names are what a crash left
over, and go when the file is opened. Keeping the same id again adds recipients, so a delivery repeated after a crash is harmless.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import msgspec

from waypost.inbox import rest
from waypost.inbox.inbox import Captured
from waypost.inbox.search import address, described, domain, plain
from waypost.inbox.settings import InboxSettings
from waypost.inbox.waiting import Waiting
from waypost.mail import header, trace
from waypost.mail.content import MemoryContent
from waypost.store.database import StoreError
from waypost.store.sqlite import Schema, SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.inbox.inbox import Search
    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope, Recipient
    from waypost.store.sqlite import Connection, Row, Value

PIECE = 262_144
"""Octets of a piece of content."""
FILE = "inbox.db"
_DEFAULT = InboxSettings()
_DAY = 86_400


class SqliteInbox:
    """Keeps ``Inbox`` in ``folder``. Opening blocks for some milliseconds. Raises StoreError or CorruptError."""

    def __init__(self, folder: Path, clock: Clock, settings: InboxSettings = _DEFAULT) -> None:
        self._clock = clock
        self._settings = settings
        self._database = SqliteDatabase(folder / FILE, Schema.of("waypost.inbox"), readers=1)
        self._waiting = Waiting()
        self._swept = False

    def apply(self, settings: InboxSettings) -> None:
        """Go by ``settings`` from the next that is kept on: it is then that what is beyond them is forgotten."""
        self._settings = settings

    async def keep(self, envelope: Envelope, content: Content) -> None:
        """See ``Inbox.keep``. Raises StoreError: then nothing was kept."""
        if not self._swept:
            self._swept = True
            await self._database.write(_sweep)
        octets = content.octets
        if octets is not None and len(octets) <= PIECE:
            captured = await self._database.write(lambda connection: self._keep(connection, envelope, octets, len(octets), None, octets))
        else:
            captured = await self._keep_large(envelope, content)
        self._waiting.came(captured)

    async def list(self, wanted: Search) -> Sequence[Captured]:
        """See ``Inbox.list``."""
        return await self._database.read(lambda connection: [_captured(row) for row in connection.all("find", _bindings(wanted))])

    async def open(self, id_: str) -> tuple[Captured, Content] | None:
        """See ``Inbox.open``."""
        row = await self._database.read(lambda connection: connection.one("by_id", (id_,)))
        if row is None:
            return None
        captured, number = _captured(row), cast(int, row[6])
        top = trace.return_path(captured.envelope.reverse_path)
        stored = _Stored(self._database, number, captured.size, top)
        if captured.size > PIECE:
            return captured, stored
        return captured, MemoryContent(b"".join([piece async for piece in stored.chunks()]))

    async def wait(self, wanted: Search, *, seconds: float) -> Captured | None:
        """See ``Inbox.wait``."""
        return await self._waiting.wait(wanted, seconds, lambda: self.list(replace(wanted, limit=1)))

    async def delete(self, wanted: Search) -> int:
        """See ``Inbox.delete``."""

        def work(connection: Connection) -> int:
            found = [(row[0], row[6]) for row in connection.all("find", _bindings(wanted))]
            _forget(connection, found)
            return len(found)

        return await self._database.write(work, urgent=True)

    def close(self) -> None:
        """Commit what waits and close; idempotent; blocks until done."""
        self._database.close()

    async def _keep_large(self, envelope: Envelope, content: Content) -> Captured:
        """Write piece after piece, each durable, and name them last."""
        number = await self._database.write(_begin)
        try:
            head, size, position = b"", 0, 0
            async for chunk in content.chunks():
                if len(head) < PIECE:
                    head += chunk[: PIECE - len(head)]
                for start in range(0, len(chunk), PIECE):
                    bindings = (number, position, chunk[start : start + PIECE])
                    await self._database.run("add_piece", bindings)
                    position += 1
                size += len(chunk)
            return await self._database.write(lambda connection: self._keep(connection, envelope, head, size, number, b""))
        except BaseException:
            with suppress(StoreError):  # closed meanwhile: the next opening clears it away
                self._database.write(lambda connection: _drop_content(connection, number), urgent=True).add_done_callback(_seen)
            raise

    def _keep(self, connection: Connection, envelope: Envelope, head: bytes, size: int, content: int | None, octets: bytes) -> Captured:
        """In the writer's thread: name the content, or add the recipients to the message that is there; then forget what is old."""
        row = connection.one("by_id", (envelope.id,))
        if row is not None:
            if content is not None:
                _drop_content(connection, content)
            return _merge(connection, cast(int, row[0]), _captured(row), envelope)
        if content is None:
            content = _begin(connection)
            connection.execute("add_piece", (content, 0, octets))
        captured = described(envelope, head[: max(header.end_of_header(head), 0)] or head, size, self._clock.wall())
        number = _number(connection.one("add_message", (*_columns(captured), content)))
        _add_recipients(connection, number, envelope.recipients)
        self._retain(connection)
        return captured

    def _retain(self, connection: Connection) -> None:
        settings = self._settings
        most, days = settings.messages, settings.days
        if days:
            _forget(connection, connection.all("older", (self._clock.wall() - days * _DAY,)))
        if most:
            count = _number(connection.one("count"))
            if count > most:
                _forget(connection, connection.all("oldest", (count - most,)))


class _Stored:
    """Content that is read piece by piece, Return-Path on top."""

    __slots__ = ("_database", "_number", "_size", "_top")

    octets = None

    def __init__(self, database: SqliteDatabase, number: int, size: int, top: bytes) -> None:
        self._database = database
        self._number = number
        self._size = size
        self._top = top

    @property
    def size(self) -> int:
        """Octets in all."""
        return len(self._top) + self._size

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its octets in order. Raises StoreError when the message is deleted meanwhile."""
        yield self._top
        left, position = self._size, 0
        while left > 0:
            row = await self._database.read(lambda connection, at=position: connection.one("piece", (self._number, at)))  # type: ignore[misc]  # a default binds the loop's variable
            if row is None:
                raise StoreError("the message was deleted while it was read")
            octets = cast(bytes, row[0])
            yield octets
            left -= len(octets)
            position += 1


def _merge(connection: Connection, number: int, captured: Captured, envelope: Envelope) -> Captured:
    before = captured.envelope.recipients
    new = tuple(each for each in envelope.recipients if each not in before)
    if not new:
        return captured
    merged = msgspec.structs.replace(captured.envelope, recipients=before + new)
    connection.execute("set_envelope", (number, rest.written(merged)))
    _add_recipients(connection, number, new)
    return replace(captured, envelope=merged)


def _begin(connection: Connection) -> int:
    return _number(connection.one("begin_content"))


def _number(row: Row | None) -> int:
    if row is None:
        raise StoreError("a statement that always gives a row gave none")
    return cast(int, row[0])


def _add_recipients(connection: Connection, number: int, recipients: Iterable[Recipient]) -> None:
    connection.executemany("add_recipient", [(number, address(each.mailbox), domain(each.mailbox)) for each in recipients])


def _forget(connection: Connection, found: Iterable[Sequence[Value]]) -> None:
    for number, content in found:
        connection.execute("delete_message", (number,))
        connection.execute("delete_recipients", (number,))
        _drop_content(connection, cast(int, content))


def _drop_content(connection: Connection, number: int) -> None:
    connection.execute("delete_pieces", (number,))
    connection.execute("delete_content", (number,))


def _sweep(connection: Connection) -> None:
    for row in connection.all("left_over"):
        _drop_content(connection, cast(int, row[0]))


def _seen(future: object) -> None:
    """A failed clean-up is repeated when the file is opened next."""
    future.exception()  # type: ignore[attr-defined]  # it is the future of a write; asking marks its error as seen


def _columns(captured: Captured) -> tuple[Value, ...]:
    sender = captured.envelope.reverse_path
    return (
        captured.id,
        captured.captured,
        rest.written(captured.envelope),
        address(sender),
        domain(sender),
        captured.subject,
        captured.subject.casefold(),
        captured.message_id,
        captured.size,
    )


def _captured(row: Row) -> Captured:
    envelope = rest.read(cast(bytes, row[2]))
    return Captured(
        id=envelope.id,
        captured=cast(float, row[1]),
        envelope=envelope,
        subject=cast(str, row[3]),
        message_id=cast(str, row[4]),
        size=cast(int, row[5]),
    )


def _bindings(wanted: Search) -> tuple[Value, ...]:
    sender, sender_domain = _either(wanted.reverse_path)
    recipient, recipient_domain = _either(wanted.recipient)
    return (
        msgspec.json.encode(sorted(wanted.ids)).decode() if wanted.ids else None,
        sender,
        sender_domain,
        recipient,
        recipient_domain,
        None if wanted.subject is None else wanted.subject.casefold(),
        wanted.after,
        -1 if wanted.limit is None else wanted.limit,
        wanted.before,
    )


def _either(text: str | None) -> tuple[str | None, str | None]:
    """An address, or a domain."""
    if text is None:
        return None, None
    wanted = plain(text)
    return (None, wanted[1:]) if wanted.startswith("@") else (wanted, None)
