from __future__ import annotations

import asyncio
import socket

import pytest

from support.acceptance import listener, opened, running, server_context
from waypost.smtp.terms import TlsMode


def test_client_that_speaks_before_the_greeting_is_refused() -> None:
    """Octets that came before the greeting are answered 554 in its place, without an enhanced status, and nothing of them is obeyed."""

    async def body() -> None:
        async with opened() as place:
            where = place.gate.places[0]
            with socket.socket() as client:
                client.connect((where.address, where.port))  # the kernel takes it; the gate has not yet had a turn
                client.sendall(b"EHLO c.test\r\nMAIL FROM:<a@src.test>\r\n")
                reader, writer = await asyncio.open_connection(sock=client.dup())
                assert await reader.read() == b"554 mx.test You spoke before my greeting; closing\r\n"
                writer.close()
                await writer.wait_closed()

    running(body)


def test_content_before_354_is_refused() -> None:
    """What stands behind DATA in the same read is never content and never commands: 554 and close (2920#3.1)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            talk.send(b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nDATA\r\nx: y\r\n.\r\nQUIT\r\n")
            said = (await talk.rest()).splitlines()
            assert [line[:9] for line in said] == [b"250 2.1.0", b"250 2.1.5", b"554 5.5.0"]
            assert await place.found() == []

    running(body)


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"\x16\x03\x01", b"EHLO x\r\n", b"x"])
def test_octets_behind_starttls_are_never_obeyed(behind: bytes) -> None:
    """STARTTLS with anything behind it is not granted, and the connection closes without a 220."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.STARTTLS), context=server_context()) as place:
            talk = await place.greeted()
            talk.send(b"STARTTLS\r\n" + behind)
            assert await talk.rest() == b""

    running(body)


@pytest.mark.parametrize("first", [b"EHLO d.test", b"NOOP", b"VRFY x", b"HELP", b"RSET"])
def test_commands_behind_others_are_obeyed(first: bytes) -> None:
    """Nothing is said against commands that follow EHLO, NOOP, VRFY, HELP or RSET without waiting, or that QUIT follows."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            talk.send(first + b"\r\nNOOP\r\nQUIT\r\nNOOP\r\n")
            said = await talk.rest()
            assert said.splitlines()[-1][:3] == b"221"
            assert b"250 2.0.0 I am here" in said

    running(body)


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"CONNECT x:25 HTTP/1.0", b"\x16\x03\x01\x02\x00\x01"])
def test_other_protocols_are_sent_away(line: bytes) -> None:
    """HTTP and TLS on a plain port are no SMTP: closed at the first line."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.connect()
            await talk.reply()
            talk.send(line + b"\r\nHost: x\r\n\r\n")
            assert (await talk.rest())[:3] == b"554"

    running(body)


def test_refused_line_ends_close_and_nothing_behind_them_is_obeyed() -> None:
    """A bare LF in content is one 554 at the true end, then the connection closes."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            talk.send(b"x: y\r\n\r\none\n.\r\nMAIL FROM:<evil@src.test>\r\nRCPT TO:<b@local.test>\r\nDATA\r\nsmuggled\r\n.\r\nQUIT\r\n")
            assert [line[:9] for line in (await talk.rest()).splitlines()] == [b"554 5.6.0"]
            assert await place.found() == []

    running(body)
