"""Settings of ``[outbound]`` that have no other test with the server's own deliverer: each has its effect, at its edge too."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from deliver.outbound_kit import PreparedNames, PreparedSpool, ScriptedHop, Wire, deliver, keys, lease, outbound, taking, to, until
from waypost.clock import SYSTEM
from waypost.deliver.worker import Deliverer
from waypost.net.dns import Exchanger
from waypost.observe.events import Observers
from waypost.route import exchangers
from waypost.route.settings import TransportSettings
from waypost.spool.settings import QueueSettings


@dataclass
class BothFamilies:
    """A resolver whose host has an address of each family, IPv6 first."""

    asked: list[bool] = field(default_factory=list)

    async def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        return (Exchanger(10, f"mx.{domain}"),)

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        self.asked.append(ipv6)
        return ("::1", "127.0.0.1") if ipv6 else ("127.0.0.1",)


@pytest.mark.parametrize("ipv6", [True, False])
def test_ipv6(monkeypatch: pytest.MonkeyPatch, *, ipv6: bool) -> None:
    """With IPv6 a next hop that listens on IPv4 alone is reached second; without, IPv6 addresses are not even asked for."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            monkeypatch.setattr(exchangers, "PORT", hop.port)
            names, message = BothFamilies(), lease("bob@there.example")
            spool = await deliver([message], TransportSettings(), names=names, settings=outbound(ipv6=ipv6))
            assert keys(spool, message) == ["relayed"]
            assert names.asked == [ipv6]

    asyncio.run(run())


def black_hole(stack: ExitStack) -> int:
    """A port of 127.0.0.2 at which connections neither come about nor are refused: its backlog is full."""
    listening = stack.enter_context(socket.socket())
    listening.bind(("127.0.0.2", 0))
    listening.listen(0)
    for _ in range(8):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listening.getsockname())
    port: int = listening.getsockname()[1]
    return port


def test_connect_seconds() -> None:
    """An address that swallows connections costs connect_seconds, once: the next message goes to the other host first."""

    async def run() -> None:
        with ExitStack() as stack:
            port = black_hole(stack)
            async with ScriptedHop(taking).listening() as hop:
                sent = [lease("bob@there.example") for _ in range(3)]
                began = time.monotonic()
                settings = outbound(connect_seconds=1, destination_connections=1, reuse_seconds=0)
                spool = await deliver(sent, TransportSettings(hosts=(f"127.0.0.2:{port}", hop.at)), settings=settings)
                assert [keys(spool, each) for each in sent] == [["relayed"]] * 3
                assert 1.0 <= time.monotonic() - began < 2.9

    asyncio.run(run())


def test_a_black_hole_alone() -> None:
    """Mail for which there is nothing but an address that swallows connections waits, and says what stands in the way."""

    async def run() -> None:
        with ExitStack() as stack:
            port, message = black_hole(stack), lease("bob@there.example")
            spool = await deliver([message], TransportSettings(hosts=(f"127.0.0.2:{port}",)), settings=outbound(connect_seconds=1))
            assert keys(spool, message) == ["unreachable"]
            assert spool.settled[message.envelope.id][0].outcome.detail == "no connection within 1 seconds"

    asyncio.run(run())


def test_reuse_seconds() -> None:
    """An idle connection is said goodbye on when it has been kept for reuse_seconds, not before."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            spool = PreparedSpool(lease("bob@there.example"))
            deliverer = Deliverer(
                spool,
                [to(hop)],
                resolver=PreparedNames(),
                outbound=outbound(reuse_seconds=1),
                queue=QueueSettings(),
                hostname="here.example",
                clock=SYSTEM,
                observers=Observers(),
            )
            running = asyncio.ensure_future(deliverer.run())
            await spool.done.wait()
            await asyncio.sleep(0.7)
            assert hop.wires[0].lines[-1].startswith(b"BDAT")
            await until(lambda: hop.wires[0].lines[-1] == b"QUIT")
            deliverer.drain(1.0)
            await running

    asyncio.run(run())


def test_quit_seconds() -> None:
    """A next hop that never answers QUIT is waited for quit_seconds, while other mail goes on, and is then left."""
    left: list[float] = []

    async def mute(wire: Wire) -> None:
        await wire.open("PIPELINING", "CHUNKING")
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(35)
        wire.say("250 ok", "250 ok", "250 taken")
        await wire.hear("QUIT")
        began = time.monotonic()
        await wire.ended()
        left.append(time.monotonic() - began)

    async def run() -> None:
        async with ScriptedHop(mute).listening() as hop:
            sent = [lease("bob@there.example") for _ in range(3)]
            spool = PreparedSpool(*sent)
            deliverer = Deliverer(
                spool,
                [to(hop)],
                resolver=PreparedNames(),
                outbound=outbound(reuse_seconds=0, quit_seconds=1, destination_connections=1),
                queue=QueueSettings(),
                hostname="here.example",
                clock=SYSTEM,
                observers=Observers(),
            )
            running = asyncio.ensure_future(deliverer.run())
            began = time.monotonic()
            await spool.done.wait()
            assert time.monotonic() - began < 2.9
            await until(lambda: len(left) == 3)
            deliverer.drain(1.0)
            await running

    asyncio.run(run())
    assert len(left) == 3
    assert all(0.8 <= seconds <= 10 for seconds in left)


@pytest.mark.parametrize(("chunking", "word"), [(True, b"BDAT"), (False, b"DATA")])
def test_chunking(word: bytes, *, chunking: bool) -> None:
    """Switched off, BDAT is not used where it is offered."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            message = lease("bob@there.example")
            spool = await deliver([message], to(hop), settings=outbound(chunking=chunking))
            assert keys(spool, message) == ["relayed"]
            assert [line.split()[0] for line in hop.wires[0].lines] == [b"EHLO", b"MAIL", b"RCPT", word, b"QUIT"]

    asyncio.run(run())
