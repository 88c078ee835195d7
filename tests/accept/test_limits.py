from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.acceptance import Place, Talk, limits, listener, opened, running
from waypost.observe.events import SessionOpened
from waypost.smtp.terms import Role


async def begun(talk: Talk) -> None:
    """MAIL, RCPT and DATA."""
    for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
        await talk.ask(line)


async def turned_away(place: Place, source: str = "127.0.0.1") -> bytes:
    """What a connection hears that is not let in."""
    return await (await place.connect(source=source)).rest()


def test_message_size_at_its_edge() -> None:
    """A message of exactly the limit is kept, one octet more is read to its end, refused 552, and the session goes on."""

    async def body() -> None:
        async with opened(limit=limits(message_size=1000)) as place:
            talk = await place.greeted()
            content = b"x: y\r\n\r\n" + b"z" * 988
            assert len(content) + 2 == 998
            assert (await talk.message(content + b"zz"))[:3] == b"250"
            assert (await talk.message(content + b"zzz"))[:9] == b"552 5.3.4"
            assert await talk.code(b"MAIL FROM:<a@src.test> SIZE=1001") == 552
            assert await talk.code(b"MAIL FROM:<a@src.test> SIZE=1000") == 250
            assert len(await place.found()) == 1

    running(body)


def test_content_far_past_the_size_ends_the_session() -> None:
    """Twice the limit is not read: 421 and close."""

    async def body() -> None:
        async with opened(limit=limits(message_size=1000)) as place:
            talk = await place.greeted()
            await begun(talk)
            talk.send(b"x: y\r\n\r\n" + b"z" * 5000)
            assert (await talk.rest())[:9] == b"421 4.3.0"

    running(body)


def test_recipients_at_their_edge() -> None:
    """The limit is accepted, one more hears 452 4.5.3, and the accepted ones get the message; it counts as no error."""

    async def body() -> None:
        async with opened(limit=limits(recipients=100, hard_errors=2, soft_errors=1), networks=("127.0.0.1",)) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            talk.send(b"".join(b"RCPT TO:<r%d@far.test>\r\n" % number for number in range(105)))
            codes = [(await talk.reply())[:9] for _ in range(105)]
            assert codes == [b"250 2.1.5"] * 100 + [b"452 4.5.3"] * 5
            await talk.ask(b"DATA")
            assert (await talk.ask(b"x: y\r\n."))[:3] == b"250"
            assert len((await place.found())[0].envelope.recipients) == 100

    running(body)


@pytest.mark.parametrize(
    ("changed", "fits", "past"),
    [
        ({"header_size": 300}, b"a: b\r\n" * 50, b"a: b\r\n" * 50 + b"c: d\r\n"),
        ({"header_fields": 10}, b"a: b\r\n" * 10, b"a: b\r\n" * 11),
        ({"header_field_size": 100}, b"a: " + b"b" * 93 + b"bb\r\n", b"a: " + b"b" * 93 + b"\r\n cc\r\n"),
    ],
)
def test_header_limits_at_their_edge(changed: dict[str, int], fits: bytes, past: bytes) -> None:
    """Size, number and size of fields: the limit passes, one more is refused 552 5.3.4."""

    async def body() -> None:
        async with opened(limit=limits(**changed)) as place:
            talk = await place.greeted()
            assert (await talk.message(fits + b"\r\nbody"))[:3] == b"250"
            assert (await talk.message(past + b"\r\nbody"))[:9] == b"552 5.3.4"
            assert len(await place.found()) == 1

    running(body)


def test_folds_are_no_fields() -> None:
    """A folded field counts once."""

    async def body() -> None:
        async with opened(limit=limits(header_fields=2)) as place:
            talk = await place.greeted()
            assert (await talk.message(b"a: b\r\n c\r\n\td\r\ne: f\r\n\r\nbody"))[:3] == b"250"

    running(body)


def test_header_without_end_is_refused_before_it_is_gathered() -> None:
    """A header section that never ends is not held beyond its limit; the rest is read and thrown away."""

    async def body() -> None:
        async with opened(limit=limits(header_size=1000)) as place:
            talk = await place.greeted()
            await begun(talk)
            for _ in range(60):
                talk.send(b"a: " + b"b" * 4000 + b"\r\n")
            talk.send(b"\r\n.\r\n")
            assert (await talk.reply())[:9] == b"552 5.3.4"
            assert (await talk.message(b"x: y"))[:3] == b"250"

    running(body)


def test_hops_at_their_edge() -> None:
    """As many Received fields as the limit mean that a message goes in circles (5321#6.3)."""

    async def body() -> None:
        async with opened(limit=limits(hops=10)) as place:
            talk = await place.greeted()
            assert (await talk.message(b"Received: x\r\n" * 9 + b"\r\nbody"))[:3] == b"250"
            assert (await talk.message(b"received: x\r\n" * 10 + b"\r\nbody"))[:9] == b"554 5.4.6"

    running(body)


def test_messages_of_a_session_at_their_edge() -> None:
    """After the last message of a session MAIL hears 421; a trusted client is not counted."""

    async def body(networks: tuple[str, ...], last: bytes) -> None:
        async with opened(limit=limits(session_messages=2), networks=networks) as place:
            talk = await place.greeted()
            for _ in range(2):
                assert (await talk.message(b"x: y"))[:3] == b"250"
            assert (await talk.ask(b"MAIL FROM:<a@src.test>"))[:9] == last

    running(lambda: body((), b"421 4.7.0"))
    running(lambda: body(("127.0.0.1",), b"250 2.1.0"))


def test_errors_end_a_session() -> None:
    """The last error that is borne hears its own reply and then 421; the one before does not."""

    async def body() -> None:
        async with opened(limit=limits(soft_errors=100, hard_errors=3)) as place:
            talk = await place.greeted()
            for _ in range(2):
                assert await talk.code(b"RUBBISH") == 500
            assert await talk.code(b"NOOP") == 250
            assert await talk.code(b"RUBBISH") == 500
            assert (await talk.rest())[:9] == b"421 4.7.0"

    running(body)


def test_errors_beyond_the_soft_limit_wait_longer_each_time() -> None:
    """Each error past the limit is paid for by a second more than the one before; trusted clients do not pay."""

    async def body(networks: tuple[str, ...], waited: list[int]) -> None:
        asked: list[int] = []
        loop_sleep = asyncio.sleep

        async def sleep(seconds: float) -> None:
            asked.append(int(seconds))
            await loop_sleep(0)

        async with opened(limit=limits(soft_errors=2), networks=networks) as place:
            with pytest.MonkeyPatch.context() as patch:
                talk = await place.greeted()
                patch.setattr("waypost.accept.session.asyncio.sleep", sleep)
                for _ in range(5):
                    assert await talk.code(b"RUBBISH") == 500
                assert await talk.code(b"NOOP") == 250
            assert [one for one in asked if one] == waited

    running(lambda: body((), [1, 2, 3]))
    running(lambda: body(("127.0.0.1",), []))


def test_commands_without_mail_at_their_edge() -> None:
    """So many NOOP, RSET, VRFY and HELP are answered, one more hears 421; a message begins the count anew."""

    async def body() -> None:
        async with opened(limit=limits(junk_commands=5)) as place:
            talk = await place.greeted()
            for _ in range(2):
                for line in (b"NOOP", b"VRFY x", b"HELP", b"RSET"):
                    assert (await talk.ask(line))[:1] == b"2"
                assert (await talk.message(b"x: y"))[:3] == b"250"
            for _ in range(5):
                assert await talk.code(b"NOOP") == 250
            assert (await talk.ask(b"NOOP"))[:9] == b"421 4.7.0"
            assert await talk.rest() == b""

    running(body)


def test_pipelined_flood_is_ended() -> None:
    """Ten thousand NOOPs without reading: the session ends at the limit and nothing grows."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            talk.send(b"NOOP\r\n" * 10_000)
            said = (await talk.rest()).splitlines()
            assert [line[:3] for line in said] == [b"250"] * 49 + [b"421"]

    running(body)


def test_connections_of_an_address_at_their_edge() -> None:
    """So many connections of one address are let in, one more hears 421 and none is made for it; one that left makes room."""

    async def body() -> None:
        async with opened(limit=limits(client_connections=2)) as place:
            first = await place.greeted()
            await place.greeted()
            assert await turned_away(place) == b"421 mx.test Too many connections from your address, close some and try again\r\n"
            assert place.gate.sessions == 2
            assert [event.key for event in place.events if isinstance(event, SessionOpened)][-1] == "greeting-client-connections"
            await place.greeted(source="127.0.0.2")
            await first.ask(b"QUIT")
            await place.settled(lambda: place.gate.sessions == 2)
            await place.greeted()

    running(body)


def test_connections_of_a_network_at_their_edge() -> None:
    """A /24 may hold so many, whatever its addresses."""

    async def body() -> None:
        async with opened(limit=limits(network_connections=2)) as place:
            await place.greeted(source="127.0.0.2")
            await place.greeted(source="127.0.0.3")
            assert (await turned_away(place, "127.0.0.4"))[:4] == b"421 "
            await place.greeted(source="127.0.9.9")

    running(body)


def test_rate_of_an_address_at_its_edge() -> None:
    """So many new connections a minute, and one more hears 421."""

    async def body() -> None:
        async with opened(limit=limits(client_rate=3)) as place:
            for _ in range(3):
                talk = await place.greeted()
                await talk.ask(b"QUIT")
            assert (await turned_away(place))[:4] == b"421 "
            await place.greeted(source="127.0.0.2")

    running(body)


def test_connections_in_all_at_their_edge() -> None:
    """So many connections in all, and one more hears 421, trusted or not."""

    async def body() -> None:
        async with opened(limit=limits(connections=2), networks=("127.0.0.1",)) as place:
            await place.greeted()
            await place.greeted()
            assert await turned_away(place) == b"421 mx.test All connections are taken, try again later\r\n"

    running(body)


def test_trusted_clients_are_exempt_from_limits_per_client() -> None:
    """relay.networks may hold and make as many connections as there is room for."""

    async def body() -> None:
        limit = limits(client_connections=1, network_connections=1, client_rate=1)
        async with opened(limit=limit, networks=("127.0.0.0/8",)) as place:
            for _ in range(5):
                await place.greeted()

    running(body)


def test_limits_per_host_are_shared_out_among_workers() -> None:
    """Each of two workers lets in half, rounded up."""

    async def body() -> None:
        async with opened(limit=limits(client_connections=3)) as place:
            place.gate.apply(replace(place.plan, share=2))
            await place.greeted()
            await place.greeted()
            assert (await turned_away(place))[:4] == b"421 "

    running(body)


def test_failed_auth_at_its_edge() -> None:
    """So many failures are borne; the last hears its 535 and then 421."""

    async def body() -> None:
        async def sleep(_: float) -> None:
            return None

        async with opened(listener(Role.SUBMISSION), limit=limits(auth_failures=2), anyone=True) as place:
            with pytest.MonkeyPatch.context() as patch:
                talk = await place.greeted()
                patch.setattr("waypost.accept.hearing.asyncio.sleep", sleep)
                assert await talk.code(b"AUTH PLAIN AGFkYQB3cm9uZw==") == 535
                assert await talk.code(b"NOOP") == 250
                assert await talk.code(b"AUTH PLAIN AGFkYQB3cm9uZw==") == 535
                assert (await talk.rest())[:9] == b"421 4.7.0"

    running(body)


WRONG = b"AUTH PLAIN AGFkYQB3cm9uZw=="
RIGHT = b"AUTH PLAIN AGFkYQByaWdodA=="


def test_guessing_from_a_network_at_its_edge() -> None:
    """So many failures of one network are answered, whatever sessions they come in; one more try, right or wrong, hears 421."""

    async def body() -> None:
        async def sleep(_: float) -> None:
            return None

        with pytest.MonkeyPatch.context() as patch:
            async with opened(listener(Role.SUBMISSION), limit=limits(auth_network_failures=2), anyone=True) as place:
                patch.setattr("waypost.accept.hearing.asyncio.sleep", sleep)
                for _ in range(2):
                    talk = await place.greeted()
                    assert await talk.code(WRONG) == 535
                for tried in (WRONG, RIGHT):
                    talk = await place.greeted()
                    assert (await talk.ask(tried))[:9] == b"421 4.7.0"

    running(body)


def test_guessing_at_an_account_at_its_edge() -> None:
    """Beyond the limit each try waits 1, 2, 4 seconds before it is judged, and the right password still opens the account."""

    async def body() -> None:
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        with pytest.MonkeyPatch.context() as patch:
            async with opened(listener(Role.SUBMISSION), limit=limits(auth_account_failures=1), anyone=True) as place:
                patch.setattr("waypost.accept.hearing.asyncio.sleep", sleep)
                for tried in (WRONG, WRONG, WRONG, RIGHT, WRONG):
                    talk = await place.greeted()
                    await talk.code(tried)
        # Of each session's own first failure one second; before it what guessing at the account costs; none once it was opened from here.
        assert [wait for wait in waits if wait] == [1, 1.0, 1, 2.0, 1, 4.0, 1]

    running(body)


def test_command_line_at_its_edge() -> None:
    """A line of the limit is obeyed, a longer one is refused 500 and forgotten."""

    async def body() -> None:
        async with opened(limit=limits(command_line=512)) as place:
            talk = await place.greeted()
            assert await talk.code(b"NOOP " + b"x" * 505) == 250
            assert await talk.code(b"NOOP " + b"x" * 506) == 500
            assert await talk.code(b"NOOP") == 250

    running(body)
