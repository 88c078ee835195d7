from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
import uvloop

from support.acceptance import certificates, listener, opened, running, server_context, trusting
from waypost.smtp.terms import TlsMode

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("mode", list(TlsMode))
def test_mail_comes_in_on_the_loop_of_the_standard_library_too(mode: TlsMode) -> None:
    """Where uvloop is not to be had, every kind of listener takes mail just the same, and drains."""

    async def body() -> None:
        ca = certificates() / "ca.pem"
        async with opened(listener(tls=mode), context=server_context()) as place:
            talk = await place.connect(context=trusting(ca) if mode is TlsMode.IMPLICIT else None)
            assert (await talk.reply())[:3] == b"220"
            await talk.ask(b"EHLO c.test")
            if mode is TlsMode.STARTTLS:
                assert await talk.code(b"STARTTLS") == 220
                await talk.secure(ca)
                await talk.ask(b"EHLO c.test")
            assert (await talk.message(b"x: y\r\n\r\n" + b"z" * 300_000))[:3] == b"250"
            await place.gate.drain(2.0)
            assert (await talk.rest())[:3] == b"421"
            assert len(await place.found()) == 1

    running(body, factory=asyncio.new_event_loop)


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_replies_do_not_wait_for_acknowledgements(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Accepted connections send at once (TCP_NODELAY) on either loop: without it each reply may wait 40 ms."""

    async def body() -> None:
        async with opened() as place:
            await place.greeted()
            (session,) = place.gate._sessions
            taken = session.stream._transport.get_extra_info("socket")
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    running(body, factory=factory)
