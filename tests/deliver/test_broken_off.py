"""Next hops that send us away, hang up, say nothing or go on for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    ALL,
    CONTENT,
    Pieces,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    once,
    outbound,
    to,
)
from waypost.mail.outcome import Action

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.parametrize(
    ("greeting", "key", "action"),
    [
        ("421 busy", "remote-deferred", Action.DEFERRED),
        ("450 busy", "remote-deferred", Action.DEFERRED),
        ("554 no", "remote-rejected", Action.FAILED),
    ],
)
def test_sent_away_at_the_greeting(greeting: str, key: str, action: Action) -> None:
    """When nobody else is there, the greeting that sent us away is the outcome."""

    async def script(wire: Wire) -> None:
        wire.say(greeting)

    _, found, spool = once(script)
    assert found == [key]
    assert next(iter(spool.settled.values()))[0].outcome.action is action


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (("250 ok", "550 5.1.1 no"), ["remote-rejected", "remote-hung-up"]),
        (("250 ok", "250 ok", "550 5.1.1 no"), ["remote-hung-up", "remote-rejected"]),
        (("250 ok", "250 ok", "250 ok", "421 4.3.2 closing"), ["remote-deferred", "remote-deferred"]),
        (("250 ok", "250 ok", "garbage"), ["remote-garbled", "remote-garbled"]),
    ],
)
def test_broken_off(replies: tuple[str, ...], expected: list[str]) -> None:
    """Answers that came stay; whoever has none waits."""

    async def script(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say(*replies)

    async def away(wire: Wire) -> None:
        wire.say("421 4.3.2 closing")

    assert once(script, away, people=("bob@there.example", "eve@there.example"))[1] == expected


def test_silence_has_an_end() -> None:
    """A next hop that says nothing within the time allowed is given up."""

    async def script(wire: Wire) -> None:
        await wire.ended()

    assert once(script, settings=outbound(greeting_seconds=1))[1] == ["remote-silent"]


def test_every_wait_has_an_end() -> None:
    """Each kind of answer has a wait of its own, and a message is given up for now when it passes (5321#4.5.3.2)."""

    async def ehlo(wire: Wire) -> None:
        wire.say("220 hop")
        await wire.ended()

    async def mail(wire: Wire) -> None:
        await wire.open("PIPELINING", "CHUNKING")
        await wire.ended()

    async def data(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok")
        await wire.ended()

    async def final(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        await wire.ended()

    async def handshake(wire: Wire) -> None:
        await wire.open("STARTTLS")
        await wire.hear("STARTTLS")
        wire.say("220 go")
        await wire.ended()

    async def block(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        await wire.reader.readexactly(1)
        wire.reader._transport.pause_reading()
        await asyncio.sleep(2.5)

    async def one(script: Callable[[Wire], Awaitable[None]], setting: str, key: str, **fields: object) -> None:
        waits = dict.fromkeys(("command_seconds", "data_seconds", "final_seconds", "block_seconds", "handshake_seconds"), 60)
        async with ScriptedHop(script, sent_away).listening() as hop:
            message = lease("bob@there.example", **fields)
            spool = await deliver([message], to(hop), settings=outbound(**{**waits, setting: 1}))
            assert (setting, keys(spool, message)) == (setting, [key])

    async def sent_away(wire: Wire) -> None:
        wire.say("421 busy")

    async def run() -> None:
        endless = Pieces((b"x" * 998 + b"\r\n") * 20_000)
        await asyncio.gather(
            one(ehlo, "command_seconds", "remote-silent"),
            one(mail, "command_seconds", "remote-silent"),
            one(data, "data_seconds", "remote-silent"),
            one(final, "final_seconds", "remote-silent"),
            one(block, "block_seconds", "remote-silent", content=endless),
            one(handshake, "handshake_seconds", "remote-deferred"),
        )

    asyncio.run(run())


def test_a_trickle_does_not_stop_the_clock() -> None:
    """Octets that never make a reply do not lengthen the wait."""

    async def script(wire: Wire) -> None:
        wire.say("220-hop")
        while True:
            wire.writer.write(b"2")
            await asyncio.sleep(0.2)

    found = once(script, settings=outbound(greeting_seconds=1))[1]
    assert found in (["remote-silent"], ["remote-garbled"])
