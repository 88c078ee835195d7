"""The table: what each row measures, what it must reach, and how its value follows from the readings. Drives nothing."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.bench.drive import Record

DISK, RAM, SLOW = "fresh ext4", "memory", "20 ms write delay"


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of a row."""

    name: str
    value: float | None
    target: float
    at_least: bool
    unit: str = "×"
    why: str = ""
    """Why there is no value."""

    @property
    def state(self) -> str:
        """met, missed or not measured."""
        if self.value is None:
            return "not measured"
        return "met" if (self.value >= self.target) == self.at_least or self.value == self.target else "missed"

    @property
    def wanted(self) -> str:
        """The target as the table shows it."""
        return f"{'>=' if self.at_least else '<='} {self.target:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    number: int
    measure: str
    judge: Callable[[Sequence[Record]], list[Part]]


class Readings:
    """The readings, asked for medians."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def median(self, kind: str, peer: str, key: str, **where: object) -> float | None:
        """The median over the repetitions, or None."""
        found = [record[key] for record in self._of(kind, peer, where) if isinstance(record.get(key), int | float)]
        return statistics.median(found) if found else None

    def fault(self, kind: str, *peers: str, **where: object) -> str:
        """Why there is no reading."""
        said = [record["fault"] for peer in peers for record in self._of(kind, peer, where) if record.get("fault")]
        return said[0] if said else "it was not run"

    def ratio(
        self, name: str, target: float, kind: str, key: str, ours: str, theirs: str, *, at_least: bool = True, **where: object
    ) -> Part:
        """Our median over theirs, both from this run and this place."""
        one, other = self.median(kind, ours, key, **where), self.median(kind, theirs, key, **where)
        value = round(one / other, 2) if one is not None and other else None
        return Part(name, value, target, at_least, "×", "" if value is not None else self.fault(kind, ours, theirs, **where))

    def figure(
        self, name: str, target: float, kind: str, key: str, peer: str, unit: str, *, at_least: bool = False, **where: object
    ) -> Part:
        """Our own median."""
        value = self.median(kind, peer, key, **where)
        return Part(name, value, target, at_least, unit, "" if value is not None else self.fault(kind, peer, **where))

    def _of(self, kind: str, peer: str, where: dict[str, object]) -> list[Record]:
        return [
            record
            for record in self._records
            if record["kind"] == kind and record["peer"] == peer and all(record.get(key) in (value, None) for key, value in where.items())
        ]


def _one(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.ratio("msg/s", 4, "accept", "rate", "waypost", "postfix", cell="5k:50:one", place=DISK),
        read.ratio("CPU", 0.25, "accept", "cpu_us", "waypost", "postfix", at_least=False, cell="5k:50:one", place=DISK),
    ]


def _many(records: Sequence[Record]) -> list[Part]:
    return [Readings(records).ratio("msg/s", 6, "accept", "rate", "waypost", "postfix", cell="5k:50:many", place=DISK)]


def _ram(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.ratio("one", 3, "accept", "rate", "waypost", "postfix", cell="5k:50:one", place=RAM),
        read.ratio("many", 5, "accept", "rate", "waypost", "postfix", cell="5k:50:many", place=RAM),
    ]


def _discarding(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    cells = (("one", "5k:50:one", 1.8), ("many", "5k:50:many", 2.5), ("100 KB", "100k:50:one", 3))
    return [read.ratio(name, target, "accept", "rate", "waypost", "aiosmtpd", cell=cell, place=DISK) for name, cell, target in cells]


def _mailbox(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    cells = (("one", "5k:50:one", 7), ("many", "5k:50:many", 10))
    return [
        read.ratio(name, target, "accept", "rate", "waypost", "aiosmtpd-mailbox", cell=cell, place=DISK) for name, cell, target in cells
    ]


def _cpu(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    cells = (("one", "5k:50:one", 220), ("many", "5k:50:many", 110))
    return [read.figure(name, target, "accept", "cpu_us", "waypost", "µs", cell=cell, place=DISK) for name, cell, target in cells]


def _large(records: Sequence[Record]) -> list[Part]:
    return [Readings(records).ratio("msg/s", 2, "accept", "rate", "waypost", "postfix", cell="100k:50:one", place=DISK)]


def _single(records: Sequence[Record]) -> list[Part]:
    return [Readings(records).ratio("msg/s", 2, "accept", "rate", "waypost", "postfix", cell="5k:1:one", place=DISK)]


def _latency(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.ratio("p50", 0.8, "latency", "p50", "waypost", "postfix", at_least=False),
        read.ratio("p99", 0.4, "latency", "p99", "waypost", "postfix", at_least=False),
    ]


def _idle(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.figure("each", 6, "idle", "kib_each", "waypost", "KiB"),
        read.figure("in all", 110, "idle", "pss_mib", "waypost", "MiB"),
        read.figure("new session p99", 5, "idle", "p99", "waypost", "ms"),
    ]


def _relay(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.ratio("msg/s", 3, "relay", "rate", "waypost-relay", "postfix-relay"),
        read.ratio("CPU", 0.35, "relay", "cpu_us", "waypost-relay", "postfix-relay", at_least=False),
    ]


def _starttls(records: Sequence[Record]) -> list[Part]:
    return [Readings(records).ratio("CPU", 0.8, "starttls", "cpu_us", "waypost-tls", "postfix-tls", at_least=False)]


def _slow(records: Sequence[Record]) -> list[Part]:
    return [Readings(records).ratio("msg/s", 10, "accept", "rate", "waypost", "postfix", cell="5k:200:one", place=SLOW)]


def _deferred(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.figure("first 220", 1, "deferred", "first_greeting_s", "waypost", "s"),
        read.figure("memory", 1024, "deferred", "pss_mib", "waypost", "MiB"),
        read.figure("choosing 100, a million against ten thousand", 3, "deferred", "lease_growth", "waypost", "×"),
    ]


def _explaining(records: Sequence[Record]) -> list[Part]:
    read = Readings(records)
    return [
        read.figure("a message, median", 1, "explain", "median_ms", "waypost", "ms"),
        read.figure("a line, median", 0.1, "explain", "median_ms", "waypost lines", "ms"),
        read.figure("no bounce taken for one", 0, "explain", "no_bounce_taken", "waypost", "messages"),
    ]


ROWS = (
    Row(1, "accept, 5 KB, 50 sessions, one message per connection, against Postfix", _one),
    Row(2, "the same, many per connection", _many),
    Row(3, "the same with spools in memory: one / many", _ram),
    Row(4, "against aiosmtpd on uvloop that discards: one / many / 100 KB", _discarding),
    Row(5, "against aiosmtpd with Mailbox: one / many", _mailbox),
    Row(6, "CPU per 5 KB message: one / many", _cpu),
    Row(7, "100 KB, 50 sessions, against Postfix", _large),
    Row(8, "one session at a time, against Postfix", _single),
    Row(9, "latency to the final 250, p50 / p99, against Postfix", _latency),
    Row(10, "10,000 idle plain connections; a new session among them", _idle),
    Row(11, "relay end to end, 5 KB, against Postfix", _relay),
    Row(12, "STARTTLS session, CPU, against Postfix", _starttls),
    Row(13, "with 20 ms of write delay, 200 sessions, against Postfix", _slow),
    Row(14, "1,000,000 deferred in the queue", _deferred),
    Row(18, "explaining a bounce and a reply line, on one core", _explaining),
)
