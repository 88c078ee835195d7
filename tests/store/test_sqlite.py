"""A database in a file: groups of work, who fails with whom, and what happens when the disk fails."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import apsw
import pytest

from store.store_kit import TABLE, THINGS, names, run
from waypost.store.connection import Unusable
from waypost.store.database import CorruptError, FullError, StoreError
from waypost.store.queries import Schema
from waypost.store.sqlite import SqliteDatabase, Work

if TYPE_CHECKING:
    from pathlib import Path

    from waypost.store.sqlite import Connection


def test_what_was_written_is_read_and_stays(tmp_path: Path) -> None:
    """Work that ended is read at once by readers, and after the file is opened anew."""

    async def check() -> None:
        for expected in (["a"], ["a", "b"]):
            database = SqliteDatabase(tmp_path / "x.db", THINGS)
            await database.run("keep", (len(expected), expected[-1]))
            assert expected == await database.read(names)
            database.close()

    run(check())


def test_work_gives_its_result(tmp_path: Path) -> None:
    """What a piece of work returns is what its awaitable gives."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS)
        await database.run("keep", (1, "a"))
        assert await database.write(names) == ["a"]
        database.close()

    run(check())


def test_only_the_guilty_fails(tmp_path: Path) -> None:
    """Of all that is committed together, what is wrong fails alone and leaves nothing, with its own error."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS)

        def half(connection: Connection) -> None:
            connection.execute("keep", (50, "half"))
            raise ValueError("guilty")

        blocked = threading.Event()
        first = database.write(lambda _connection: blocked.wait(10))
        work = [database.run("keep", (1, "a")), database.write(half), database.run("keep", (1, "again")), database.run("keep", (2, "b"))]
        blocked.set()
        await first
        results = await asyncio.gather(*work, return_exceptions=True)
        assert [type(None), ValueError, StoreError, type(None)] == [type(result) for result in results]
        assert await database.read(names) == ["a", "b"]
        assert database.failure is None
        database.close()

    run(check())


def test_what_waits_is_committed_together(tmp_path: Path) -> None:
    """All work that gathered while a batch was committed goes into the next one: two syncs for a hundred pieces."""

    async def check() -> None:
        commits = 0

        def count() -> None:
            nonlocal commits
            commits += 1

        database = SqliteDatabase(tmp_path / "x.db", THINGS, before_commit=count)
        started, blocked = threading.Event(), threading.Event()
        first = database.write(lambda _connection: (started.set(), blocked.wait(10)))
        await asyncio.to_thread(started.wait, 10)
        rest = [database.run("keep", (number, "x")) for number in range(100)]
        blocked.set()
        await asyncio.gather(first, *rest)
        assert commits == 2
        database.close()

    run(check())


def test_who_goes_away_changes_nothing(tmp_path: Path) -> None:
    """Work whose caller was cancelled is done all the same, and ``after`` is told."""

    async def check() -> None:
        told: list[Exception | None] = []

        def after(work: Work[None]) -> None:
            told.append(work.error)

        database = SqliteDatabase(tmp_path / "x.db", THINGS)
        database.run("keep", (1, "a"), after=after).cancel()
        with pytest.raises(StoreError):
            await database.run("keep", (1, "a"), after=after)
        assert await database.read(names) == ["a"]
        assert told[0] is None
        assert isinstance(told[1], StoreError)
        database.close()

    run(check())


def test_close_commits_what_waits(tmp_path: Path) -> None:
    """Closing waits for work handed over before; it can be done twice; afterwards work is refused."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS)
        futures = [database.run("keep", (number, "x")) for number in range(10)]
        database.close()
        database.close()
        await asyncio.gather(*futures)
        with pytest.raises(StoreError, match="closed"):
            database.run("keep", (1, "a"))
        with pytest.raises(StoreError, match="closed"):
            database.read(names)
        again = SqliteDatabase(tmp_path / "x.db", THINGS)
        assert len(await again.read(names)) == 10
        again.close()
        assert not (tmp_path / "x.db-wal").exists()

    run(check())


def test_readers_cannot_write(tmp_path: Path) -> None:
    """Work given to ``read`` cannot change anything."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS)
        with pytest.raises(StoreError):
            await database.read(lambda connection: connection.all("keep", (1, "a")))
        assert await database.read(names) == []
        database.close()

    run(check())


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    """What is committed while a reader reads is not seen by it."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS)
        between, go_on = threading.Event(), threading.Event()

        def twice(connection: Connection) -> tuple[list[object], list[object]]:
            first = names(connection)
            between.set()
            go_on.wait(10)
            return first, names(connection)

        reading = database.read(twice)
        await asyncio.to_thread(between.wait, 10)
        await database.run("keep", (1, "a"))
        go_on.set()
        assert await reading == ([], [])
        database.close()

    run(check())


def test_a_failed_sync_ends_all_writing(tmp_path: Path) -> None:
    """After the disk failed nothing is committed or synced again until the file is opened anew (C17)."""

    async def check() -> None:
        calls = 0

        def fail() -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise OSError(errno.EIO, "failed")

        database = SqliteDatabase(tmp_path / "x.db", THINGS, before_commit=fail)
        await database.run("keep", (1, "a"))
        for _ in range(3):
            with pytest.raises(Unusable, match="opened anew"):
                await database.run("keep", (2, "b"))
        assert calls == 2
        assert isinstance(database.failure, Unusable)
        assert await database.read(names) == ["a"]
        database.close()
        again = SqliteDatabase(tmp_path / "x.db", THINGS)
        await again.run("keep", (2, "b"))
        again.close()

    run(check())


def test_a_failed_write_of_the_driver_ends_all_writing(tmp_path: Path) -> None:
    """An error of the disk beneath the driver is told apart from bad work, and ends the writing too."""
    program = """
import asyncio, resource, signal, sys
from pathlib import Path
from store.store_kit import THINGS
from waypost.store.connection import Unusable
from waypost.store.sqlite import SqliteDatabase

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    database = SqliteDatabase(Path(sys.argv[1]), THINGS)
    await database.run("keep", (1, "a"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    results = await asyncio.gather(database.run("keep", (2, bytes(2_000_000))), return_exceptions=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    results += await asyncio.gather(database.run("keep", (3, "c")), return_exceptions=True)
    print([type(result).__name__ for result in results])
    database.close()

asyncio.run(main())
"""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {sys.path[0]!r}); sys.path[:0] = {sys.path!r}\n{program}"]
    done = subprocess.run([*command, str(tmp_path / "x.db")], capture_output=True, text=True, check=False, timeout=30)
    assert (done.stdout, done.stderr) == ("['Unusable', 'Unusable']\n", "")


def limit_pages(connection: Connection) -> None:
    """Let the file grow by a few pages only, as on a full disk."""
    driver = connection._driver
    pages = int(driver.pragma("page_count"))
    driver.pragma("max_page_count", pages + 2)


def lift_limit(connection: Connection) -> None:
    connection._driver.pragma("max_page_count", 1_000_000)


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """What finds no room fails as full and leaves nothing; what fits goes on; nothing ends for good."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS)
        await database.write(limit_pages)
        with pytest.raises(FullError, match="no space left"):
            await database.run("keep", (1, bytes(1_000_000)))
        await database.run("keep", (2, "small"))
        assert database.failure is None
        await database.write(lift_limit)
        await database.run("keep", (1, bytes(1_000_000)))
        assert len(await database.read(names)) == 2
        database.close()

    run(check())


def test_urgent_work_goes_on_when_the_disk_is_full(tmp_path: Path) -> None:
    """When the disk is full urgent work of a batch is done, the rest refused; the reserve is given back only for what is urgent."""

    async def check() -> None:
        database = SqliteDatabase(tmp_path / "x.db", THINGS, reserve=100_000)
        assert (tmp_path / "x.db.reserve").stat().st_size == 100_000
        await database.write(limit_pages)
        blocked = threading.Event()
        first = database.write(lambda _connection: blocked.wait(10), urgent=True)
        work = [
            database.run("keep", (1, bytes(1_000_000))),
            database.run("keep", (2, "urgent"), urgent=True),
            database.run("keep", (3, "not urgent")),
        ]
        blocked.set()
        await first
        results = await asyncio.gather(*work, return_exceptions=True)
        assert [FullError, type(None), FullError] == [type(result) for result in results]
        assert (tmp_path / "x.db.reserve").exists()
        with pytest.raises(FullError):
            await database.run("keep", (4, bytes(1_000_000)), urgent=True)
        assert not (tmp_path / "x.db.reserve").exists()
        await database.run("keep", (5, "the disk has room: the reserve is made again"))
        assert (tmp_path / "x.db.reserve").exists()
        database.close()

    run(check())


NOT_OURS = [
    ("damaged", b"SQLite format 3\0" + b"\xff" * 5000, "not a database of Waypost|damaged"),
    ("no database", b"hello" * 1000, "not a database of Waypost"),
]


@pytest.mark.parametrize(("octets", "says"), [row[1:] for row in NOT_OURS], ids=[row[0] for row in NOT_OURS])
def test_a_damaged_file_is_refused(octets: bytes, says: str, tmp_path: Path) -> None:
    """A file that is no database is refused with its name and what to do, and left as it is."""
    path = tmp_path / "x.db"
    path.write_bytes(octets)
    with pytest.raises(CorruptError, match=says) as caught:
        SqliteDatabase(path, THINGS)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == octets


def test_damage_found_while_writing_ends_all_writing(tmp_path: Path) -> None:
    """A page that turns out damaged is told, and nothing more is written."""

    async def check() -> None:
        path = tmp_path / "x.db"
        database = SqliteDatabase(path, THINGS)
        await asyncio.gather(*(database.run("keep", (number, bytes(9000))) for number in range(300)))
        database.close()
        octets = bytearray(path.read_bytes())
        octets[16384 : 16384 + 60] = b"\xff" * 60
        path.write_bytes(octets)
        database = SqliteDatabase(path, THINGS)
        with pytest.raises(CorruptError, match="damaged"):
            await database.run("keep", (1000, "a"))
        with pytest.raises(CorruptError):
            await database.read(names)
        assert isinstance(database.failure, CorruptError)
        database.close()

    run(check())


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file written by a newer version is refused with both versions and what to do."""
    path = tmp_path / "x.db"
    SqliteDatabase(path, Schema(TABLE, (TABLE, "CREATE TABLE later (x);"), THINGS.queries)).close()
    with pytest.raises(CorruptError, match=r"version 2.*up to 1"):
        SqliteDatabase(path, THINGS)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database that is not ours is refused and not changed."""
    path = tmp_path / "x.db"
    driver = apsw.Connection(str(path))
    driver.execute("CREATE TABLE theirs (x)")
    driver.close()
    with pytest.raises(CorruptError, match="another program"):
        SqliteDatabase(path, THINGS)


def test_an_older_schema_is_brought_forward(tmp_path: Path) -> None:
    """The steps that are missing are taken, and what was kept is kept."""

    async def check() -> None:
        path = tmp_path / "x.db"
        old = SqliteDatabase(path, THINGS)
        await old.run("keep", (1, "a"))
        old.close()
        new = SqliteDatabase(path, Schema("", (TABLE, "ALTER TABLE thing ADD COLUMN more TEXT;"), THINGS.queries))
        assert await new.read(names) == ["a"]
        new.close()

    run(check())


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    """A migration is done whole or not at all."""
    path = tmp_path / "x.db"
    SqliteDatabase(path, THINGS).close()
    with pytest.raises(StoreError):
        SqliteDatabase(path, Schema("", (TABLE, "CREATE TABLE a (x);", "CREATE TABLE a (x);"), THINGS.queries))
    SqliteDatabase(path, THINGS).close()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A path below something that is no folder gives one clear sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteDatabase(tmp_path / "file" / "x.db", THINGS)
