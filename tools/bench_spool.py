"""Measures the spool: puts, leases and settles per second and their CPU, beside a bare SQLite insert; and a queue of a million.

python tools/bench_spool.py [--folder DIR] [--seconds N] [--deferred N]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import queue
import resource
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import uvloop

from waypost.clock import SYSTEM
from waypost.mail import identifier
from waypost.mail.envelope import Envelope, Origin, Recipient
from waypost.mail.outcome import Action, Outcome
from waypost.mail.path import Mailbox
from waypost.spool.rows import encode_envelope
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Settlement
from waypost.spool.sqlite import SqliteSpool
from waypost.store.sqlite import PAGE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BODY = os.urandom(5120)
SENDER = Mailbox("sender", "example.org", "sender@example.org")
ORIGIN = Origin(client="192.0.2.1", port=40000, helo="client.example.org", protocol="ESMTP", session="0" * 26)
RELAYED = Outcome(action=Action.RELAYED, key="delivered", status="2.0.0")


def message(domain: str = "example.net") -> Envelope:
    """An envelope of the usual kind."""
    now = time.time()
    recipient = Recipient(Mailbox("user", domain, f"user@{domain}"))
    return Envelope(id=identifier.new(now), reverse_path=SENDER, recipients=(recipient,), arrived=now, size=len(BODY), origin=ORIGIN)


class Bare:
    """What a database costs at least: rows of envelope and content, one writer thread, one commit for all that waits."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[tuple[asyncio.Future[None], bytes, bytes] | None] = queue.SimpleQueue()
        self._folder = folder
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def put(self) -> Awaitable[None]:
        """Keep one message."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.put((future, encode_envelope(message()), BODY))
        return future

    def close(self) -> None:
        """End the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _serve(self) -> None:
        database = apsw.Connection(str(self._folder / "bare.db"))
        for pragma in (f"page_size={PAGE}", "journal_mode=wal", "synchronous=full", "wal_autocheckpoint=1000"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("CREATE TABLE q (id INTEGER PRIMARY KEY, env BLOB, body BLOB)")
        while True:
            batch = [self._waiting.get()]
            batch += [self._waiting.get() for _ in range(self._waiting.qsize())]
            work = [one for one in batch if one is not None]
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO q (env, body) VALUES (?, ?)", [(envelope, body) for _, envelope, body in work])
            database.execute("COMMIT")
            self._loop.call_soon_threadsafe(lambda futures=[one[0] for one in work]: [future.set_result(None) for future in futures])
            if len(work) < len(batch):
                return


async def rate(putters: int, seconds: float, put: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """How often ``put`` ends in a second with ``putters`` of them waiting at a time, and the CPU of one."""
    done = 0
    end = time.monotonic() + seconds

    async def go() -> None:
        nonlocal done
        while time.monotonic() < end:
            await put()
            done += 1

    wall, cpu = time.monotonic(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(putters):
            group.create_task(go())
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return {"per_second": round(done / wall), "cpu_us": round(cpu / done * 1e6, 1)}


def fresh_folder(base: Path) -> Path:
    """An empty folder of ours below ``base``."""
    folder = base / "bench-spool"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


async def puts(base: Path, seconds: float) -> None:
    """Puts of 5 KB beside the bare database, and what it takes to lease and settle them."""
    for putters in (1, 10, 50, 200):
        folder = fresh_folder(base)
        bare = Bare(folder)
        floor = await rate(putters, seconds, bare.put)
        bare.close()
        spool = SqliteSpool(folder / "shard", QueueSettings(), SYSTEM)
        await spool.open()

        async def put(spool: SqliteSpool = spool) -> None:
            draft = spool.draft(expect=len(BODY))
            draft.write(BODY)
            await spool.put(message(), draft)

        ours = await rate(putters, seconds, put)
        out = await drained(spool, putters)
        await spool.close()
        share = round(ours["per_second"] / floor["per_second"], 2)
        print(json.dumps({"putters": putters, "put": ours, "bare": floor, "share": share, "lease_settle": out}), flush=True)


async def drained(spool: SqliteSpool, at_once: int) -> dict[str, float]:
    """How fast leases are taken and settled, ``at_once`` settlements waiting at a time, until the spool is empty."""
    done = 0
    wall, cpu = time.monotonic(), time.process_time()
    while leases := await spool.lease(at_once, (), wait=0):
        await asyncio.gather(*(spool.settle(lease, [Settlement(position=0, outcome=RELAYED)]) for lease in leases))
        done += len(leases)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return {"per_second": round(done / wall), "cpu_us": round(cpu / done * 1e6, 1)}


def fill(folder: Path, count: int) -> None:
    """A shard with ``count`` deferred recipients: nine of ten at one domain, the others at a domain each."""
    database = apsw.Connection(str(folder / "spool.db"))
    database.execute("PRAGMA synchronous=off")
    now = time.time()
    with database:
        for number in range(1, count + 1):
            domain = "busy.example" if number % 10 else f"d{number}.example"
            envelope = message(domain)
            due = now - 1 if number % 3 else now + number % 14400
            database.execute(
                "INSERT INTO message VALUES (?, ?, ?, 0, ?, NULL)", (number, envelope.id, encode_envelope(envelope), b"Subject: x\r\n\r\n")
            )
            database.execute("INSERT INTO recipient VALUES (?, 0, ?, 'deferred', ?, 1, ?, ?, NULL, 0)", (number, domain, due, now, now))
    database.close()


async def million(base: Path, count: int) -> None:
    """A queue of ``count`` deferred recipients: opening, the first put, the first leases with the big domain busy and not."""
    folder = fresh_folder(base) / "shard"
    spool = SqliteSpool(folder, QueueSettings(), SYSTEM)
    await spool.open()
    await spool.close()
    await asyncio.to_thread(fill, folder, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spool = SqliteSpool(folder, QueueSettings(), SYSTEM)
    found: dict[str, float] = {"deferred": count}
    start = time.monotonic()
    await spool.open()
    found["open_s"] = time.monotonic() - start
    draft = spool.draft()
    draft.write(BODY)
    await spool.put(message("fresh.example"), draft)
    found["first_put_s"] = time.monotonic() - start
    await spool.lease(1, (), wait=30)
    found["first_lease_s"] = time.monotonic() - start
    worst = 0.0
    recovery = asyncio.ensure_future(spool.recovered())
    while not recovery.done():
        tick = time.monotonic()
        await asyncio.sleep(0.001)
        worst = max(worst, time.monotonic() - tick)
    await recovery
    found["recovered_s"] = time.monotonic() - start
    found["worst_loop_pause_s"] = worst
    tick = time.monotonic()
    leases = await spool.lease(100, {"busy.example"}, wait=0)
    found["lease_100_busy_s"] = time.monotonic() - tick
    tick = time.monotonic()
    leases = [*leases, *await spool.lease(100, (), wait=0)]
    found["lease_100_s"] = time.monotonic() - tick
    found["leased"] = len(leases)
    found["memory_before_mib"] = before
    found["memory_peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await spool.close()
    print(json.dumps({name: round(value, 4) for name, value in found.items()}), flush=True)


async def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the shards are made")  # noqa: S108 - a disk is meant
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each measurement")
    parser.add_argument("--deferred", type=int, default=0, help="measure a queue of so many deferred recipients instead")
    arguments = parser.parse_args()
    if arguments.deferred:
        await million(arguments.folder, arguments.deferred)
    else:
        await puts(arguments.folder, arguments.seconds)
    shutil.rmtree(arguments.folder / "bench-spool")


if __name__ == "__main__":
    gc.set_threshold(50_000, 50, 1000)  # as the server does
    uvloop.run(main())
