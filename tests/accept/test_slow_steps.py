"""Steps that take time, while the client goes on talking, half-closes, resets or waits: nothing is lost, early, or left over."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.acceptance import Talk, listener, opened, running
from waypost.clock import SYSTEM
from waypost.policy.check import check
from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Reject, Verdict
from waypost.replies import Key
from waypost.smtp.terms import Role
from waypost.spool.memory import MemorySpool
from waypost.spool.spool import SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.mail.envelope import Envelope
    from waypost.policy.check import Check
    from waypost.policy.subject import Subject
    from waypost.spool.spool import Draft


class Gated(MemorySpool):
    """A spool that keeps a message only when ``let`` is set."""

    def __init__(self) -> None:
        super().__init__(SYSTEM)
        self.let = asyncio.Event()
        self.asked = 0

    async def put(self, envelope: Envelope, draft: Draft) -> None:
        """Keep it, in time."""
        self.asked += 1
        await self.let.wait()
        await super().put(envelope, draft)


class Shut(MemorySpool):
    """A spool that refuses before anything can be awaited, as one does that is closed."""

    def put(self, envelope: Envelope, draft: Draft) -> None:  # type: ignore[override]  # it never comes to an awaitable
        """Refuse."""
        raise SpoolUnavailableError("closed")


def slow(phase: Phase, turns: int = 1) -> Check:
    """A check of ``phase`` that waits for some turns of the loop and accepts."""

    @check(phase)
    async def dawdler(subject: Subject) -> Verdict:
        for _ in range(turns):
            await asyncio.sleep(0)
        return ACCEPT

    return dawdler


@check(Phase.CONTENT)
async def no_spam(subject: Subject) -> Verdict:
    """Refuses what calls itself spam, after a while."""
    await asyncio.sleep(0)
    return Reject(Key.LITERAL_REFUSED) if b"spam" in subject.head else ACCEPT


async def _transaction(talk: Talk) -> None:
    for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
        assert await talk.code(line) in (250, 354)


def _reset(talk: Talk) -> None:
    """End the connection as one that breaks does: by RST."""
    connection = talk.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.writer.transport.abort()


def test_no_250_before_the_message_is_kept_where_its_content_is_judged_slowly() -> None:
    """A check of content that waits does not make the server promise what the spool has not kept yet (5321#6.1)."""

    async def body() -> None:
        spool = Gated()
        async with opened(spool=spool, checks=(slow(Phase.CONTENT),)) as place:
            talk = await place.greeted()
            await _transaction(talk)
            talk.send(b"x: y\r\n\r\nwords\r\n.\r\nNOOP\r\n")
            await place.settled(lambda: spool.asked == 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await talk.reader.readline()
            spool.let.set()
            assert [(await talk.reply())[:9] for _ in range(2)] == [b"250 2.0.0", b"250 2.0.0"]
            assert len(await place.found()) == 1

    running(body)


def test_a_spool_that_fails_after_a_slow_check_is_told_as_such() -> None:
    """Content that a waiting check accepted and the spool then cannot keep is answered by 4xx, and the session goes on."""

    async def body() -> None:
        spool = MemorySpool(SYSTEM)
        async with opened(spool=spool, checks=(slow(Phase.CONTENT),)) as place:
            talk = await place.greeted()
            await _transaction(talk)
            spool.refuse = True
            talk.send(b"x: y\r\n.\r\n")
            assert (await talk.reply())[:9] == b"451 4.3.0"
            assert await talk.code(b"NOOP") == 250
            assert await place.found() == []

    running(body)


def test_a_spool_that_refuses_at_once_is_told_as_such() -> None:
    """It need not come to an awaitable: the client hears 451, not that the server is broken, and the session goes on."""

    async def body() -> None:
        async with opened(spool=Shut(SYSTEM)) as place:
            talk = await place.greeted()
            await _transaction(talk)
            talk.send(b"x: y\r\n.\r\n")
            assert (await talk.reply())[:9] == b"451 4.3.0"
            assert await talk.code(b"NOOP") == 250
            assert place.spool.used == 0

    running(body)


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"NOOP\r\nNOO"])
def test_who_half_closes_during_a_slow_step_is_answered_and_let_go(behind: bytes) -> None:
    """What came before the half-close is answered; then the session ends, however much waited while the step went on."""

    async def body() -> None:
        spool = Gated()
        async with opened(spool=spool) as place:
            talk = await place.greeted()
            await _transaction(talk)
            talk.send(b"x: y\r\n.\r\n")
            await place.settled(lambda: spool.asked == 1)
            talk.send(behind)
            talk.writer.write_eof()
            await asyncio.sleep(0.05)
            spool.let.set()
            said = (await talk.rest()).splitlines()
            assert [line[:9] for line in said] == [b"250 2.0.0", b"250 2.0.0"]
            await place.settled(lambda: place.gate.sessions == 0)

    running(body)


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"NOO", b"MAIL FROM:<a@src.test>\r\n"])
def test_a_connection_that_breaks_during_a_slow_step_leaves_no_session(behind: bytes) -> None:
    """A reset is noticed although octets waited in front of it; else whoever does that often would use up the places for good."""

    async def body() -> None:
        spool = Gated()
        async with opened(spool=spool) as place:
            talk = await place.greeted()
            await _transaction(talk)
            talk.send(b"x: y\r\n.\r\n")
            await place.settled(lambda: spool.asked == 1)
            talk.send(behind)
            await asyncio.sleep(0.05)
            _reset(talk)
            await asyncio.sleep(0.05)
            spool.let.set()
            await place.settled(lambda: place.gate.sessions == 0)
            assert len(await place.found()) == 1

    running(body)


FIRST = b"EHLO c.test\r\nMAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nRCPT TO:<nobody@local.test>\r\nDATA\r\n"
SECOND = (
    b"subject: one\r\n\r\n..words\r\n.\r\n"
    b"MAIL FROM:<a@src.test>\r\nRCPT TO:<c@local.test>\r\nBDAT 14\r\nsubject: two\r\nBDAT 2 LAST\r\n\r\nNOOP\r\nRSET\r\n"
    b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nDATA\r\n"
)
THIRD = b"subject: spam\r\n\r\nmore\r\n.\r\nEHLO again.test\r\nNOOP\r\nQUIT\r\n"
"""What a client says, between the moments at which it must wait (354)."""
CODES = "220 250 250 250 550 354 250 250 250 250 250 250 250 250 250 354 550 250 250 221"
PHASES = (Phase.CONNECT, Phase.HELLO, Phase.MAIL, Phase.RCPT, Phase.DATA)


async def _say(talk: Talk, octets: bytes, cuts: Sequence[int]) -> None:
    places = sorted({cut % len(octets) for cut in cuts} | {0, len(octets)})
    for begin, end in itertools.pairwise(places):
        talk.send(octets[begin:end])
        await asyncio.sleep(0)
        await asyncio.sleep(0.001 * (begin % 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.integers(0, 400), max_size=12),
    slows=st.lists(st.tuples(st.sampled_from(PHASES), st.integers(0, 9)), max_size=5),
    role=st.sampled_from((Role.RELAY, Role.LMTP)),
)
def test_the_same_octets_get_the_same_answers_however_they_are_cut_and_whatever_is_slow(
    cuts: list[int], slows: list[tuple[Phase, int]], role: Role
) -> None:
    """On a real socket, cut anywhere, with checks that wait at any phase: the same replies in order, the same mail, no session left."""

    async def body() -> None:
        checks = tuple(slow(phase, turns) for phase, turns in slows)
        async with opened(listener(role), checks=(*checks, no_spam)) as place:
            talk = await place.connect()
            codes = [(await talk.reply())[:3].decode()]
            for octets in (FIRST, SECOND, THIRD):
                await _say(talk, octets.replace(b"EHLO", b"LHLO") if role is Role.LMTP else octets, cuts)
                codes.append((await talk.reply())[:3].decode())
                while codes[-1] not in ("354", "221", ""):
                    codes.append((await talk.reply())[:3].decode())
            assert " ".join(codes) == CODES
            assert await talk.rest() == b""
            await place.settled(lambda: place.gate.sessions == 0)
            contents = [content.partition(b"subject:")[2] for content in await place.contents()]
            assert contents == [b" one\r\n\r\n.words\r\n", b" two\r\n\r\n"]
            assert place.spool.used == sum(map(len, await place.contents()))

    running(body)
