"""What a crash leaves behind: nothing lost that was answered for, nothing torn, every lease taken back (C1 to C10)."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import DEFERRED, FAILED, Hands, Sqlite, all_of, envelope, now_due, octets, put, run
from waypost.mail.content import MemoryContent
from waypost.spool.spool import Change, Filter, Notice
from waypost.spool.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from waypost.spool.sqlite import SqliteSpool

LARGE = bytes(range(256)) * 2000


def after_a_crash(place: Sqlite, folder: Path) -> Sqlite:
    """The shard as a crash at this moment would leave it: what is in the files, without the memory and the lock."""
    shutil.copytree(place.folder, folder / "shard", ignore=shutil.ignore_patterns("*-shm", "lock"))
    return Sqlite(folder, place.hands)


async def left(spool: SqliteSpool) -> set[tuple[str, str, int]]:
    """Who is due: message, address, attempts made."""
    return {
        (lease.envelope.id, waiting.recipient.mailbox.text, waiting.attempts) for lease in await now_due(spool) for waiting in lease.waiting
    }


def test_a_crash_takes_back_every_lease(tmp_path: Path) -> None:
    """What was leased when the owner ended is due again, whole, and only where it was not settled (C3, C5, C7, C8)."""

    async def check() -> None:
        place = Sqlite(tmp_path / "one", Hands())
        spool = await place.open()
        large = await put(spool, envelope("a@one.example", "b@two.example"), LARGE)
        done = await put(spool, envelope("a@one.example"))
        part = await put(spool, envelope("a@one.example", "b@two.example"))
        leases = {(lease.envelope.id, lease.domain): lease for lease in await now_due(spool)}
        for one in (leases[done.id, "one.example"], leases[part.id, "two.example"]):
            await spool.settle(one, all_of(one))
        crashed = after_a_crash(place, tmp_path / "two")
        await place.close()
        again = await crashed.open()
        expected = {(large.id, "a@one.example", 0), (large.id, "b@two.example", 0), (part.id, "a@one.example", 0)}
        assert expected == await left(again)
        (found,) = await again.find(Filter(ids=frozenset({large.id})))
        assert await octets(found.content) == LARGE
        await crashed.close()

    run(check())


def test_the_deferred_and_the_held_outlive_a_crash(tmp_path: Path) -> None:
    """Attempts, moments and holds are as they were (C8)."""

    async def check() -> None:
        hands = Hands()
        place = Sqlite(tmp_path / "one", hands)
        spool = await place.open()
        later = await put(spool, envelope("a@one.example"))
        held = await put(spool, envelope("a@two.example"))
        await spool.alter(Filter(ids=frozenset({held.id})), Change.HOLD)
        (lease,) = await now_due(spool)
        await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=hands.now + 60))
        crashed = after_a_crash(place, tmp_path / "two")
        await place.close()
        again = await crashed.open()
        assert await left(again) == set()
        hands.turn(60)
        assert await left(again) == {(later.id, "a@one.example", 1)}
        assert [held.id] == [found.envelope.id for found in await again.find(Filter(states=frozenset({State.HELD})))]
        await crashed.close()

    run(check())


def test_a_notice_and_its_cause_outlive_a_crash_together(tmp_path: Path) -> None:
    """After a crash there is either the message or the notice, never both and never neither (C10)."""

    async def check() -> None:
        place = Sqlite(tmp_path / "one", Hands())
        spool = await place.open()
        kept = await put(spool, envelope("a@one.example"))
        (lease,) = await now_due(spool)
        before = after_a_crash(place, tmp_path / "before")
        notice = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"given up"))
        await spool.settle(lease, all_of(lease, FAILED), [notice])
        after = after_a_crash(place, tmp_path / "after")
        await place.close()
        assert [kept.id] == [found.envelope.id for found in await (await before.open()).find(Filter())]
        assert [notice.envelope.id] == [found.envelope.id for found in await (await after.open()).find(Filter())]
        await before.close()
        await after.close()

    run(check())


def test_content_without_a_row_leaves_no_trace(tmp_path: Path) -> None:
    """A message that was still streaming in is gone, and its space is free (C1, C2)."""

    async def check() -> None:
        place = Sqlite(tmp_path / "one", Hands())
        spool = await place.open()
        draft = spool.draft()
        draft.write(bytes(3_000_000))
        await draft.finish()
        assert spool._segments.free_blocks < 256
        crashed = after_a_crash(place, tmp_path / "two")
        draft.discard()
        assert spool._segments.free_blocks == 256
        await place.close()
        again = await crashed.open()
        assert list(await again.find(Filter())) == []
        assert again._segments.free_blocks == 256
        await crashed.close()

    run(check())


CHILD = """
import asyncio, hashlib, os, sys, time
from pathlib import Path
from waypost.clock import SYSTEM
from waypost.mail import identifier
from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.path import Mailbox
from waypost.spool.settings import QueueSettings
from waypost.spool.sqlite import SqliteSpool

async def main():
    spool = SqliteSpool(Path(sys.argv[1]), QueueSettings(free_space=0), SYSTEM, reserve=0)
    await spool.open()

    async def go(turn):
        while True:
            content = os.urandom(200_000 if turn % 8 == 0 else 5000)
            name = hashlib.sha256(content).hexdigest()[:60]
            recipients = tuple(Recipient(Mailbox(name, domain, f"{name}@{domain}")) for domain in ("one.example", "two.example"))
            now = time.time()
            envelope = Envelope(id=identifier.new(now), reverse_path=None, recipients=recipients, arrived=now)
            draft = spool.draft()
            draft.write(content)
            await spool.put(envelope, draft)
            print(envelope.id, flush=True)
            turn += 1

    await asyncio.gather(*(go(turn) for turn in range(20)))

asyncio.run(main())
"""


@pytest.mark.kill
def test_killed_in_the_middle_of_puts(tmp_path: Path) -> None:
    """Three times killed with 20 messages in flight: every message answered for is there, and none is torn."""
    answered: set[str] = set()
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "shard")], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            answered |= {child.stdout.readline().strip() for _ in range(150)}
            child.kill()
            answered |= {line.strip() for line in child.stdout if line.endswith("\n")}
        assert child.returncode == -9

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        place.hands.turn(1e9)
        spool = await place.open()
        there = {}
        for found in await spool.find(Filter()):
            digest = hashlib.sha256(await octets(found.content)).hexdigest()[:60]
            there[found.envelope.id] = digest == found.envelope.recipients[0].mailbox.local_part
        leased = {lease.envelope.id for lease in await spool.lease(100_000, (), wait=0)}
        assert len(answered) >= 450
        assert answered - set(there) == set()
        assert all(there.values())
        assert leased == set(there)
        await place.close()

    run(check())
