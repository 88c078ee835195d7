"""What the spool in a folder refuses in words: other owners, damage, failing disks; and what each leaves behind."""

from __future__ import annotations

import asyncio
import errno
import threading
from importlib.resources import files
from typing import TYPE_CHECKING

import apsw
import pytest

from spool.spool_kit import DEFERRED, START, Hands, Sqlite, all_of, envelope, in_shard, now_due, octets, put, run
from waypost.mail.content import MemoryContent
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Change, Filter, Notice, SpoolUnavailableError
from waypost.spool.sqlite import SqliteSpool
from waypost.spool.states import State
from waypost.store.database import CorruptError, StoreError
from waypost.store.lock import LockedError
from waypost.store.sqlite import Schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from waypost.spool.reading import Sighted
    from waypost.spool.spool import Found, Standing


def tables(statements: tuple[str, ...]) -> set[tuple[str, str]]:
    """What ``statements`` make, comments and blanks apart."""
    driver = apsw.Connection(":memory:")
    for statement in statements:
        driver.execute(statement)
    return {(str(name), " ".join(str(sql).split())) for name, sql in driver.execute("SELECT name, sql FROM sqlite_schema")}


def test_the_schema_is_the_sum_of_the_migrations() -> None:
    """``schema.sql`` says what the migrations make."""
    schema = Schema.of("waypost.spool")
    assert tables((schema.text,)) == tables(schema.migrations)
    assert len(schema.migrations) == len([entry for entry in files("waypost.spool").joinpath("sql").iterdir() if entry.name[0].isdigit()])


def test_one_owner(tmp_path: Path) -> None:
    """A second owner is refused by the first one's process id, and the first goes on."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        with pytest.raises(LockedError, match="in use by process"):
            await Sqlite(tmp_path, Hands()).open()
        await put(spool, envelope("a@one.example"))
        await place.close()

    run(check())


def test_refusals_name_the_file_and_the_cure(tmp_path: Path) -> None:
    """A damaged file, a newer schema and a folder that cannot be made each give one sentence, and leave the lock free."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        await place.open()
        await place.close()
        database = place.folder / "spool.db"
        driver = apsw.Connection(str(database))
        driver.pragma("user_version", 99)
        driver.close()
        with pytest.raises(CorruptError, match="version 99"):
            await Sqlite(tmp_path, Hands()).open()
        database.write_bytes(b"not a database" * 1000)
        with pytest.raises(CorruptError, match=r"spool\.db is not a database"):
            await Sqlite(tmp_path, Hands()).open()
        with pytest.raises(StoreError, match="cannot be made"):
            await Sqlite(database, Hands()).open()
        database.unlink()
        assert await place.open()
        await place.close()

    run(check())


def test_a_failed_sync_ends_the_spool(tmp_path: Path) -> None:
    """When content cannot be made durable nothing is answered for, the daemon is told once, and nothing is synced again (C17)."""

    async def check() -> None:
        told: list[StoreError] = []
        spool = SqliteSpool(tmp_path / "shard", QueueSettings(free_space=0), Hands().clock, failed=told.append, reserve=0)
        await spool.open()
        kept = await put(spool, envelope("a@one.example"))
        (lease,) = await now_due(spool)
        calls = 0

        def fail() -> None:
            nonlocal calls
            calls += 1
            raise OSError(errno.EIO, "failed")

        spool._db._writer._before_commit = fail
        for _ in range(2):
            with pytest.raises(SpoolUnavailableError, match="opened anew"):
                await put(spool, envelope("a@one.example"), bytes(100_000))
        with pytest.raises(SpoolUnavailableError):
            await spool.settle(lease, all_of(lease))
        assert (calls, len(told), told[0]) == (1, 1, spool.failure)
        await spool.close()
        place = Sqlite(tmp_path, Hands())
        assert [kept.id] == [lease.envelope.id for lease in await now_due(await place.open())]
        await place.close()

    run(check())


def test_a_caller_that_goes_away_takes_nothing_with_it(tmp_path: Path) -> None:
    """A put whose caller is cancelled, and whose draft is discarded, keeps the message whole."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        started, blocked = threading.Event(), threading.Event()
        first = spool._db.write(lambda _connection: (started.set(), blocked.wait(10)))
        await asyncio.to_thread(started.wait, 10)
        for content in (b"small", b"L" * 200_000):
            draft = spool.draft()
            draft.write(content)
            task = asyncio.ensure_future(spool.put(envelope("a@one.example"), draft))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
            draft.discard()
        blocked.set()
        await first
        await put(spool, envelope("b@one.example"), b"M" * 200_000)
        assert {b"small", b"L" * 200_000, b"M" * 200_000} == {await octets(lease.content) for lease in await now_due(spool)}
        await place.close()

    run(check())


def test_a_row_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Damage within a row ends the reading of the queue with a clear sentence, and the daemon is told."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        await put(await place.open(), envelope("a@one.example"))
        await place.close()
        driver = apsw.Connection(str(place.folder / "spool.db"))
        driver.execute("UPDATE message SET envelope = x'00'")
        driver.close()
        told: list[StoreError] = []
        spool = SqliteSpool(place.folder, place.settings, place.hands.clock, failed=told.append, reserve=0)
        await spool.open()
        with pytest.raises(CorruptError, match="cannot read"):
            await spool.recovered()
        assert len(told) == 1
        with pytest.raises(SpoolUnavailableError, match="cannot read"):
            await spool.find(Filter())
        await spool.close()

    run(check())


def test_a_settlement_that_fails_leaves_the_lease(tmp_path: Path) -> None:
    """Outcomes and notices are kept together or not at all, and the lease can be settled again."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        kept = await put(spool, envelope("a@one.example"))
        (lease,) = await now_due(spool)
        clash = Notice(envelope=kept, content=MemoryContent(b"the id is taken"))
        with pytest.raises(SpoolUnavailableError):
            await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=START), [clash])
        (found,) = await spool.find(Filter())
        assert [standing.attempts for standing in found.recipients] == [0]
        await spool.settle(lease, all_of(lease))
        assert list(await spool.find(Filter())) == []
        await place.close()

    run(check())


def test_a_notice_names_nobody_who_was_attempted_since_the_look(tmp_path: Path) -> None:
    """Eve is attempted between the look and the change, and waits anew: then Bob is not given up in a notice that names both."""

    async def check(spool: SqliteSpool) -> None:
        kept = await put(spool, envelope("bob@one.example", "eve@two.example"))
        look = spool._look

        async def overtaken(wanted: Filter, after: str, last: int | None = None) -> Sighted:
            sighted = await look(wanted, after, last)
            (lease,) = await spool.lease(1, ("one.example",), wait=0)
            await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=START + 9))
            return sighted

        async def compose(found: Found, changing: Sequence[Standing]) -> Sequence[Notice]:
            return [Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"both were given up"))]

        spool._look = overtaken  # type: ignore[method-assign]  # somebody is quicker
        assert (await spool.alter(Filter(), Change.FAIL, telling=compose)).messages == []
        spool._look = look  # type: ignore[method-assign]  # as it was
        (found,) = await spool.find(Filter())
        assert (kept.id, [one.state for one in found.recipients]) == (found.envelope.id, [State.QUEUED, State.DEFERRED])
        assert [lease.domain for lease in await now_due(spool)] == ["one.example"]
        assert [kept.id] == (await spool.alter(Filter(states=frozenset({State.DEFERRED})), Change.FAIL, telling=compose)).messages

    run(in_shard(tmp_path, check))
