"""A spool that starts, chooses and closes with a long queue: nothing waits for it to be read."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import apsw
import pytest

from spool.spool_kit import START, Hands, Sqlite, envelope, now_due, put, run
from waypost.spool.rows import encode_envelope
from waypost.spool.sqlite import SqliteSpool

if TYPE_CHECKING:
    from pathlib import Path


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
