from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import uvloop

from support.acceptance import certificates, limits, listener, opened, running, server_context
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import Callable

SHUTDOWN = b"421 4.3.2 mx.test Shutting down; come back later\r\n"
ENVELOPE = (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>")
STATES: dict[str, tuple[tuple[bytes, ...], bytes]] = {
    "greeted": ((), b""),
    "in the middle of a line": ((), b"EHL"),
    "in a line that is too long": ((b"EHLO c",), b"x" * 2000),
    "after EHLO": ((b"EHLO c",), b""),
    "in AUTH": ((b"EHLO c", b"AUTH LOGIN"), b""),
    "in AUTH, in the middle of a line": ((b"EHLO c", b"AUTH LOGIN"), b"YW"),
    "after MAIL": ((b"EHLO c", *ENVELOPE[:1]), b""),
    "after a recipient that was refused": ((b"EHLO c", ENVELOPE[0], b"RCPT TO:<nobody@local.test>"), b""),
    "after RCPT": ((b"EHLO c", *ENVELOPE), b""),
    "in DATA": ((b"EHLO c", *ENVELOPE, b"DATA"), b""),
    "in content": ((b"EHLO c", *ENVELOPE, b"DATA"), b"x: y\r\n\r\nhalf a me"),
    "at the dot": ((b"EHLO c", *ENVELOPE, b"DATA"), b"x: y\r\n\r\nall but\r\n."),
    "in a chunk": ((b"EHLO c", *ENVELOPE), b"BDAT 100 LAST\r\nx: y"),
    "between chunks": ((b"EHLO c", *ENVELOPE, b"BDAT 4\r\nx: y"), b""),
    "in a chunk that is thrown away": ((b"EHLO c",), b"BDAT 100 LAST\r\nx: y"),
    "after a chunk that failed": ((b"EHLO c", *ENVELOPE, b"BDAT x"), b""),
}


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, asyncio.SelectorEventLoop], ids=["uvloop", "asyncio"])
def test_every_state_ends_with_421_when_the_server_stops(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Wherever a session stands: its last words are 421 4.3.2, it is gone in time, and nothing half is kept."""

    async def body() -> None:
        async with opened(limit=limits(client_connections=100), anyone=True) as place:
            talks = {}
            for state, (lines, more) in STATES.items():
                talk = talks[state] = await place.connect()
                await talk.reply()
                for line in lines:
                    talk.send(line + (b"" if b"\r\n" in line else b"\r\n"))
                    await talk.reply()
                talk.send(more)
            await asyncio.sleep(0.1)
            await place.gate.drain(0.5)
            assert place.gate.sessions == 0
            heard = {state: await talk.rest() for state, talk in talks.items()}
            assert {state: said[-len(SHUTDOWN) :] for state, said in heard.items()} == dict.fromkeys(STATES, SHUTDOWN)
            assert (await place.found(), place.spool.used) == ([], 0)

    running(body, factory=factory)


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, asyncio.SelectorEventLoop], ids=["uvloop", "asyncio"])
def test_handshakes_and_pauses_end_when_the_server_stops(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A handshake under way hears nothing in the clear, who pays for errors hears 421; all are gone in time."""

    async def body() -> None:
        limit = limits(soft_errors=1, hard_errors=100)
        rows = (listener(tls=TlsMode.STARTTLS), listener(Role.SUBMISSION, TlsMode.IMPLICIT))
        async with opened(*rows, context=server_context(), limit=limit) as place:
            upgraded, implicit, paying, secured = [await place.connect(number) for number in (0, 1, 0, 0)]
            for talk in (upgraded, paying, secured):
                await talk.reply()
                await talk.ask(b"EHLO c")
            assert await upgraded.code(b"STARTTLS") == 220
            assert await secured.code(b"STARTTLS") == 220
            await secured.secure(certificates() / "ca.pem")
            for _ in range(4):
                paying.send(b"RUBBISH\r\n")
            await asyncio.sleep(0.1)
            await place.gate.drain(0.3)
            assert place.gate.sessions == 0
            assert (await upgraded.rest(), await implicit.rest(), await secured.rest()) == (b"", b"", SHUTDOWN)
            assert (await paying.rest()).endswith(SHUTDOWN)

    running(body, factory=factory)
