"""python -m tools.bench [--rows 1,2,6] [--reps 3] [--seconds 1] [--kit exim,haraka-queue]: measure, judge, write."""

from __future__ import annotations

import argparse
import random
import shlex
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.bench import deferred, drive, explaining, machine, report
from tools.bench.drive import Cell
from tools.bench.peers import NoPeerError, Peer, kit_peers, start
from tools.bench.place import Kind, NoPlaceError, Place, place
from tools.bench.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.bench.drive import Record

ONE, MANY = Cell("5k", 50, many=False), Cell("5k", 50, many=True)
LARGE, SINGLE = Cell("100k", 50, many=False), Cell("5k", 1, many=False)
CROWD = Cell("5k", 200, many=False)
WARM = Cell("1k", 4, many=True)
RELAYED = 3000


@dataclass(slots=True)
class Bench:
    """One run."""

    seconds: float
    records: list[Record] = field(default_factory=list)
    rates: dict[tuple[str, str], float] = field(default_factory=dict)

    def keep(self, record: Record, kind: Kind, rep: int) -> None:
        """Keep and show one reading."""
        record.update(place=str(kind), rep=rep, load=drive.load())
        self.records.append(record)
        shown = {name: value for name, value in record.items() if name not in ("kind", "place", "rep", "choosing")}
        print(f"  {record['kind']} on {kind}: {shown}", flush=True)

    def with_peer(self, name: str, kind: Kind, rep: int, reading: str, work: Callable[[Peer], list[Record]]) -> None:
        """Start a peer in a fresh place, work, stop it; what cannot be had is kept as a reading with its fault."""
        try:
            with place(kind, name.replace(":", "-")) as here:
                peer = start(name, here)
                try:
                    for record in work(peer):
                        self.keep(record, kind, rep)
                finally:
                    peer.stop()
        except (NoPlaceError, NoPeerError, OSError) as fault:
            self.keep({"kind": reading, "peer": name.removeprefix("kit:"), "fault": str(fault)[:300]}, kind, rep)

    def accept(self, name: str, kind: Kind, cells: tuple[Cell, ...]) -> Callable[[int], None]:
        """Accepting, all cells on one start."""

        def work(peer: Peer) -> list[Record]:
            drive.source(peer.port, WARM, 400)
            return [drive.accept(peer, cell, self.rates, seconds=self.seconds) for cell in cells]

        return lambda rep: self.with_peer(name, kind, rep, "accept", work)

    def simple(self, name: str, reading: str, work: Callable[[Peer], Record]) -> Callable[[int], None]:
        """One reading on one start."""
        return lambda rep: self.with_peer(name, Kind.DISK, rep, reading, lambda peer: [work(peer)])

    def relay(self, name: str) -> Callable[[int], None]:
        """Relaying; the counting sink must be there before the peer starts."""

        def work(rep: int) -> None:
            hop = drive.counting_sink(RELAYED)
            try:
                self.with_peer(name, Kind.DISK, rep, "relay", lambda peer: [drive.relay(peer, hop, messages=RELAYED)])
            finally:
                if hop.poll() is None:
                    hop.kill()
                    hop.wait()

        return work

    def million(self, rep: int) -> None:
        """Once is enough: it takes minutes, and compares Waypost with itself."""
        if rep:
            return
        try:
            with place(Kind.PLAIN, "million") as here:
                self.keep(deferred.measure(Place(Kind.PLAIN, here.path)), Kind.PLAIN, rep)
        except (NoPlaceError, NoPeerError, OSError) as fault:
            self.keep({"kind": "deferred", "peer": "waypost", "fault": str(fault)[:300]}, Kind.PLAIN, rep)

    def jobs(self, rows: set[int], kit: list[str]) -> list[Callable[[int], None]]:  # noqa: C901 - one branch per kind of row
        """What must run for these rows."""
        found: list[Callable[[int], None]] = []
        durable = tuple(
            cell for cell, needed in ((ONE, {1, 4, 5, 6}), (MANY, {2, 4, 5, 6}), (SINGLE, {8}), (LARGE, {4, 7})) if rows & needed
        )
        if durable:
            found += [self.accept(name, Kind.DISK, durable) for name in ("waypost", "postfix", "smtp-sink")]
        if 4 in rows:
            found.append(self.accept("aiosmtpd", Kind.DISK, (ONE, MANY, LARGE)))
        if 5 in rows:
            found.append(self.accept("aiosmtpd-mailbox", Kind.DISK, (ONE, MANY)))
        if rows & {1, 2}:
            found += [self.accept(f"kit:{name}", Kind.DISK, (ONE, MANY)) for name in kit]
        if 3 in rows:
            found += [self.accept(name, Kind.RAM, (ONE, MANY)) for name in ("waypost", "postfix")]
        if 9 in rows:
            found += [self.simple(name, "latency", drive.latency) for name in ("waypost", "postfix")]
        if 10 in rows:
            found.append(self.simple("waypost", "idle", drive.idle))
        if 11 in rows:
            found += [self.relay(name) for name in ("waypost-relay", "postfix-relay")]
        if 12 in rows:
            found += [self.simple(name, "starttls", drive.starttls) for name in ("waypost-tls", "postfix-tls", "aiosmtpd-tls")]
        if 13 in rows:
            found += [self.accept(name, Kind.SLOW, (CROWD,)) for name in ("waypost", "postfix")]
        return found


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="Measure Waypost beside other servers.")
    numbers = [row.number for row in ROWS]
    parser.add_argument("--rows", default=",".join(map(str, numbers)), help="rows of the table, such as 1,2,6 (default: all)")
    parser.add_argument("--reps", type=int, default=3, help="repetitions, interleaved (default 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one reading of a cell (default 1)")
    parser.add_argument("--kit", default="", help="more servers from the kit that WAYPOST_PEERS names, for rows 1 and 2")
    return parser.parse_args()


def main() -> int:
    """Everything in one run; exit code 0 when all was written, whatever the figures say."""
    asked = parse()
    wanted = {int(word) for word in asked.rows.split(",")}
    rows = [row for row in ROWS if row.number in wanted]
    offered = kit_peers()
    kit = [name for name in asked.kit.split(",") if name] or [name for name in ("exim", "haraka-queue", "proto-sqlite") if name in offered]
    bench, facts, started = Bench(asked.seconds), machine.facts(), time.monotonic()
    jobs = bench.jobs(wanted, kit)
    for rep in range(asked.reps):
        order = list(jobs)
        random.Random(rep).shuffle(order)  # noqa: S311 - an order, no secret
        print(f"repetition {rep + 1} of {asked.reps}", flush=True)
        for job in order:
            job(rep)
    if 14 in wanted:
        bench.million(0)
    if 18 in wanted:
        for record in explaining.measure():
            bench.keep(record, Kind.PLAIN, 0)
    judged = report.judge(rows, bench.records)
    facts["minutes"] = round((time.monotonic() - started) / 60, 1)
    report.write(facts, judged, bench.records, shlex.join(["python", "-m", "tools.bench", *sys.argv[1:]]))
    for row in judged:
        print(f"{row['row']:>2} {row['state']:<12} {row['value']:<20} {row['target']:<30} {row['measure']}")
    print(f"bench: {report.JSON}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
