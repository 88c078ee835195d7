"""The deliverer stops in time and takes new settings as it runs."""

from __future__ import annotations

import asyncio

import pytest

from deliver.outbound_kit import (
    ALL,
    PreparedNames,
    PreparedSpool,
    ScriptedHop,
    Wire,
    lease,
    mails,
    messages,
    outbound,
    results,
    taking,
    to,
    until,
)
from waypost.clock import SYSTEM
from waypost.deliver.worker import Deliverer
from waypost.observe.events import Observers
from waypost.route.settings import Kind, TransportSettings
from waypost.route.transports import TransportError
from waypost.spool.settings import QueueSettings


def deliverer(spool: PreparedSpool, *transports: TransportSettings) -> Deliverer:
    return Deliverer(
        spool,
        transports,
        resolver=PreparedNames(),
        outbound=outbound(),
        queue=QueueSettings(),
        hostname="here.example",
        clock=SYSTEM,
        observers=Observers(),
    )


@pytest.mark.parametrize(("patience", "settled"), [(2.0, True), (0.05, False)])
def test_drain(patience: float, settled: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """An attempt may end in the time given; one that does not is broken off before its content ends, and is not settled."""

    async def run() -> None:
        rest = b""

        async def script(wire: Wire) -> None:
            nonlocal rest
            await wire.open("PIPELINING")
            await wire.hear("MAIL", "RCPT", "DATA")
            begun.set()
            await asyncio.sleep(0.3)
            wire.say("250 ok", "250 ok", "354 go")
            rest = await wire.data()
            wire.say("250 ok")
            await wire.goodbye()

        begun = asyncio.Event()
        message = lease("bob@there.example")
        spool = PreparedSpool(message)
        async with ScriptedHop(script).listening() as hop:
            worker = deliverer(spool, to(hop))
            running = asyncio.ensure_future(worker.run())
            await begun.wait()
            worker.drain(patience)
            await running
            await asyncio.sleep(0.35 if not settled else 0)
        assert (message.envelope.id in spool.settled) == settled
        assert bool(rest) == settled

    asyncio.run(run())


def test_drain_at_once() -> None:
    """A deliverer with nothing to do stops at once."""

    async def run() -> None:
        worker = deliverer(PreparedSpool(), TransportSettings(kind=Kind.DISCARD))
        running = asyncio.ensure_future(worker.run())
        await asyncio.sleep(0.01)
        worker.drain(5.0)
        async with asyncio.timeout(1):
            await running

    asyncio.run(run())


def test_reload() -> None:
    """New transports hold for the next attempt; transports that cannot work change nothing."""

    async def run() -> None:
        first, second, third = (lease("bob@there.example") for _ in range(3))
        spool = PreparedSpool(first)
        worker = deliverer(spool, TransportSettings(kind=Kind.DISCARD))
        running = asyncio.ensure_future(worker.run())
        kwargs = {"outbound": outbound(), "queue": QueueSettings(), "hostname": "here.example"}
        await until(lambda: first.envelope.id in spool.settled)
        worker.apply(transports=(TransportSettings(kind=Kind.HOLD),), **kwargs)
        spool.waiting.append(second)
        await until(lambda: second.envelope.id in spool.settled)
        with pytest.raises(TransportError):
            worker.apply(transports=(TransportSettings(hosts=("hub:0",)),), **kwargs)
        spool.waiting.append(third)
        await until(lambda: third.envelope.id in spool.settled)
        worker.drain(1.0)
        await running
        assert [results(spool, each)[0].key for each in (first, second, third)] == ["discarded", "held", "held"]

    asyncio.run(run())


def test_a_reload_moves_what_waits_in_a_lane() -> None:
    """Mail that was leased before a reload and not attempted yet goes the new way."""
    gate = asyncio.Event()

    async def slow(wire: Wire) -> None:
        await wire.open(*ALL)
        await gate.wait()
        await messages(wire)

    async def run() -> None:
        async with ScriptedHop(slow).listening() as old, ScriptedHop(taking).listening() as new:
            sent = [lease("bob@there.example") for _ in range(2)]
            spool, limits = PreparedSpool(*sent), outbound(destination_connections=1)
            deliverer = Deliverer(
                spool,
                [to(old)],
                resolver=PreparedNames(),
                outbound=limits,
                queue=QueueSettings(),
                hostname="here.example",
                clock=SYSTEM,
                observers=Observers(),
            )
            running = asyncio.ensure_future(deliverer.run())
            await until(lambda: bool(old.wires) and not spool.waiting)
            deliverer.apply(transports=[to(new)], outbound=limits, queue=QueueSettings(), hostname="here.example")
            gate.set()
            await spool.done.wait()
            deliverer.drain(1.0)
            await running
            assert [sum(map(mails, hop.wires)) for hop in (old, new)] == [1, 1]

    asyncio.run(run())
