"""A spool on a disk that is full, short of files, or behind: new mail is refused, what was taken goes on."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import DEFERRED, START, Hands, all_of, envelope, in_shard, put, run
from waypost.mail.content import MemoryContent
from waypost.spool.draft import MOST, SMALL, WINDOW
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Filter, Notice, SpoolFullError
from waypost.spool.sqlite import SqliteSpool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waypost.spool.draft import SqliteDraft


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
