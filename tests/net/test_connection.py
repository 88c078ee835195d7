from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
import uvloop

from support.acceptance import certificates, server_context, trusting
from waypost.net.connection import UNREAD, Connection, ends
from waypost.net.stream import ClosedError, DeadlineError, Ends, HandshakeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


def both(body: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run ``body`` on the loop of the standard library and on uvloop."""
    for factory in LOOPS:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(body())


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[Connection, Connection]]:
    """A server's and a client's connection."""
    loop = asyncio.get_running_loop()
    served: asyncio.Future[Connection] = loop.create_future()

    class Served(Connection):
        __slots__ = ()

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            served.set_result(self)

    server = await loop.create_server(lambda: Served(loop), "127.0.0.1", 0)
    _, client = await loop.create_connection(lambda: Connection(loop), *server.sockets[0].getsockname())
    here = await served
    try:
        yield here, client
    finally:
        here.close()
        client.close()
        server.close()
        await server.wait_closed()
        for _ in range(5):
            await asyncio.sleep(0.01)


async def trickle(here: Connection, there: Connection) -> None:
    """An octet now and then, for ever."""
    while True:
        there.send(b"x")
        await here.receive()
        await asyncio.sleep(0.02)


def test_octets_go_both_ways_in_order() -> None:
    """What is sent is received, whether a reader waits for it or comes later."""

    async def body() -> None:
        async with pair() as (here, there):
            waiting = asyncio.ensure_future(here.receive())
            await asyncio.sleep(0)
            there.send(b"one")
            assert await waiting == b"one"
            there.send(b"two")
            there.send(b"three")
            await asyncio.sleep(0.05)
            assert await here.receive() == b"twothree"
            assert here.ends.remote == "127.0.0.1"
            assert here.ends.remote_port == there.ends.local_port

    both(body)


def test_deadline_ends_a_wait_and_octets_do_not_move_it() -> None:
    """After the deadline receive fails, however much came meanwhile; a new deadline begins anew."""

    async def body() -> None:
        async with pair() as (here, there):
            here.deadline(0.2)
            with pytest.raises(DeadlineError):
                await trickle(here, there)
            here.deadline(5)
            there.send(b"y")
            while not (await here.receive()).endswith(b"y"):
                pass
            here.deadline(0.1)
            here.deadline(None)
            await asyncio.sleep(0.4)
            there.send(b"z")
            assert await here.receive() == b"z"

    both(body)


def test_closing_is_seen_after_what_came_before_it() -> None:
    """Octets that came before the end are still given, then ClosedError, again and again."""

    async def body() -> None:
        async with pair() as (here, there):
            there.send(b"last")
            there.close()
            await asyncio.sleep(0.05)
            assert await here.receive() == b"last"
            for _ in range(2):
                with pytest.raises(ClosedError):
                    await here.receive()

    both(body)


def test_half_closed_connection_can_still_be_answered() -> None:
    """Who closes its own direction gets what is sent to it."""

    async def body() -> None:
        async with pair() as (here, there):
            there.send(b"question")
            assert there._transport is not None
            there._transport.write_eof()
            await asyncio.sleep(0.05)
            assert await here.receive() == b"question"
            with pytest.raises(ClosedError):
                await here.receive()
            here.send(b"answer")
            here.close()
            assert await there.receive() == b"answer"

    both(body)


def test_reading_pauses_while_nobody_reads() -> None:
    """No octet beyond the bound waits here, and everything arrives once it is read."""

    async def body() -> None:
        async with pair() as (here, there):
            there.send(b"x" * 8_000_000)
            await asyncio.sleep(0.2)
            assert len(here._incoming) == UNREAD
            number = 0
            while number < 8_000_000:
                number += len(await here.receive())
            assert number == 8_000_000

    both(body)


def test_drain_waits_until_what_was_sent_is_taken() -> None:
    """Nobody reads: drain waits, within the deadline; somebody reads: it returns."""

    async def body() -> None:
        async with pair() as (here, there):
            await here.drain()
            here.send(b"x" * 20_000_000)
            here.deadline(0.2)
            with pytest.raises(DeadlineError):
                await here.drain()
            here.deadline(10)
            draining = asyncio.ensure_future(here.drain())
            number = 0
            while number < 20_000_000:
                number += len(await there.receive())
            await draining

    both(body)


def test_sending_on_a_lost_connection_is_harmless() -> None:
    """Send never raises; the loss shows at drain and receive."""

    async def body() -> None:
        async with pair() as (here, there):
            assert there._transport is not None
            there._transport.abort()
            await asyncio.sleep(0.05)
            for _ in range(10):
                here.send(b"x")
                await asyncio.sleep(0.01)
            with pytest.raises(ClosedError):
                await here.receive()
            here.close()
            here.close()

    both(body)


def test_close_wakes_who_waits_and_sends_what_waits() -> None:
    """Closing sends everything first, and a reader of the closed side learns of it."""

    async def body() -> None:
        async with pair() as (here, there):
            waiting = asyncio.ensure_future(here.receive())
            await asyncio.sleep(0)
            here.send(b"y" * 3_000_000)
            here.close()
            with pytest.raises(ClosedError):
                await waiting
            number = 0
            with contextlib.suppress(ClosedError):
                while True:
                    number += len(await there.receive())
            assert number == 3_000_000

    both(body)


def test_lingering_lets_the_last_words_be_heard() -> None:
    """A client that goes on sending still reads what was said last: no reset overtakes it."""

    async def body() -> None:
        async with pair() as (here, there):
            there.send(b"z" * 1_000_000)
            await asyncio.sleep(0.02)
            here.send(b"enough")
            here.linger()
            there.send(b"z" * 1_000_000)
            assert await there.receive() == b"enough"

    both(body)


def test_start_tls_secures_both_sides() -> None:
    """After the handshake octets go on, TLS is named, and the other side's end is seen."""

    async def body() -> None:
        async with pair() as (here, there):
            here.deadline(5)
            shaking = asyncio.ensure_future(here.start_tls(server_context(), server_side=True))
            await there.start_tls(trusting(certificates() / "ca.pem"), server_side=False, server_name="localhost")
            await shaking
            assert here.tls.startswith("TLSv1.3 TLS_")
            assert here.tls == there.tls
            there.send(b"q" * 200_000)
            number = 0
            while number < 200_000:
                number += len(await here.receive())
            there.close()
            with pytest.raises(ClosedError):
                await here.receive()

    both(body)


def test_octets_in_the_clear_before_the_handshake_fail_it() -> None:
    """What waits in the clear when the handshake should begin is never read as if it had been secured."""

    async def body() -> None:
        async with pair() as (here, there):
            there.send(b"injected")
            await asyncio.sleep(0.05)
            with pytest.raises(HandshakeError, match="in the clear"):
                await here.start_tls(server_context(), server_side=True)

    both(body)


def test_handshake_fails_within_its_deadline() -> None:
    """Silence, rubbish and an untrusted certificate are HandshakeErrors, and nothing is logged."""

    async def body() -> None:
        troubles: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
        async with pair() as (here, _):
            here.deadline(0.2)
            with pytest.raises(HandshakeError):
                await here.start_tls(server_context(), server_side=True)
        async with pair() as (here, there):
            shaking = asyncio.ensure_future(here.start_tls(server_context(), server_side=True))
            there.send(b"EHLO x\r\n" * 20)
            with pytest.raises(HandshakeError):
                await shaking
            with pytest.raises(ClosedError):
                await here.receive()
        async with pair() as (here, there):
            shaking = asyncio.ensure_future(here.start_tls(server_context(), server_side=True))
            stranger = trusting(certificates() / "ca.pem")
            with pytest.raises(HandshakeError):
                await there.start_tls(stranger, server_side=False, server_name="elsewhere.test")
            with contextlib.suppress(HandshakeError):
                await shaking
        assert troubles == []

    both(body)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (("192.0.2.1", 25), "192.0.2.1"),
        (("::ffff:192.0.2.1", 25, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 25, 0, 0), "2001:db8::1"),
        (("fe80::1%eth0", 25, 0, 2), "fe80::1"),
        ("", ""),
        (None, ""),
    ],
)
def test_ends_are_plain_addresses(address: object, shown: str) -> None:
    """IPv4-mapped addresses are IPv4, scopes are cut off, UNIX sockets have none."""
    port = 25 if shown else 0
    assert ends(address, None) == Ends(remote=shown, remote_port=port, local="", local_port=0)
