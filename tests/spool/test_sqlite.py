"""What only the body in a folder promises: refusals in words, full disks, failing disks, and a queue that grows without slowing."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import threading
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

import apsw
import pytest

from spool.spool_kit import DEFERRED, START, Hands, Sqlite, all_of, envelope, now_due, octets, put, run
from waypost.mail.content import MemoryContent
from waypost.spool.draft import MOST, SMALL, WINDOW
from waypost.spool.rows import encode_envelope
from waypost.spool.segments import BLOCK, BLOCKS, SEGMENT, SPARE, Segments
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Change, Filter, Notice, SpoolFullError, SpoolUnavailableError
from waypost.spool.sqlite import SqliteSpool
from waypost.spool.states import State
from waypost.store.database import CorruptError, StoreError
from waypost.store.lock import LockedError
from waypost.store.sqlite import Schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from waypost.spool.draft import SqliteDraft
    from waypost.spool.reading import Sighted
    from waypost.spool.spool import Found, Standing


async def in_shard(folder: Path, check: Callable[[SqliteSpool], Awaitable[None]]) -> None:
    """Run ``check`` with a spool of its own."""
    spool = SqliteSpool(folder / "shard", QueueSettings(), Hands().clock)
    await spool.open()
    try:
        await check(spool)
    finally:
        await spool.close()


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


def test_fresh_memory_at_its_edge(tmp_path: Path) -> None:
    """Content up to ``queue.fresh`` octets stays in memory; one more is read back from disk, and is the same."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands(), fresh=100)
        spool = await place.open()
        for _ in range(2):
            await put(spool, envelope("a@one.example"), bytes(50))
        assert len(spool._shelf._kept) == 2
        over = await put(spool, envelope("b@one.example"), b"x")
        assert len(spool._shelf._kept) == 2
        leases = await now_due(spool)
        assert [over.id] == [lease.envelope.id for lease in leases if await octets(lease.content) == b"x"]
        assert spool._shelf._octets == 0
        await put(spool, envelope("a@one.example"), bytes(100))
        assert len(spool._shelf._kept) == 1
        await place.close()

    run(check())


def test_small_content_lies_in_the_row(tmp_path: Path) -> None:
    """Up to 64 KiB no segment is made; one octet more makes the first."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        await put(spool, envelope("a@one.example"), bytes(SMALL))
        assert list((place.folder / "segments").iterdir()) == []
        await put(spool, envelope("a@one.example"), bytes(SMALL + 1))
        assert [path.stat().st_size for path in (place.folder / "segments").iterdir()] == [SEGMENT]
        assert spool._segments.free_blocks == BLOCKS - 2
        await place.close()

    run(check())


def test_space_is_used_again(tmp_path: Path) -> None:
    """Blocks of settled, refused and deleted messages are free again; no segment is made while one has room."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        for _ in range(5):
            await put(spool, envelope("a@one.example"), bytes(4_000_000))
            (lease,) = await now_due(spool)
            await spool.settle(lease, all_of(lease))
            kept = envelope("a@one.example")
            await put(spool, kept)
            with pytest.raises(SpoolUnavailableError):
                await put(spool, kept, bytes(4_000_000))
            (lease,) = await now_due(spool)
            await spool.settle(lease, all_of(lease))
        assert spool._segments.free_blocks == BLOCKS
        assert spool._room.used == 0
        await place.close()

    run(check())


def test_content_being_looked_at_is_not_overwritten(tmp_path: Path) -> None:
    """A message forgotten while its content is read keeps its blocks until the reading ends."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        await put(spool, envelope("a@one.example"), b"a" * 1_000_000)
        (found,) = await spool.find(Filter())
        pieces = found.content.chunks()
        read = await anext(pieces)
        (lease,) = await now_due(spool)
        await spool.settle(lease, all_of(lease))
        await put(spool, envelope("a@one.example"), b"b" * 1_000_000)
        async for piece in pieces:
            read += piece
        assert read == b"a" * 1_000_000
        with pytest.raises(SpoolUnavailableError, match="no longer"):
            await octets(found.content)
        assert spool._segments.free_blocks == BLOCKS - 1_000_000 // BLOCK - 1
        await place.close()

    run(check())


def test_spare_segments_are_deleted_at_start(tmp_path: Path) -> None:
    """Of segments wholly free only a few are kept."""
    segments = Segments(tmp_path / "segments")
    segments.open([])
    extents = segments._allocate(BLOCKS * (SPARE + 2))
    segments.close()
    segments = Segments(tmp_path / "segments")
    segments.open([extents[:1]])
    assert len(list((tmp_path / "segments").iterdir())) == SPARE + 1
    assert segments.free_blocks == SPARE * BLOCKS
    segments.close()


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


@contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A disk of 16 MiB."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(("size=16m", *options)), "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("only root can mount the small disk that this test fills")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def fill_with_mail(spool: SqliteSpool) -> int:
    """Put messages until one is refused; how many were kept."""
    for count in range(1000):
        try:
            await put(spool, envelope("a@one.example"), bytes(60_000))
        except SpoolFullError:
            return count
    raise AssertionError("the disk never became full")


def fill_to_the_last(path: Path) -> None:
    """Take every block that is left."""
    with path.open("wb", buffering=0) as filler:
        try:
            for _ in range(100_000):
                filler.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the loop ends by it
            return
    raise AssertionError("the disk never became full")


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


def begin_as_many_as_may_be(spool: SqliteSpool, drafts: list[SqliteDraft]) -> None:
    while True:
        drafts.append(spool.draft())
        while drafts[-1].write(bytes(SMALL)):
            pass


def test_a_disk_that_is_behind_holds_writers_up_and_then_refuses_new_mail(tmp_path: Path) -> None:
    """While the disk stands still each draft takes its window and no more, and past the bound of all no new one is begun."""

    async def check(spool: SqliteSpool) -> None:
        going = threading.Event()
        for _ in range(2):  # as many as the pool has threads
            spool._segments.pool.submit(going.wait)
        drafts: list[SqliteDraft] = []
        with pytest.raises(SpoolFullError, match="too much content is on its way in"):
            begin_as_many_as_may_be(spool, drafts)
        assert max(draft.size for draft in drafts) <= WINDOW + SMALL
        assert spool._room.used <= MOST + WINDOW + SMALL
        assert len([draft for draft in drafts if draft.size <= 2 * SMALL]) > len(drafts) // 2
        going.set()
        kept = [envelope("bob@one.example") for _ in drafts]
        await asyncio.gather(*[spool.put(one, draft) for one, draft in zip(kept, drafts, strict=True)])
        assert spool._room.used == 0
        spool.draft().discard()
        found = await spool.find(Filter())
        assert [draft.size for draft in drafts] == [one.content.size for one in found]

    run(in_shard(tmp_path, check))


def test_a_full_disk_refuses_mail_but_not_results(tmp_path: Path) -> None:
    """On a full disk puts are refused and nothing of them is kept; settlements with notices go on; with room, mail goes on (C16)."""

    async def check(folder: Path) -> None:
        hands = Hands()
        spool = SqliteSpool(folder / "shard", QueueSettings(free_space=0, fresh=0), hands.clock, reserve=5_000_000)
        await spool.open()
        (folder / "other").write_bytes(bytes(5_000_000))
        count = await fill_with_mail(spool)
        assert count > 20
        fill_to_the_last(folder / "filler")
        for _ in range(3):
            with pytest.raises(SpoolFullError):
                await put(spool, envelope("a@one.example"), bytes(60_000))
        assert len(await spool.find(Filter())) == count
        leases = await spool.lease(20, (), wait=0)
        for lease in leases:
            notice = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"n"))
            await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=START + 9), [notice])
        for lease in await spool.lease(20, (), wait=0):
            await spool.settle(lease, all_of(lease))
        assert len(await spool.find(Filter())) == count
        (folder / "other").unlink()
        hands.turn(1)
        await put(spool, envelope("a@one.example"), bytes(1000))
        assert (folder / "shard" / "spool.db.reserve").exists()
        assert spool.failure is None
        await spool.close()

    with small_disk(tmp_path / "disk") as folder:
        run(check(folder))


def test_a_large_message_that_fills_the_disk_leaves_nothing(tmp_path: Path) -> None:
    """Large content for which there is no segment is refused; small mail goes on."""

    async def check(folder: Path) -> None:
        spool = SqliteSpool(folder / "shard", QueueSettings(free_space=0), Hands().clock, reserve=0)
        await spool.open()
        for size in (100_000, 3_000_000):
            with pytest.raises(SpoolFullError):
                await put(spool, envelope("a@one.example"), bytes(size))
            assert list((folder / "shard" / "segments").iterdir()) == []
        await put(spool, envelope("a@one.example"), bytes(60_000))
        assert (spool._room.used, spool.failure) == (0, None)
        await spool.close()

    with small_disk(tmp_path / "disk") as folder:
        run(check(folder))


def test_room_is_asked_for_before_content_comes(tmp_path: Path) -> None:
    """A draft is refused when less than ``queue.free_space`` is free, when what is expected does not fit, or files run out."""

    async def check(folder: Path) -> None:
        hands = Hands()
        spool = SqliteSpool(folder / "shard", QueueSettings(), hands.clock, reserve=0)
        await spool.open()
        spool._room._free, spool._room._checked = 1_000_000, hands.now
        for least, expect, is_refused in ((1_000_000, 0, False), (1_000_001, 0, True), (0, 666_667, False), (0, 666_668, True)):
            spool._room.least = least
            if is_refused:
                with pytest.raises(SpoolFullError):
                    spool.draft(expect=expect)
            else:
                spool.draft(expect=expect).discard()
        hands.turn(1)
        (folder / "filler").write_bytes(bytes(1_000_000))
        spool._room.least = 20_000_000
        with pytest.raises(SpoolFullError):
            spool.draft()
        await spool.close()

    with small_disk(tmp_path / "disk") as folder:
        run(check(folder))


def test_a_disk_without_room_for_files_is_full(tmp_path: Path) -> None:
    """When the disk can hold no more files mail is refused before that matters."""

    async def check(folder: Path) -> None:
        spool = SqliteSpool(folder / "shard", QueueSettings(free_space=0), Hands().clock, reserve=0)
        await spool.open()
        with pytest.raises(SpoolFullError):
            spool.draft()
        await spool.close()

    with small_disk(tmp_path / "disk", "nr_inodes=60") as folder:
        run(check(folder))


def fill(folder: Path, count: int) -> None:
    """A shard with ``count`` due recipients, nine of ten at one domain, the others at a domain each."""
    driver = apsw.Connection(str(folder / "spool.db"))
    driver.execute("PRAGMA synchronous=off")
    numbers = range(1, count + 1)
    with driver:
        octets_ = encode_envelope(envelope("a@busy.example"))
        driver.executemany(
            "INSERT INTO message VALUES (?, ?, ?, 0, ?, NULL)",
            ((number, f"{number}-", octets_, b"x") for number in numbers),
        )
        driver.executemany(
            "INSERT INTO recipient VALUES (?, 0, ?, 'deferred', ?, 1, NULL, NULL, NULL, 0)",
            (
                (number, "busy.example" if number % 10 else f"d{number}.example", START - 100 + number % 50)
                for number in range(1, count + 1)
            ),
        )
    driver.close()


async def steps_of_a_lease(folder: Path, count: int) -> tuple[int, int]:
    """How many steps the database takes for 32 leases of a queue of ``count``, with the big domain busy and without."""
    place = Sqlite(folder, Hands())
    await place.open()
    await place.close()
    fill(place.folder, count)
    spool = await place.open()
    both = threading.Barrier(2)
    await asyncio.gather(*(spool._db.read(lambda _connection: both.wait(10)) for _ in range(2)))
    steps = []
    for busy in (["busy.example"], []):
        taken = 0

        def tick() -> bool:
            nonlocal taken
            taken += 1
            return False

        for driver in spool._db._reading:
            driver.set_progress_handler(tick, 10)
        assert len(await now_due(spool, 32, busy)) == 32
        steps.append(taken)
    await place.close()
    return steps[0], steps[1]


@pytest.mark.slow
def test_choosing_does_not_slow_down_as_the_queue_grows(tmp_path: Path) -> None:
    """A lease from a queue of 200,000, of which one busy domain owns nine tenths, takes about as many steps as from
    one of 2,000: the small domains that take turns make the difference, not the rows.
    """

    async def check() -> None:
        small = await steps_of_a_lease(tmp_path / "small", 2_000)
        large = await steps_of_a_lease(tmp_path / "large", 200_000)
        assert all(0 < many <= few * 2 for few, many in zip(small, large, strict=True)), (small, large)

    run(check())


def test_searches_are_searches(tmp_path: Path) -> None:
    """No statement on the way of a message walks a table."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        for name, count in (("due_messages", 5), ("due_recipients", 3), ("next_due", 2), ("message", 1), ("unsettled_recipient", 1)):
            plan = await spool._db.read(lambda connection, name=name, count=count: connection.plan(name, (0,) * count))
            assert all(step.startswith("SEARCH") for step in plan), (name, plan)
        await place.close()

    run(check())


def test_mail_is_taken_before_the_queue_is_read(tmp_path: Path) -> None:
    """After a start the first message is kept and leased while what waits from before is still being read."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        await place.open()
        await place.close()
        fill(place.folder, 3000)
        spool = SqliteSpool(place.folder, place.settings, place.hands.clock, reserve=0)
        await spool.open()
        assert spool._recovery is not None
        assert not spool._recovery.done()
        kept = await put(spool, envelope("a@fresh.example", arrived=START - 1000))
        (first,) = await spool.lease(1, (), wait=5)
        assert kept.id == first.envelope.id or first.envelope.recipients[0].mailbox.domain == "busy.example"
        await spool.recovered()
        assert len(await spool.lease(4000, (), wait=0)) >= 3000
        await spool.close()

    run(check())


def test_closing_in_the_middle_is_quiet(tmp_path: Path) -> None:
    """A spool that closes while it reads the queue, streams content and waits for work leaves no task and no file open."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        await place.open()
        await place.close()
        fill(place.folder, 3000)
        spool = SqliteSpool(place.folder, place.settings, place.hands.clock, reserve=0)
        await spool.open()
        draft = spool.draft()
        draft.write(bytes(3_000_000))
        waiter = asyncio.create_task(spool.lease(1, {"busy.example"}, wait=5))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait({waiter})
        await spool.close()
        await spool.close()
        draft.discard()

    run(check())
