from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.acceptance import limits, listener, opened, running
from waypost.clock import SYSTEM, Clock
from waypost.observe.events import Refused, SessionClosed, SessionOpened
from waypost.policy.check import check
from waypost.policy.phase import Phase
from waypost.policy.settings import RelaySettings
from waypost.policy.verdict import ACCEPT, Reject, Verdict
from waypost.replies import Key
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from waypost.policy.subject import Subject

SECRET = b"x: y\r\n\r\nsecret words of somebody\r\n"


@check(Phase.HELLO)
def no_liars(subject: Subject) -> Verdict:
    """Turns away whoever calls itself liar.test."""
    return Reject(Key.HELLO_NAME_INVALID) if subject.helo == "liar.test" else ACCEPT


def test_a_hello_that_is_refused_leaves_the_transaction_alone() -> None:
    """A second EHLO that policy refuses changes nothing (5321#4.1.4): what was accepted before is kept whole."""

    async def body() -> None:
        async with opened(checks=(no_liars,)) as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>"):
                assert await talk.code(line) == 250
            assert await talk.code(b"EHLO liar.test") == 501
            assert await talk.code(b"RCPT TO:<c@local.test>") == 250
            assert await talk.code(b"DATA") == 354
            assert await talk.code(b"x: y\r\n.") == 250
            (found,) = await place.found()
            assert [one.mailbox.text for one in found.envelope.recipients] == ["b@local.test", "c@local.test"]

    running(body)


def test_auth_that_is_begun_and_cancelled_for_ever_has_an_end() -> None:
    """It is neither an error nor a failure, so it counts as a command that carries no mail."""

    async def body() -> None:
        async with opened(listener(Role.SUBMISSION), anyone=True) as place:
            talk = await place.greeted()
            talk.send(b"AUTH LOGIN\r\n*\r\n" * 200)
            said = (await talk.rest()).splitlines()
            assert [line[:9] for line in said[-2:]] == [b"501 5.7.0", b"421 4.7.0"]
            assert len(said) < 110

    running(body)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"BDAT %d LAST\r\n" % len(SECRET) + SECRET,),
        (b"BD", b"AT %d LAST\r\n" % len(SECRET) + SECRET),
        (b"BDAT %d LAST\r\n" % len(SECRET) + SECRET[:9], SECRET[9:]),
        (b"BDAT 4\r\nx: yBDAT %d LAST\r\n" % len(SECRET[4:]) + SECRET[4:],),
        (b"BDAT 4\r\nx: yBDAT %d LAS" % len(SECRET[4:]), b"T\r\n" + SECRET[4:]),
    ],
)
@pytest.mark.parametrize("recipient", [b"b@local.test", b"nobody@local.test"])
def test_no_content_is_on_record_however_it_came(pieces: tuple[bytes, ...], recipient: bytes) -> None:
    """Chunks that are taken and chunks that are refused unread, cut anywhere: the conversation shows the commands and no content."""

    async def body() -> None:
        async with opened(keep_all=True) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RCPT TO:<" + recipient + b">")
            for piece in pieces:
                talk.send(piece)
                await asyncio.sleep(0.02)
            await talk.reply()
            talk.send(b"QUIT\r\n")
            await talk.rest()
            await place.settled(lambda: bool(place.history.kept))
            said = b"".join(line.octets for line in place.history.kept[0].lines if line.from_client)
            assert (b"secret" in said, b"words" in said) == (False, False)
            assert said.count(b"BDAT ") == b"".join(pieces).count(b"BDAT ")
            assert said.endswith(b"QUIT\r\n")

    running(body)


def test_a_chunk_that_is_too_big_to_swallow_leaves_no_content_on_record() -> None:
    """The connection ends at its command; what came with it is not kept."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RCPT TO:<b@local.test>")
            talk.send(b"BDAT 99999999999 LAST\r\n" + SECRET)
            assert (await talk.rest())[:3] == b"552"
            await place.settled(lambda: bool(place.history.kept))
            assert not any(b"secret" in line.octets for line in place.history.kept[0].lines)

    running(body)


def test_a_refusal_outside_a_transaction_names_no_sender() -> None:
    """What the log says of a refused MAIL is not the sender of the message before."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y"))[:3] == b"250"
            assert await talk.code(b"MAIL FROM:<broken") == 501
            assert await talk.code(b"MAIL FROM:<z@src.test>") == 250
            assert await talk.code(b"RCPT TO:<nobody@local.test>") == 550
            assert [event.reverse_path for event in place.events if isinstance(event, Refused)] == ["", "z@src.test"]

    running(body)


@pytest.mark.parametrize("last", [b"RSET", b"EHLO d.test"])
def test_a_session_that_gives_its_transaction_up_is_let_go_when_the_server_drains(last: bytes) -> None:
    """With no transaction open nothing is waited for: 421 follows at once, and QUIT hears 221 alone."""

    async def body() -> None:
        async with opened() as place:
            talk, other = await place.greeted(), await place.greeted()
            for one in (talk, other):
                await one.ask(b"MAIL FROM:<a@src.test>")
            draining = asyncio.ensure_future(place.gate.drain(8.0))
            await asyncio.sleep(0)
            assert await talk.code(last) == 250
            assert (await talk.rest())[:9] == b"421 4.3.2"
            assert (await other.ask(b"QUIT"))[:3] == b"221"
            assert await other.rest() == b""
            async with asyncio.timeout(4):
                await draining

    running(body)


def test_content_that_is_refused_ends_a_session_of_a_server_that_drains() -> None:
    """The transaction is over with its refusal, too."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            draining = asyncio.ensure_future(place.gate.drain(8.0))
            await asyncio.sleep(0)
            talk.send(b"Received: x\r\n" * 100 + b"\r\n.\r\n")
            assert (await talk.reply())[:9] == b"554 5.4.6"
            assert (await talk.rest())[:9] == b"421 4.3.2"
            async with asyncio.timeout(4):
                await draining

    running(body)


def test_refusals_without_end_do_not_fill_the_log() -> None:
    """A thousand are told one by one, the rest by their number when the session ends; what ends it is always told."""

    async def body() -> None:
        limit = limits(recipients=100, junk_commands=5)
        async with opened(limit=limit, networks=("127.0.0.1",)) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            talk.send(b"".join(b"RCPT TO:<r%d@far.test>\r\n" % number for number in range(1300)) + b"NOOP\r\n" * 6)
            said = (await talk.rest()).splitlines()
            assert [line[:3] for line in said].count(b"452") == 1200
            await place.settled(lambda: place.gate.sessions == 0)
            told = [event.key for event in place.events if isinstance(event, Refused)]
            assert told == ["too-many-recipients"] * 1000 + ["too-many-commands"]
            assert [event.refused for event in place.events if isinstance(event, SessionClosed)] == [1201]

    running(body)


def test_clients_that_are_turned_away_again_and_again_are_told_of_once_a_second() -> None:
    """The log of a flood is bounded for each address, and none is hidden by another."""

    async def body() -> None:
        still = Clock(wall=SYSTEM.wall, monotonic=lambda: 5.0)
        async with opened(limit=limits(client_rate=1), clock=still) as place:
            for source in ("127.0.0.1", "127.0.0.2"):
                for _ in range(4):
                    await (await place.connect(source=source)).reply()
            told = [(event.client, event.key) for event in place.events if isinstance(event, SessionOpened)]
            assert sorted(set(told)) == [
                ("127.0.0.1", "greeting"),
                ("127.0.0.1", "greeting-client-rate"),
                ("127.0.0.2", "greeting"),
                ("127.0.0.2", "greeting-client-rate"),
            ]
            assert len(told) == 4

    running(body)


def test_reloads_under_load_cost_no_client_anything() -> None:
    """While plans change again and again every session is served by the one it began with; a new one goes by the newest."""

    async def body() -> None:
        async with opened(limit=limits(client_connections=1000, client_rate=100_000)) as place:
            kept = 0
            stop = asyncio.Event()

            async def client() -> None:
                nonlocal kept
                while not stop.is_set():
                    talk = await place.greeted()
                    assert (await talk.message(b"x: y"))[:3] == b"250"
                    assert await talk.code(b"QUIT") == 221
                    kept += 1

            clients = [asyncio.ensure_future(client()) for _ in range(8)]
            old = await place.greeted()
            for number in range(60):
                changed = replace(place.plan, relay=RelaySettings(refused=("127.0.0.9",)), share=1 + number % 3)
                place.gate.apply(changed)
                await asyncio.sleep(0.005)
            stop.set()
            await asyncio.gather(*clients)
            assert (await old.message(b"x: y"))[:3] == b"250"
            assert (await (await place.connect(source="127.0.0.9")).reply())[:3] == b"554"
            assert (kept > 8, len(await place.found())) == (True, kept + 1)

    running(body)


def test_ten_thousand_octets_that_make_no_line_keep_no_memory() -> None:
    """What is skipped of a line that is too long is not gathered, in a command as in AUTH."""

    async def body() -> None:
        async with opened(listener(Role.SUBMISSION), anyone=True) as place:
            for before in ((), (b"AUTH LOGIN",)):
                talk = await place.greeted()
                for line in before:
                    await talk.ask(line)
                for _ in range(20):
                    talk.send(b"x" * 20_000)
                assert (await talk.reply())[:3] == b"500"
                await asyncio.sleep(0.05)
                (session,) = place.gate._sessions
                assert session.protocol.unread < 200_000
                talk.send(b"\r\nNOOP\r\n")
                assert (await talk.reply())[:3] == b"250"
                await talk.ask(b"QUIT")
                await place.settled(lambda: place.gate.sessions == 0)

    running(body)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_vanishes_at_any_octet_leaves_nothing(*, chunked: bool) -> None:
    """Half a message is no message, wherever the connection broke, and none of it stays in memory."""
    whole = b"BDAT 21 LAST\r\nx: y\r\n\r\nhello world\r\n" if chunked else b"DATA\r\nx: y\r\n\r\nhello\r\n.\r\n"

    async def body() -> None:
        async with opened(limit=limits(client_rate=100_000)) as place:
            for end in range(1, len(whole)):
                talk = await place.greeted()
                await talk.ask(b"MAIL FROM:<a@src.test>")
                await talk.ask(b"RCPT TO:<b@local.test>")
                if chunked:
                    talk.send(whole[:end])
                else:
                    talk.send(whole[: min(end, 6)])
                    if end >= 6:
                        await talk.reply()
                        talk.send(whole[6:end])
                talk.writer.transport.abort() if end % 2 else talk.writer.close()
            await place.settled(lambda: place.gate.sessions == 0)
            assert (await place.found(), place.spool.used) == ([], 0)

    running(body)
