"""A queue of a million deferred messages: how soon the server greets, what it weighs, how choosing the next grows with the queue."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tools.bench.peers import NoPeerError, start
from tools.bench.place import BUILD, HOME

if TYPE_CHECKING:
    from pathlib import Path

    from tools.bench.drive import Record
    from tools.bench.peers import Peer
    from tools.bench.place import Place

MANY, FEW = 1_000_000, 10_000
TIMES = 3
"""Starts, and choosings: the median of starts, the best of choosings, which take milliseconds that a busy machine multiplies."""

FILL = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import apsw
from tools.bench_spool import fill
folder = Path(sys.argv[1])
fill(folder, int(sys.argv[2]))
database = apsw.Connection(str(folder / "spool.db"))
database.execute("UPDATE recipient SET next_at = ? + message % 14400 WHERE state = 'deferred'", (time.time() + 7200,))
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
database.close()
"""
"""Nothing falls due while it is measured: what is weighed is the queue, not deliveries."""


def measure(place: Place) -> Record:
    """Fill the queue of a stopped server, start it, meet it."""
    start("waypost", place).stop()
    shard = place.path / "data" / "shards" / "0"
    filled = _python(FILL, str(shard), str(MANY), str(HOME))
    if filled.returncode:
        return {"kind": "deferred", "peer": "waypost", "fault": f"the queue could not be filled: {filled.stderr.strip()[-300:]}"}
    choosing = {count: [_choosing(place.path / f"choosing-{count}", count) for _ in range(TIMES)] for count in (FEW, MANY)}
    met = [_meet(place) for _ in range(TIMES)]
    first, rss, pss = (statistics.median(each[at] for each in met) for at in range(3))
    few, many = (min((one["lease_100_s"] for one in choosing[count] if "lease_100_s" in one), default=None) for count in (FEW, MANY))
    return {
        "kind": "deferred",
        "peer": "waypost",
        "messages": MANY,
        "first_greeting_s": round(first, 3),
        "rss_mib": round(rss, 1),
        "pss_mib": round(pss, 1),
        "choosing": choosing,
        "lease_growth": round(many / few, 2) if few and many else None,
    }


def _meet(place: Place) -> tuple[float, float, float]:
    """One start: seconds to the greeting, RSS and PSS in MiB once it has settled."""
    started = time.monotonic()
    peer = start("waypost", place)
    try:
        first = _greeted(peer, started)
        time.sleep(5)
        return (first, *peer.group.memory())
    finally:
        peer.stop()


def _python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    return subprocess.run([sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, timeout=900, check=False)


def _greeted(peer: Peer, started: float) -> float:
    """Seconds from the start of the process to the end of a greeting."""
    with socket.create_connection(("127.0.0.1", peer.port), 10) as talk:
        if not talk.recv(4).startswith(b"220"):
            raise NoPeerError("no greeting")
    return time.monotonic() - started


def _choosing(folder: Path, count: int) -> dict[str, float]:
    """What tools/bench_spool.py says of a queue of ``count``."""
    BUILD.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, str(HOME / "tools" / "bench_spool.py"), "--folder", str(folder), "--deferred", str(count)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    lines = done.stdout.strip().splitlines()
    return dict(json.loads(lines[-1])) if done.returncode == 0 and lines else {}
