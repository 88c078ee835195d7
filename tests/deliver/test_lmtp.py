"""Delivery by LMTP, over TCP and over a socket in the file system."""

from __future__ import annotations

import asyncio

import pytest

from deliver.outbound_kit import (
    CONTENT,
    ScriptedHop,
    Wire,
    deliver,
    lease,
    once,
    results,
)
from waypost.route.settings import Kind, TransportSettings


@pytest.mark.parametrize("chunking", [False, True])
def test_lmtp(*, chunking: bool) -> None:
    """Each accepted recipient has its own answer after the content, and a positive one means delivered."""

    async def script(wire: Wire) -> None:
        wire.say("220 hop LMTP")
        await wire.hear("LHLO here.example")
        wire.say("250-hop", "250-PIPELINING", "250 CHUNKING" if chunking else "250 8BITMIME")
        await wire.hear("MAIL", "RCPT", "RCPT", "RCPT", "BDAT" if chunking else "DATA")
        wire.say("250 ok", "250 ok", "550 5.1.1 who", "250 ok")
        if chunking:
            await wire.octets(len(CONTENT))
        else:
            wire.say("354 go")
            await wire.data()
        wire.say("250 2.1.5 kept", "452 4.2.2 full")
        await wire.goodbye()

    people = ("bob@there.example", "eve@there.example", "joe@there.example")
    _, found, _ = once(script, people=people, kind=Kind.LMTP)
    assert found == ["delivered", "remote-rejected", "remote-deferred"]


def test_lmtp_over_a_unix_socket(tmp_path: object) -> None:
    """A mailbox server is reached by its socket's path."""

    async def run() -> None:
        hop = ScriptedHop(lmtp)
        server = await asyncio.start_unix_server(hop.serve, f"{tmp_path}/lmtp")
        message = lease("bob@there.example")
        spool = await deliver([message], TransportSettings(kind=Kind.LMTP, hosts=(f"unix:{tmp_path}/lmtp",)))
        server.close()
        outcome = results(spool, message)[0]
        assert (outcome.key, outcome.next_hop) == ("delivered", f"unix:{tmp_path}/lmtp")

    async def lmtp(wire: Wire) -> None:
        wire.say("220 hop LMTP")
        await wire.hear("LHLO")
        wire.say("250-hop", "250 STARTTLS")
        for command in ("MAIL", "RCPT"):
            await wire.hear(command)
            wire.say("250 ok")
        await wire.hear("DATA")
        wire.say("354 go")
        await wire.data()
        wire.say("250 kept")
        await wire.goodbye()

    asyncio.run(run())
