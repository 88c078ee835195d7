"""The fake of the stream seam, and a hop that runs over it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import CONTENT, lease, outbound
from waypost.deliver.hop import Hop, HopKey
from waypost.net.stream import ClientStream, ClosedError, DeadlineError, HandshakeError, ServerStream
from waypost.smtp.client import ClientTerms
from waypost.testing.streams import memory_streams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from waypost.testing.streams import MemoryStream


def both(work: Callable[[MemoryStream, MemoryStream], Awaitable[None]]) -> None:
    async def run() -> None:
        near, far = memory_streams()
        client: ClientStream = near
        server: ServerStream = far
        assert (client.ends.remote, server.ends.remote) == (server.ends.local, client.ends.local)
        await work(near, far)

    asyncio.run(run())


def test_octets_go_across_and_then_it_is_over() -> None:
    """What was sent before a close is read, then the end."""

    async def work(near: MemoryStream, far: MemoryStream) -> None:
        near.send(b"one")
        near.send(b"two")
        assert not far.quiet
        near.close()
        assert [await far.receive(), await far.receive()] == [b"one", b"two"]
        for stream in (near, far):
            with pytest.raises(ClosedError):
                await stream.receive()
            with pytest.raises(ClosedError):
                await stream.drain()

    both(work)


def test_a_deadline() -> None:
    """A wait ends at its deadline; lifted, it does not."""

    async def work(near: MemoryStream, far: MemoryStream) -> None:
        near.deadline(0.01)
        with pytest.raises(DeadlineError):
            await near.receive()
        near.deadline(None)
        asyncio.get_running_loop().call_later(0.02, far.send, b"late")
        assert await near.receive() == b"late"

    both(work)


def test_a_handshake_takes_two() -> None:
    """Both ends shake hands, and octets in the clear before it spoil it."""

    async def work(near: MemoryStream, far: MemoryStream) -> None:
        await asyncio.gather(near.start_tls(None, server_side=False), far.start_tls(None, server_side=True))
        assert near.tls == far.tls != ""
        far.send(b"x")
        with pytest.raises(HandshakeError):
            await near.start_tls(None, server_side=False)

    both(work)


def test_a_hop_over_memory() -> None:
    """A whole conversation runs over the fake."""

    async def work(near: MemoryStream, far: MemoryStream) -> None:
        async def server() -> bytes:
            far.send(b"220 hop\r\n")
            assert await far.receive() == b"EHLO here.example\r\n"
            far.send(b"250-hop\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
            flight = await far.receive()
            far.send(b"250 ok\r\n250 ok\r\n250 ok\r\n")
            return flight

        key = HopKey("hop", 25, "smtp", "none", None, None)
        hop = Hop(near, ClientTerms(hostname="here.example", next_hop="hop"), key, outbound(), None)
        message = lease("bob@there.example")
        serving = asyncio.ensure_future(server())
        assert await hop.introduce(None, server_name=None, handshake_seconds=1) is None
        people = [waiting.recipient for waiting in message.waiting]
        transaction = await hop.carry(message.envelope, people, message.content, block_seconds=1)
        assert transaction.outcomes[0].key == "relayed"
        assert (await serving).endswith(b"BDAT 35 LAST\r\n" + CONTENT)

    both(work)
