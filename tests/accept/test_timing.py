from __future__ import annotations

import asyncio

import pytest

from support.acceptance import limits, listener, opened, running, server_context
from waypost.clock import SYSTEM, Clock
from waypost.observe.events import SessionSecured
from waypost.smtp.terms import TlsMode


def test_silence_ends_with_421() -> None:
    """Who says nothing hears 421 after the time for a command, and the connection closes."""

    async def body() -> None:
        async with opened(limit=limits(command_seconds=0.3)) as place:  # type: ignore[arg-type]  # shorter than configuration allows
            talk = await place.greeted()
            assert await talk.rest() == b"421 4.4.2 mx.test Waited 0.3 seconds for you; closing\r\n"

    running(body)


def test_single_octets_do_not_move_the_deadline() -> None:
    """A line that trickles in is not waited for longer than one that does not come."""

    async def body() -> None:
        async with opened(limit=limits(command_seconds=0.4)) as place:  # type: ignore[arg-type]  # likewise
            talk = await place.greeted()
            loop = asyncio.get_running_loop()
            began = loop.time()
            rest = asyncio.ensure_future(talk.rest())
            while not rest.done() and loop.time() - began < 5:
                talk.send(b"N")
                await asyncio.sleep(0.05)
            assert (await rest)[:9] == b"421 4.4.2"
            assert loop.time() - began < 3

    running(body)


def test_a_whole_command_moves_the_deadline() -> None:
    """Who goes on speaking in whole lines is not cut off."""

    async def body() -> None:
        async with opened(limit=limits(command_seconds=0.5)) as place:  # type: ignore[arg-type]  # likewise
            talk = await place.greeted()
            for _ in range(6):
                await asyncio.sleep(0.15)
                assert await talk.code(b"NOOP") == 250

    running(body)


def test_waits_are_shorter_when_nearly_all_connections_are_taken() -> None:
    """Above four fifths of all connections the shorter time holds."""

    async def body() -> None:
        limit = limits(connections=5, command_seconds=60, command_seconds_busy=0.3)  # type: ignore[arg-type]  # likewise
        async with opened(limit=limit) as place:
            talks = [await place.greeted() for _ in range(5)]
            assert (await talks[-1].rest())[:9] == b"421 4.4.2"

    running(body)


def test_slow_content_is_cut_off() -> None:
    """Content below the rate ends with 421 once its patience is over, and nothing is kept."""

    async def body() -> None:
        hands = [0.0]
        clock = Clock(wall=SYSTEM.wall, monotonic=lambda: hands[0])
        async with opened(limit=limits(content_rate=500), clock=clock) as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            hands[0] += 40  # past the first half minute by ten seconds, in which 5000 octets are due
            talk.send(b"x: y\r\n\r\n" + b"z" * 4000)
            assert (await talk.rest())[:40] == b"421 4.4.2 mx.test Content came too slowl"
            assert await place.found() == []

    running(body)


def test_content_at_its_rate_is_waited_for() -> None:
    """What comes at the lowest rate or faster is taken, however long it lasts."""

    async def body() -> None:
        hands = [0.0]
        clock = Clock(wall=SYSTEM.wall, monotonic=lambda: hands[0])
        async with opened(limit=limits(content_rate=500), clock=clock) as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            for _ in range(5):
                hands[0] += 20
                talk.send(b"z" * 9998 + b"\r\n")
                await asyncio.sleep(0.05)
            talk.send(b".\r\n")
            assert (await talk.reply())[:3] == b"250"

    running(body)


@pytest.mark.parametrize(("octets", "code"), [(4999, b"421"), (10_000, b"250")])
def test_content_rate_at_its_edge(octets: int, code: bytes) -> None:
    """Ten seconds past the first half minute 5000 octets must have come: one less ends the session; with as many more there is time."""

    async def body() -> None:
        hands = [0.0]
        clock = Clock(wall=SYSTEM.wall, monotonic=lambda: hands[0])
        async with opened(limit=limits(content_rate=500), clock=clock) as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            hands[0] += 40
            talk.send(b"x: y\r\n\r\n" + b"z" * (octets - 8))
            await place.settled(lambda: not place.gate.sessions or any(one.patience._came == octets for one in place.gate._sessions))
            if code == b"250":
                talk.send(b"\r\n.\r\n")
            assert (await talk.reply())[:3] == code

    running(body)


def test_a_handshake_that_trickles_in_has_an_end() -> None:
    """An octet of it now and then prolongs nothing: the connection is closed after handshake_seconds, and said to have failed."""

    async def body() -> None:
        limit = limits(handshake_seconds=0.5)  # type: ignore[arg-type]  # shorter than configuration allows
        async with opened(listener(tls=TlsMode.IMPLICIT), listener(tls=TlsMode.STARTTLS), context=server_context(), limit=limit) as place:
            implicit, upgraded = await place.connect(0), await place.greeted(1)
            assert await upgraded.code(b"STARTTLS") == 220
            loop = asyncio.get_running_loop()
            began = loop.time()
            for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20:
                for talk in (implicit, upgraded):
                    talk.send(bytes([octet]))
                await asyncio.sleep(0.05)
                if not place.gate.sessions:
                    break
            assert (place.gate.sessions, loop.time() - began < 5) == (0, True)
            assert [event.tls for event in place.events if isinstance(event, SessionSecured)] == ["", ""]

    running(body)


def test_session_has_an_end() -> None:
    """A session past its time hears 421 after the command at hand."""

    async def body() -> None:
        hands = [0.0]
        clock = Clock(wall=SYSTEM.wall, monotonic=lambda: hands[0])
        async with opened(limit=limits(session_seconds=60), clock=clock) as place:
            talk = await place.greeted()
            hands[0] += 59
            assert await talk.code(b"NOOP") == 250
            hands[0] += 2
            assert await talk.code(b"NOOP") == 250
            assert (await talk.rest())[:44] == b"421 4.4.2 mx.test This session is over its t"

    running(body)


def test_client_that_never_reads_is_given_up() -> None:
    """Replies that nobody takes hold a session no longer than a command may."""

    async def body() -> None:
        limit = limits(command_seconds=0.5, junk_commands=100_000)  # type: ignore[arg-type]  # likewise
        async with opened(limit=limit) as place:
            talk = await place.greeted()
            talk.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
            for _ in range(40):
                talk.send(b"HELP\r\n" * 1000)
            assert place.gate.sessions == 1
            await place.settled(lambda: place.gate.sessions == 0)
            talk.writer.transport.abort()

    running(body)
