"""Kill -9 under load, and the verdict by set algebra: no acknowledged recipient is lost, nothing is torn, duplicates are bounded.

Let A be what was answered 250, D what the sink took, Q what is queued in the end, B what was bounced. I1: A is in D, Q and B
together. I2: a recipient has at most one copy more than there were kills while it lay between its last octet at the sink and the
durable mark. I5: what leaves is what came in, by hash.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from support import evidence
from support.load import Ledger, Load, identified
from support.ports import wait_for_port
from support.server import Waypost, children, configuration, listener, port_of
from support.sink import Heard, Sink
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kill, pytest.mark.slow]

IN_FLIGHT = 20
UNDER_LOAD = 100
"""Messages acknowledged before each kill, at least."""
SETTLED_SECONDS = 0.5
"""A copy answered by the sink this long before a kill must have been marked done, durably."""
BUFFERED_SECONDS = 0.2
"""A copy may reach the sink this long after the end of the process that sent it: it lay in the sockets' buffers."""


@dataclass(slots=True)
class Kill:
    """One kill -9."""

    what: str
    began: float
    """Monotonic seconds of the signal."""
    ended: float = 0.0
    """Monotonic seconds when the last process that it ends was gone."""

    def crossed(self, heard: Heard) -> bool:
        """Whether it came while this copy was at the sink, and perhaps not marked done."""
        return heard.at <= self.ended + BUFFERED_SECONDS and self.began <= heard.answered + SETTLED_SECONDS


@dataclass(slots=True)
class Trial:
    """One server under load, its next hop, and what was done to it."""

    server: Waypost
    sink: Sink
    load: Load
    ledger: Ledger
    kills: list[Kill] = field(default_factory=list)
    copies: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many copies of each (message, recipient) the sink took, as far as ``read``."""
    torn: list[str] = field(default_factory=list)
    read: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - repeatable, no secret

    def delivered(self) -> Counter[tuple[str, str]]:
        """How many copies of each (message, recipient) the sink took; on the way each is checked for being whole."""
        for heard in self.sink.heard[self.read :]:
            self.read += 1
            identifier, digest = identified(heard.content)
            self.torn += [identifier] if self.ledger.digests.get(identifier) != digest else []
            self.copies.update((identifier, address) for address in heard.recipients)
        return self.copies

    def acknowledged(self) -> set[tuple[str, str]]:
        """Every (message, recipient) that was answered 250."""
        return {(identifier, address) for identifier, recipients in dict(self.ledger.acked).items() for address in recipients}

    def in_flight(self) -> int:
        """Messages acknowledged and not yet at the sink, and those in the middle of a transaction."""
        done = {identifier for identifier, _ in self.delivered()}
        return len(set(self.ledger.acked) - done) + len(self.load.in_transaction)

    def kill(self, what: str, pid: int) -> None:
        """Kill -9 once enough is in flight; how much was is kept."""
        enough = len(self.ledger.acked) + UNDER_LOAD
        until(lambda: len(self.ledger.acked) >= enough, seconds=60, what=f"{UNDER_LOAD} more acknowledged messages")
        time.sleep(self.dice.random())  # not always at the same point of the server's work
        until(lambda: self.in_flight() >= IN_FLIGHT, seconds=30, what=f"{IN_FLIGHT} messages in flight")
        flight, held = self.in_flight(), self.sink.holding
        victims = [pid, *children(pid)]
        self.kills.append(Kill(what, time.monotonic()))
        os.kill(pid, signal.SIGKILL)
        until(lambda: not any(alive(each) for each in victims), what="the end of the killed and of its orphans")
        self.kills[-1].ended = time.monotonic()
        evidence.record("kill", what=what, in_flight=flight, at_sink=held)


@pytest.fixture
def trial(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Trial]]:
    """Make the server, the sink and the load; everything ends with the test."""
    made: list[Trial] = []

    def make(**more: object) -> Trial:
        sink = Sink(delay=0.02).start()
        domains = [f"{letter}.example.org" for letter in "abcd"]
        tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port, local=domains, queue={"retry": [1, 1, 2]}, **more)
        server = Waypost(folder / "waypost", tree).start()
        ledger = Ledger(folder / "ledger")
        load = Load(port_of(tree), ledger, seed=len(request.node.name)).start()
        made.append(Trial(server, sink, load, ledger))
        return made[-1]

    yield make
    for each in made:
        each.sink.gate.set()
        each.load.stop()
        each.server.kill()
        each.sink.stop()
        each.ledger.close()


def drain(trial: Trial) -> set[tuple[str, str]]:
    """Stop the load, let the queue empty; what is still queued in the end."""
    trial.load.stop()
    trial.sink.gate.set()
    trial.sink.delay = 0

    def missing() -> set[tuple[str, str]]:
        return trial.acknowledged() - set(trial.delivered())

    end = time.monotonic() + 60
    while missing() and time.monotonic() < end:
        time.sleep(0.2)
    return queued(trial) if missing() else set()


def queued(trial: Trial) -> set[tuple[str, str]]:
    """What the server says that it still has, matched with the ledger by recipient."""
    said = trial.server.command("queue", "list", "--json").stdout
    waiting = json.dumps(json.loads(said)) if said.strip() else ""
    return {pair for pair in trial.acknowledged() - set(trial.delivered()) if pair[1] in waiting}


def judge(trial: Trial) -> None:
    """The verdict: I1, I2, I5."""
    still = drain(trial)
    delivered, acknowledged = trial.delivered(), trial.acknowledged()
    lost = acknowledged - set(delivered) - still
    duplicates = {pair: copies - 1 for pair, copies in delivered.items() if copies > 1}
    allowed = allowed_duplicates(trial)
    evidence.record(
        "ledger",
        kills=len(trial.kills),
        acked=len(acknowledged),
        delivered=len(delivered),
        queued=len(still),
        lost=len(lost),
        torn=len(trial.torn),
        duplicates=sum(duplicates.values()),
        allowed_duplicates=sum(allowed.values()),
    )
    assert lost == set()
    assert trial.torn == []
    beyond = {pair: (copies, allowed[pair]) for pair, copies in duplicates.items() if copies > allowed[pair]}
    assert beyond == {}


def allowed_duplicates(trial: Trial) -> Counter[tuple[str, str]]:
    """I2 for each recipient: a copy more for each kill that came while one of its copies was at the sink and perhaps not marked done."""
    allowed: Counter[tuple[str, str]] = Counter()
    for heard in trial.sink.heard:
        identifier, _ = identified(heard.content)
        crossed = sum(kill.crossed(heard) for kill in trial.kills)
        for address in heard.recipients:
            allowed[identifier, address] += crossed
    return allowed


def restart(trial: Trial) -> None:
    """After the parent was killed: its workers end by themselves, and a new server takes over the data."""
    assert trial.server.process
    trial.server.process.wait(10)
    trial.server.start()


@pytest.mark.parametrize("workers", [1, 2])
def test_parent_killed(trial: Callable[..., Trial], request: pytest.FixtureRequest, workers: int) -> None:
    """The parent is killed under load: no orphan keeps the port or the data, the next server finds everything."""
    run = trial(workers=workers)
    for _ in range(rounds(request)):
        run.kill("parent", run.server.pid)
        restart(run)
    judge(run)
    run.server.stop()


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_killed(trial: Callable[..., Trial], request: pytest.FixtureRequest, workers: int) -> None:
    """A worker is killed under load: the parent starts the next, which takes over its shard."""
    run = trial(workers=workers)
    port = run.load.port
    for _ in range(rounds(request)):
        victim = run.server.workers()[0]
        run.kill("worker", victim)
        until(lambda: victim not in run.server.workers() and len(run.server.workers()) == workers, what="the next worker")  # noqa: B023 - called at once
        assert wait_for_port(port)
    judge(run)
    run.server.stop()


def test_deliverer_killed(trial: Callable[..., Trial], request: pytest.FixtureRequest) -> None:
    """A process is killed while the next hop holds its answers to final dots: copies are bounded, nothing is lost."""
    run = trial(outbound={"destination_connections": 40})
    for _ in range(rounds(request)):
        run.sink.gate.clear()
        assert run.sink.wait_holding(IN_FLIGHT, seconds=30) >= IN_FLIGHT
        victim = run.server.workers()[0]
        run.kill("deliverer", victim)
        time.sleep(0.2)
        run.sink.gate.set()
        until(lambda: victim not in run.server.workers() and run.server.workers(), what="the next worker")  # noqa: B023 - called at once
        assert wait_for_port(run.load.port)
    judge(run)
    run.server.stop()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - a proc file, read once
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def rounds(request: pytest.FixtureRequest) -> int:
    """How often to kill."""
    return int(request.config.getoption("--kills"))
