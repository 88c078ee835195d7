from __future__ import annotations

import asyncio

import pytest

from support.acceptance import limits, listener, opened, running, server_context
from waypost.accept.settings import ListenerSettings
from waypost.net.listen import ListenError, parse
from waypost.observe.events import SessionSecured
from waypost.smtp.terms import Role, TlsMode


def test_idle_sessions_hear_421_when_the_server_drains() -> None:
    """Whoever has no transaction open is told and let go at once, greeted or not, secured or not."""

    async def body() -> None:
        async with opened(listener(), listener(tls=TlsMode.IMPLICIT), context=server_context()) as place:
            greeted = await place.greeted()
            fresh = await place.connect()
            await fresh.reply()
            shaking = await place.connect(1)
            await place.settled(lambda: place.gate.sessions == 3)
            began = asyncio.get_running_loop().time()
            await place.gate.drain(5.0)
            assert asyncio.get_running_loop().time() - began < 4
            for talk in (greeted, fresh):
                assert await talk.rest() == b"421 4.3.2 mx.test Shutting down; come back later\r\n"
            assert await shaking.rest() == b""
            assert place.gate.sessions == 0
            assert place.history.kept == []

    running(body)


def test_open_transactions_finish_when_the_server_drains() -> None:
    """A transaction that is under way is taken to its 250; then 421. No new one begins, and nobody new comes in."""

    async def body() -> None:
        async with opened() as place:
            where = place.gate.places[0]
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            draining = asyncio.ensure_future(place.gate.drain(5.0))
            await asyncio.sleep(0)
            try:
                await asyncio.open_connection(where.address, where.port)
                refused = False
            except ConnectionRefusedError:
                refused = True
            assert refused
            talk.send(b"x: y\r\n.\r\n")
            assert (await talk.reply())[:3] == b"250"
            assert (await talk.rest())[:9] == b"421 4.3.2"
            await draining
            assert len(await place.found()) == 1

    running(body)


def test_transactions_that_do_not_finish_are_ended() -> None:
    """After the time for draining whoever is left hears 421, and what was not whole is dropped."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA", b"x: y"):
                talk.send(line + b"\r\n")
                if line != b"x: y":
                    await talk.reply()
            await asyncio.sleep(0.05)
            await place.gate.drain(0.2)
            assert (await talk.rest())[:9] == b"421 4.3.2"
            assert (place.gate.sessions, await place.found(), place.spool.used) == (0, [], 0)

    running(body)


def test_refused_conversations_are_kept_and_others_are_not() -> None:
    """A session with a refusal leaves its transcript: commands, replies with keys, content counted; one without leaves none."""

    async def body() -> None:
        async with opened() as place:
            clean = await place.greeted()
            await clean.message(b"x: y")
            await clean.ask(b"QUIT")
            talk = await place.greeted()
            await talk.message(b"x: y\r\n\r\nsecret words", to=b"b@local.test")
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RCPT TO:<nobody@local.test>")
            await talk.ask(b"QUIT")
            await place.settled(lambda: place.gate.sessions == 0)
            (kept,) = place.history.kept
            assert (kept.refused, kept.helo, kept.outbound) == ("mailbox-unknown", "c.test", False)
            assert [one.envelope.id for one in await place.found()][1:] == list(kept.messages)
            told = [(line.from_client, line.octets.split(b"\r\n")[0], line.key) for line in kept.lines]
            assert (False, b"220 mx.test ESMTP Waypost", "greeting") in told
            assert (True, b"<content: 22 octets>", "") in told
            assert (True, b"RCPT TO:<nobody@local.test>", "") in told
            assert (False, b"550 5.1.1 There is no mailbox nobody@local.test here", "mailbox-unknown") in told
            assert not any(b"secret" in line.octets for line in kept.lines)
            assert await place.history.read(kept.session) is kept

    running(body)


def test_everything_is_kept_where_that_is_wanted_and_content_never() -> None:
    """The dev profile keeps accepted conversations too; commands behind content in one read are told from it."""

    async def body() -> None:
        async with opened(keep_all=True) as place:
            talk = await place.greeted()
            talk.send(b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\n")
            talk.send(b"BDAT 14\r\nx: y\r\n\r\nsecretBDAT 9 LAST\r\n secret\r\nRSET\r\n")
            for _ in range(5):
                await talk.reply()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            talk.send(b"x: y\r\n\r\nsecret\r\n.\r\nNOOP\r\nQUIT\r\n")
            await talk.rest()
            await place.settled(lambda: bool(place.history.kept))
            said = b"".join(line.octets for line in place.history.kept[0].lines if line.from_client)
            assert b"secret" not in said
            assert said.endswith(b"DATA\r\n<content: 16 octets>\r\nNOOP\r\nQUIT\r\n")

    running(body)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (ListenerSettings(role=Role.LMTP, bind="127.0.0.1:25"), "LMTP is not for port 25"),
        (ListenerSettings(role=Role.RELAY, bind="127.0.0.1:465", tls=TlsMode.IMPLICIT), "needs a certificate"),
    ],
)
def test_listeners_that_cannot_serve_are_refused(settings: ListenerSettings, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LMTP on port 25 (2033#5), and implicit TLS without a certificate, are refused in a sentence before anybody is let in."""

    async def body() -> None:
        async with opened() as place:
            monkeypatch.setattr("waypost.accept.gate.place_of", lambda _: parse(settings.bind))
            with pytest.raises(ListenError, match=says):
                place.gate.start([(None, settings)])  # type: ignore[list-item]  # it is never looked at

    running(body)


def test_handshakes_wait_their_turn() -> None:
    """While as many handshakes are under way as may be, the next waits no longer than one may last, and is then let go."""

    async def body() -> None:
        limit = limits(handshake_seconds=0.3)  # type: ignore[arg-type]  # shorter than configuration allows
        async with opened(listener(tls=TlsMode.IMPLICIT), context=server_context(), limit=limit) as place:
            for _ in range(100):
                await place.gate._house.handshakes.acquire()
            talk = await place.connect()
            assert await talk.rest() == b""
            await place.settled(lambda: place.gate.sessions == 0)
            assert [event.error for event in place.events if isinstance(event, SessionSecured)] == ["its turn did not come in time"]

    running(body)
