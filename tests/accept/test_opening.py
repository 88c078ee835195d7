from __future__ import annotations

import asyncio

import pytest

from support.acceptance import certificates, limits, listener, opened, running, server_context, trusting
from waypost.clock import SYSTEM
from waypost.observe.events import SessionOpened
from waypost.policy.check import check
from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Defer, Reject
from waypost.replies import Key
from waypost.smtp.terms import Role, TlsMode
from waypost.spool.memory import MemoryDraft, MemorySpool
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

REFUSED = b"554 mx.test No SMTP service for you here\r\n"


class Shut(MemorySpool):
    """A spool that takes nothing, for the reason given."""

    def __init__(self, error: Exception) -> None:
        super().__init__(SYSTEM)
        self.error = error

    def draft(self, *, expect: int = 0) -> MemoryDraft:
        raise self.error


def test_refused_networks_are_turned_away_by_554_and_may_only_quit() -> None:
    """Whoever is in relay.refused hears 554, then 503 to all but QUIT (5321#3.1); others are served, and the refusal is on record."""

    async def body() -> None:
        async with opened(refused=("127.0.0.2/32",)) as place:
            talk = await place.connect(source="127.0.0.2")
            assert await talk.reply() == REFUSED
            for line in (b"EHLO c.test", b"MAIL FROM:<a@src.test>", b"NOOP", b"LHLO c.test", b"DATA"):
                assert (await talk.ask(line))[:9] == b"503 5.5.1"
            assert await talk.code(b"QUIT") == 221
            assert await talk.rest() == b""
            await place.settled(lambda: place.gate.sessions == 0)
            assert [one.refused for one in place.history.kept] == ["session-refused"]
            assert [event.key for event in place.events if isinstance(event, SessionOpened)] == ["greeting-refused"]
            await place.greeted()

    running(body)


def test_trusted_clients_are_never_turned_away() -> None:
    """relay.networks makes an exception within relay.refused."""

    async def body() -> None:
        async with opened(refused=("127.0.0.0/8",), networks=("127.0.0.2/32",)) as place:
            await place.greeted(source="127.0.0.2")
            assert await (await place.connect(source="127.0.0.3")).reply() == REFUSED

    running(body)


def test_refused_clients_hear_it_inside_tls_where_tls_comes_first() -> None:
    """With implicit TLS the refusal can only be read after the handshake."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.IMPLICIT), context=server_context(), refused=("127.0.0.1",)) as place:
            talk = await place.connect(context=trusting(certificates() / "ca.pem"))
            assert await talk.reply() == REFUSED

    running(body)


def test_refused_clients_that_go_on_are_ended_by_their_errors() -> None:
    """503 is an error like any other: the last that is borne is followed by 421."""

    async def body() -> None:
        async with opened(refused=("127.0.0.1",), limit=limits(soft_errors=100, hard_errors=3)) as place:
            talk = await place.connect()
            assert await talk.reply() == REFUSED
            talk.send(b"NOOP\r\n" * 10)
            assert [line[:9] for line in (await talk.rest()).splitlines()] == [b"503 5.5.1"] * 3 + [b"421 4.7.0"]

    running(body)


@pytest.mark.parametrize("role", [Role.RELAY, Role.LMTP])
def test_a_spool_that_cannot_be_written_is_told_in_the_greeting(role: Role) -> None:
    """Nothing of a session would be of use: 421 at once, and the client goes elsewhere."""

    async def body() -> None:
        async with opened(listener(role), spool=Shut(SpoolUnavailableError("a sync failed"))) as place:
            talk = await place.connect()
            assert await talk.rest() == b"421 mx.test Service is not available for the moment, try again later\r\n"

    running(body)


def test_a_full_disk_is_told_at_mail() -> None:
    """There is a greeting, and everything but MAIL is answered as ever."""

    async def body() -> None:
        async with opened(spool=Shut(SpoolFullError("the disk is full"))) as place:
            talk = await place.greeted()
            assert (await talk.ask(b"MAIL FROM:<a@src.test>"))[:9] == b"452 4.3.1"
            assert await talk.code(b"NOOP") == 250

    running(body)


def test_clients_that_dawdle_in_the_handshake_keep_nobody_waiting() -> None:
    """A hundred clients that never begin their handshakes hold up another for a moment, not for as long as theirs may last."""

    async def body() -> None:
        async with opened(
            listener(tls=TlsMode.IMPLICIT),
            context=server_context(),
            limit=limits(client_connections=1000, network_connections=1000, handshake_seconds=5),
        ) as place:
            idle = [await place.connect() for _ in range(150)]
            await place.settled(lambda: place.gate.sessions == 150)
            async with asyncio.timeout(4):
                talk = await place.connect(context=trusting(certificates() / "ca.pem"))
                assert (await talk.reply())[:3] == b"220"
            assert place.gate.sessions == len(idle) + 1

    running(body)


def test_starttls_whose_turn_does_not_come_is_answered_454() -> None:
    """The session goes on in the clear, and nothing is promised that is not kept."""

    async def body() -> None:
        limit = limits(handshake_seconds=2)
        async with opened(listener(tls=TlsMode.STARTTLS), context=server_context(), limit=limit) as place:
            talk = await place.greeted()
            for _ in range(100):
                await place.gate._house.handshakes.acquire()
            assert await talk.code(b"STARTTLS") == 454
            assert await talk.code(b"NOOP") == 250
            for _ in range(100):
                place.gate._house.handshakes.release()
            assert await talk.code(b"STARTTLS") == 220
            await talk.secure(certificates() / "ca.pem")
            assert await talk.code(b"EHLO c.test") == 250

    running(body)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("verdict", "said"),
    [(ACCEPT, b"220"), (Reject(Key.RELAY_DENIED, {"forward_path": "x"}), b"554"), (Defer(Key.CHECK_FAILED), b"421"), (None, b"421")],
)
def test_checks_judge_before_the_greeting(verdict: object, said: bytes, *, waits: bool) -> None:
    """A check of the phase connect decides on the greeting; one that gives no verdict defers, as everywhere."""

    async def slow(_: object) -> object:
        return verdict

    async def body() -> None:
        judge = check(Phase.CONNECT)(slow if waits else lambda _: verdict)  # type: ignore[arg-type]  # what it gives is the row's
        async with opened(checks=(judge,)) as place:
            talk = await place.connect()
            assert (await talk.reply())[:3] == said
            if said == b"554":
                assert await talk.code(b"EHLO c") == 503

    running(body)


def test_a_server_that_stops_meanwhile_greets_with_421() -> None:
    """Who waited for a check while the server began to stop is not let in only to be sent away later."""

    async def body() -> None:
        asked, go = asyncio.Event(), asyncio.Event()

        @check(Phase.CONNECT)
        async def slow(_: object) -> object:
            asked.set()
            await go.wait()
            return ACCEPT

        async with opened(checks=(slow,)) as place:
            talk = await place.connect()
            await asked.wait()
            draining = asyncio.ensure_future(place.gate.drain(8.0))
            await asyncio.sleep(0.05)
            go.set()
            assert await talk.rest() == b"421 mx.test Service is shutting down, try again later\r\n"
            async with asyncio.timeout(4):
                await draining

    running(body)
