"""Connections to next hops: how many there are, how often each is used, and what becomes of those that died."""

from __future__ import annotations

import asyncio

import pytest

from deliver.outbound_kit import (
    ALL,
    CONTENT,
    PreparedNames,
    PreparedSpool,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    mails,
    outbound,
    taking,
    to,
    until,
)
from waypost.clock import SYSTEM
from waypost.deliver.worker import Deliverer
from waypost.net.dns import Exchanger
from waypost.observe.events import Observers
from waypost.route import exchangers
from waypost.route.settings import TransportSettings
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import SpoolUnavailableError


@pytest.mark.parametrize(("most", "per_connection"), [(100, [5]), (5, [5]), (4, [4, 1]), (1, [1, 1, 1, 1, 1])])
def test_messages_per_connection(most: int, per_connection: list[int]) -> None:
    """A connection carries as many messages as the setting says, and is then said goodbye on."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            sent = [lease("bob@there.example") for _ in range(5)]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1, connection_messages=most))
            assert all(keys(spool, each) == ["relayed"] for each in sent)
            assert [mails(wire) for wire in hop.wires] == per_connection
            assert all(wire.lines[-1] == b"QUIT" for wire in hop.wires)

    asyncio.run(run())


def test_no_reuse() -> None:
    """With reuse_seconds = 0 every message has its own connection."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            await deliver(
                [lease("bob@there.example") for _ in range(3)], to(hop), settings=outbound(destination_connections=1, reuse_seconds=0)
            )
            assert [mails(wire) for wire in hop.wires] == [1, 1, 1]

    asyncio.run(run())


@pytest.mark.parametrize(("most", "peak"), [(1, 1), (3, 3), (20, 8)])
def test_connections_per_destination(most: int, peak: int) -> None:
    """No destination has more connections at once than the setting says."""
    open_now, seen = 0, 0

    async def slow(wire: Wire) -> None:
        nonlocal open_now, seen
        open_now += 1
        seen = max(seen, open_now)
        await asyncio.sleep(0.05)
        await taking(wire)
        open_now -= 1

    async def run() -> None:
        async with ScriptedHop(slow).listening() as hop:
            sent = [lease("bob@there.example") for _ in range(8)]
            settings = outbound(destination_connections=most, reuse_seconds=0)
            spool = await deliver(sent, to(hop), settings=settings)
            assert all(keys(spool, each) == ["relayed"] for each in sent)

    asyncio.run(run())
    assert seen == peak


def test_connections_in_all() -> None:
    """All destinations together have no more connections than the setting says, and each gets its turn."""
    open_now, seen = 0, 0

    async def slow(wire: Wire) -> None:
        nonlocal open_now, seen
        open_now += 1
        seen = max(seen, open_now)
        await asyncio.sleep(0.02)
        await taking(wire)
        open_now -= 1

    async def run() -> None:
        async with ScriptedHop(slow).listening() as hop:
            names = PreparedNames({f"d{number}.example": (Exchanger(1, "127.0.0.1"),) for number in range(8)})
            sent = [lease(f"bob@d{number}.example") for number in range(8)]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(exchangers, "PORT", hop.port)
                spool = await deliver(sent, TransportSettings(), names=names, settings=outbound(connections=2, reuse_seconds=0))
            assert all(keys(spool, each) == ["relayed"] for each in sent)

    asyncio.run(run())
    assert seen == 2


def test_a_slow_destination_holds_up_nobody_else() -> None:
    """While one destination is stuck with a full lane, mail for others goes on."""

    async def run() -> None:
        stuck = asyncio.Event()

        async def silent(wire: Wire) -> None:
            await stuck.wait()
            await taking(wire)

        async with ScriptedHop(silent).listening() as bad, ScriptedHop(taking).listening() as good:
            held = [lease("bob@bad.example") for _ in range(50)]
            others = [lease("bob@good.example") for _ in range(50)]
            spool = PreparedSpool(*held, *others)
            transports = (to(bad, match="bad.example"), to(good, match="good.example"))
            running = asyncio.ensure_future(
                deliver([], *transports, spool=spool, settings=outbound(connections=10, destination_connections=2))
            )
            await until(lambda: all(each.envelope.id in spool.settled for each in others))
            assert not any(each.envelope.id in spool.settled for each in held)
            stuck.set()
            await running
            assert all(keys(spool, each) == ["relayed"] for each in held)

    asyncio.run(run())


@pytest.mark.parametrize("farewell", ["", "421 4.4.2 idle too long"])
def test_a_connection_that_died_while_idle(farewell: str) -> None:
    """A kept connection on which something happened is not used again; the message goes over a fresh one."""

    async def once(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "250 ok", "250 ok")
        await asyncio.sleep(0.05)
        if farewell:
            wire.say(farewell)

    async def run() -> None:
        async with ScriptedHop(once, taking).listening() as hop:
            first, second = lease("bob@there.example"), lease("bob@there.example")
            spool = PreparedSpool(first)
            spool.left = 2
            running = asyncio.ensure_future(deliver([], to(hop), spool=spool))
            await asyncio.sleep(0.2)
            spool.waiting.append(second)
            await running
            assert [keys(spool, each) for each in (first, second)] == [["relayed"], ["relayed"]]
            assert len(hop.wires) == 2

    asyncio.run(run())


def test_a_connection_that_dies_as_it_is_used_again() -> None:
    """When nothing at all was answered on a kept connection the message goes over a fresh one at once."""

    async def once(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "250 ok", "250 ok")
        await wire.hear("MAIL", "RCPT", "BDAT")

    async def run() -> None:
        async with ScriptedHop(once, taking).listening() as hop:
            sent = [lease("bob@there.example"), lease("bob@there.example")]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1))
            assert [keys(spool, each) for each in sent] == [["relayed"], ["relayed"]]
            assert len(hop.wires) == 2

    asyncio.run(run())


def test_an_answer_is_never_taken_for_another_message() -> None:
    """A message whose content cannot be read on a used connection waits, whatever the message before came to."""

    class Unreadable:
        size = 70_000
        octets = None

        async def chunks(self) -> object:
            raise SpoolUnavailableError("gone")
            yield b""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            sent = [lease("bob@there.example"), lease("bob@there.example", content=Unreadable())]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1))
            assert [keys(spool, each) for each in sent] == [["relayed"], ["content-unreadable"]]

    asyncio.run(run())


def test_a_busy_destination_makes_way() -> None:
    """While there is no room for all, mail for one destination does not wait until all mail for another is out."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            many = [lease("bob@big.example") for _ in range(40)]
            few = lease("bob@small.example")
            spool = PreparedSpool(*many, few)
            ways = [
                TransportSettings(match=name, hosts=(host,))
                for name, host in (("big.example", hop.at), ("small.example", hop.at.replace("127.0.0.1", "localhost")))
            ]
            await deliver([], *ways, spool=spool, settings=outbound(connections=1), names=PreparedNames({}, {"localhost": ("127.0.0.1",)}))
            assert list(spool.settled).index(few.envelope.id) < 10

    asyncio.run(run())


def test_idle_connections_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that are kept count among those to all next hops: the one idle longest makes room."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            monkeypatch.setattr(exchangers, "PORT", hop.port)
            numbers = range(12)
            names = PreparedNames(
                {f"d{n}.example": (Exchanger(1, f"mx{n}.example"),) for n in numbers}, {f"mx{n}.example": ("127.0.0.1",) for n in numbers}
            )
            spool = PreparedSpool(*[lease(f"bob@d{n}.example") for n in numbers])
            deliverer = Deliverer(
                spool,
                [TransportSettings()],
                resolver=names,
                outbound=outbound(connections=4, reuse_seconds=300),
                queue=QueueSettings(),
                hostname="here.example",
                clock=SYSTEM,
                observers=Observers(),
            )
            running = asyncio.ensure_future(deliverer.run())
            await spool.done.wait()
            await until(lambda: sum(wire.lines[-1:] != [b"QUIT"] for wire in hop.wires) <= 4)
            deliverer.drain(1.0)
            await running

    asyncio.run(run())
