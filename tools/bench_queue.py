"""How a long queue is listed and changed while sessions go on: first row, whole list, greetings beside it, memory of both ends.

python tools/bench_queue.py [--folder DIR] [--messages N]

A server of its own is started over a shard filled with deferred messages of which none falls due; a client greets it again and again
on one processor while ``waypost queue`` runs on another. Times in milliseconds unless the name says otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from tools.bench.deferred import FILL

from support.ports import free_port
from support.server import PROGRAM, Waypost, configuration

QUIET = 5.0
"""Seconds of greetings with nothing beside them."""
PAUSE = 0.002
"""Seconds between two greetings: a few hundred connections a second."""


class Greetings:
    """A client that connects, reads the greeting and leaves, until it is told to stop."""

    def __init__(self, port: int) -> None:
        self.seconds: list[float] = []
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[float]:
        """How long each greeting took, in milliseconds, sorted."""
        self._over.set()
        self._thread.join()
        return sorted(1000 * one for one in self.seconds)

    def _run(self) -> None:
        while not self._over.is_set():
            began = time.perf_counter()
            with socket.create_connection(("127.0.0.1", self._port), timeout=30) as client:
                client.recv(200)
                self.seconds.append(time.perf_counter() - began)
                client.sendall(b"QUIT\r\n")
                client.recv(200)
            time.sleep(PAUSE)


def spread(found: list[float]) -> dict[str, float]:
    """What matters of ``found``, which is sorted."""
    return {
        "greetings": len(found),
        "p50": round(found[len(found) // 2], 2),
        "p99": round(found[len(found) * 99 // 100], 2),
        "most": round(found[-1], 2),
    }


def rss(pid: int) -> dict[str, float]:
    """Resident memory of a process and its children, now and at most, in MiB."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    found = {"VmRSS": 0.0, "VmHWM": 0.0}
    for one in pids:
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] = max(found[name], int(value.split()[0]) / 1024)
    return {name: round(value, 1) for name, value in found.items()}


def beside(server: Waypost, port: int, *words: str) -> dict[str, object]:
    """Run ``waypost WORDS`` with greetings beside it."""
    greetings = Greetings(port)
    began = time.perf_counter()
    command = [str(PROGRAM), *words, "--config", str(server.config)]
    first = None
    octets = rows = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as running:
        assert running.stdout is not None  # noqa: S101 - it is a pipe
        while piece := os.read(running.stdout.fileno(), 1 << 16):
            first = first or time.perf_counter() - began
            octets += len(piece)
            rows += piece.count(b"\n")
        took = time.perf_counter() - began
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    return {
        "words": " ".join(words),
        "code": running.returncode,
        "first_octet": round(1000 * (first or 0), 1),
        "whole_s": round(took, 2),
        "octets": octets,
        "lines": rows,
        "beside_it": spread(greetings.stop()),
        "client_mib": round(used.ru_maxrss / 1024, 1),
        "server_mib": rss(server.pid),
    }


def main() -> None:
    """Measure and print, a JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where to fill the queue; without it a temporary folder")
    parser.add_argument("--messages", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        port = free_port()
        tree = configuration(folder, listeners=[{"role": "relay", "bind": f"127.0.0.1:{port}"}], next_hop=free_port())
        server = Waypost(folder, tree)
        server.start().stop()
        shard = folder / "data" / "shards" / "0"
        home = Path(__file__).parent.parent
        subprocess.run([sys.executable, "-c", FILL, str(shard), str(arguments.messages), str(home)], check=True, cwd=home)
        server.start()
        try:
            quiet = Greetings(port)
            time.sleep(QUIET)
            print(json.dumps({"messages": arguments.messages, "alone": spread(quiet.stop()), "server_mib": rss(server.pid)}))
            for words in (["list"], ["list", "--json"], ["hold", "all"], ["fail", "to:@nobody.example"], ["release", "all", "--dry-run"]):
                print(json.dumps(beside(server, port, "queue", *words)), flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
