"""Who may be written to, and by whom: mailboxes, aliases, the postmaster, trusted networks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.acceptance import opened, running
from waypost.mail.envelope import Notify
from waypost.policy.settings import RelaySettings


def test_alias_goes_to_each_of_its_mailboxes_once_with_the_address_as_written() -> None:
    """An alias is expanded, what was also named stays single, and ORCPT names what the sender wrote (3461#5.2.1)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            for to in (b"B@local.test", b"all@local.test", b"one@local.test NOTIFY=NEVER", b"b@local.test"):
                address, _, parameters = to.partition(b" ")
                assert await talk.code(b"RCPT TO:<" + address + b"> " + parameters if parameters else b"RCPT TO:<" + address + b">") == 250
            await talk.ask(b"DATA")
            await talk.ask(b".")
            (found,) = await place.found()
            assert [(str(one.mailbox), one.orcpt) for one in found.envelope.recipients] == [
                ("B@local.test", None),
                ("c@local.test", "rfc822;all@local.test"),
                ("far@away.test", "rfc822;all@local.test"),
            ]
            assert found.envelope.recipients[0].notify == {Notify.FAILURE}

    running(body)


@pytest.mark.parametrize("to", [b"Postmaster", b"postmaster@local.test", b"PostMaster@LOCAL.test"])
def test_postmaster_is_always_there(to: bytes) -> None:
    """The reserved mailbox takes mail in any case, with and without domain (5321#4.5.1)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y", to=to))[:3] == b"250"
            assert str((await place.found())[0].envelope.recipients[0].mailbox).lower() == "postmaster@local.test"

    running(body)


@pytest.mark.parametrize(
    ("to", "answer"),
    [
        (b"nobody@local.test", b"550 5.1.1 "),
        (b"x@elsewhere.test", b"550 5.7.1 "),
        (b"x@[192.0.2.1]", b"550 5.7.1 "),
        (b"anybody@relay.test", b"250 2.1.5 "),
        (b"B@LOCAL.TEST", b"250 2.1.5 "),
    ],
)
def test_recipient_is_judged_at_rcpt(to: bytes, answer: bytes) -> None:
    """Unknown mailboxes, foreign domains and literals are refused at RCPT; relay domains take any mailbox."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            said = await talk.ask(b"RCPT TO:<" + to + b">")
            assert said[: len(answer)] == answer

    running(body)


def test_trusted_network_sends_anywhere() -> None:
    """A client of relay.networks may send to any domain."""

    async def body() -> None:
        async with opened(networks=("127.0.0.0/8",)) as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y", to=b"x@elsewhere.test"))[:3] == b"250"

    running(body)


def test_trusted_network_may_have_line_ends_mended() -> None:
    """Where relay.normalize is set, bare LF of a trusted client becomes CRLF; of a stranger it is refused."""

    async def body(networks: tuple[str, ...], code: bytes, kept: list[bytes]) -> None:
        async with opened(networks=networks, normalize=True) as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y\r\n\r\none\ntwo"))[:3] == code
            assert [octets.split(b"x: y", 1)[1] for octets in await place.contents()] == kept

    running(lambda: body(("127.0.0.1",), b"250", [b"\r\n\r\none\r\ntwo\r\n"]))
    running(lambda: body((), b"554", []))


def test_dev_profile_takes_mail_for_everywhere() -> None:
    """Where nothing can leave, every recipient is taken, literals too."""

    async def body() -> None:
        async with opened(anyone=True) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            assert await talk.code(b"RCPT TO:<x@elsewhere.test>") == 250
            assert await talk.code(b"RCPT TO:<x@[192.0.2.1]>") == 250

    running(body)


def test_reload_holds_for_new_sessions_alone() -> None:
    """A session ends by the plan that it began with; the next goes by the new one."""

    async def body() -> None:
        async with opened() as place:
            old = await place.greeted()
            place.gate.apply(replace(place.plan, relay=RelaySettings(networks=("127.0.0.1",))))
            new = await place.greeted()
            for talk, code in ((old, 550), (new, 250)):
                await talk.ask(b"MAIL FROM:<a@src.test>")
                assert await talk.code(b"RCPT TO:<x@elsewhere.test>") == code

    running(body)
