from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import apsw
import pytest

from waypost.clock import SYSTEM
from waypost.inbox.inbox import Search
from waypost.inbox.sqlite import FILE, PIECE, SqliteInbox
from waypost.mail import identifier
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Envelope, Recipient
from waypost.smtp.grammar import parse_mailbox
from waypost.store.database import StoreError
from waypost.store.sqlite import Schema

if TYPE_CHECKING:
    from pathlib import Path


def an_envelope() -> Envelope:
    return Envelope(id=identifier.new(1.0), reverse_path=None, recipients=(Recipient(parse_mailbox("a@b.example")),), arrived=1.0)


def rows(folder: Path, table: str) -> int:
    connection = apsw.Connection(str(folder / FILE))
    count = next(iter(connection.execute(f"SELECT count(*) FROM {table}")))[0]  # noqa: S608 - names of this test
    connection.close()
    return int(count)


def test_mail_survives_closing(tmp_path: Path) -> None:
    """What was kept is there when the file is opened anew."""
    envelope = an_envelope()

    async def keep() -> None:
        inbox = SqliteInbox(tmp_path, SYSTEM)
        await inbox.keep(envelope, MemoryContent(b"Subject: x\r\n\r\n"))
        inbox.close()

    async def look() -> list[str]:
        inbox = SqliteInbox(tmp_path, SYSTEM)
        found = [each.id for each in await inbox.list(Search())]
        inbox.close()
        return found

    asyncio.run(keep())
    assert asyncio.run(look()) == [envelope.id]


def test_pieces_that_a_crash_left_are_cleared(tmp_path: Path) -> None:
    """Content without a message is gone after the next keep; content with one stays."""

    async def keep() -> None:
        inbox = SqliteInbox(tmp_path, SYSTEM)
        await inbox.keep(an_envelope(), MemoryContent(b"x" * (2 * PIECE)))
        inbox.close()

    asyncio.run(keep())
    connection = apsw.Connection(str(tmp_path / FILE))
    connection.execute("INSERT INTO content VALUES (77); INSERT INTO piece VALUES (77, 0, x'00'); INSERT INTO piece VALUES (77, 1, x'00')")
    connection.close()
    assert (rows(tmp_path, "content"), rows(tmp_path, "piece")) == (2, 4)
    asyncio.run(keep())
    assert (rows(tmp_path, "content"), rows(tmp_path, "piece")) == (2, 4)


def test_deleting_frees_every_row(tmp_path: Path) -> None:
    """No row of any table outlives its message."""

    async def work() -> None:
        inbox = SqliteInbox(tmp_path, SYSTEM)
        for size in (10, 3 * PIECE):
            await inbox.keep(an_envelope(), MemoryContent(b"x" * size))
        await inbox.delete(Search())
        inbox.close()

    asyncio.run(work())
    assert [rows(tmp_path, table) for table in ("message", "recipient", "content", "piece")] == [0, 0, 0, 0]


def test_a_message_deleted_while_it_is_read_is_an_error_not_a_short_message(tmp_path: Path) -> None:
    """Nobody takes half a message for a whole one."""

    async def work() -> None:
        inbox, envelope = SqliteInbox(tmp_path, SYSTEM), an_envelope()
        await inbox.keep(envelope, MemoryContent(b"x" * (3 * PIECE)))
        found = await inbox.open(envelope.id)
        assert found is not None
        try:
            chunks = found[1].chunks()
            await anext(chunks)
            await anext(chunks)
            await inbox.delete(Search())
            with pytest.raises(StoreError):
                await anext(chunks)
        finally:
            inbox.close()

    asyncio.run(work())


def test_the_schema_equals_its_migrations() -> None:
    """What the steps make is what the schema says."""
    schema = Schema.of("waypost.inbox")

    def made(*scripts: str) -> list[tuple[object, ...]]:
        connection = apsw.Connection(":memory:")
        for script in scripts:
            connection.execute(script)
        found = list(connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name"))
        connection.close()
        return found

    assert made(*schema.migrations) == made(schema.text)


def test_searching_by_id_and_age_uses_an_index(tmp_path: Path) -> None:
    """Finding one message and finding old ones never reads the whole table."""
    inbox = SqliteInbox(tmp_path, SYSTEM)

    async def plans() -> list[str]:
        database = inbox._database
        one = await database.read(lambda connection: connection.plan("by_id", ("x",)))
        old = await database.read(lambda connection: connection.plan("older", (1.0,)))
        return [*one, *old]

    found = asyncio.run(plans())
    inbox.close()
    assert [step for step in found if not step.startswith("SEARCH message USING")] == []
