from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.acceptance import opened, running
from waypost.accept.lists import passed_on
from waypost.clock import SYSTEM
from waypost.mail.envelope import Notify, Recipient
from waypost.smtp.grammar import parse_mailbox
from waypost.spool.memory import MemorySpool
from waypost.spool.spool import SpoolUnavailableError

if TYPE_CHECKING:
    from waypost.mail.envelope import Envelope
    from waypost.spool.spool import Draft


@pytest.mark.parametrize(
    ("asked", "inherited"),
    [
        ("", ""),
        ("NEVER", "NEVER"),
        ("FAILURE", "FAILURE"),
        ("SUCCESS,FAILURE", "FAILURE"),
        ("SUCCESS,FAILURE,DELAY", "FAILURE,DELAY"),
        ("SUCCESS", "NEVER"),
    ],
)
def test_the_mailboxes_of_an_alias_inherit_every_wish_but_success(asked: str, inherited: str) -> None:
    """NOTIFY goes on without SUCCESS; what is then empty means nothing at all, not the default (RFC 3461 section 5.2.7.3)."""

    def wishes(text: str) -> frozenset[Notify]:
        return frozenset(Notify(word) for word in text.split(",") if word)

    alias = Recipient(parse_mailbox("all@local.test"), wishes(asked), "rfc822;x")
    assert passed_on(alias) == Recipient(alias.mailbox, wishes(inherited), "rfc822;x")


@pytest.mark.parametrize(
    ("sender", "asked", "told"),
    [
        (b"a@src.test", b" NOTIFY=SUCCESS,FAILURE", True),
        (b"a@src.test", b" NOTIFY=FAILURE", False),
        (b"a@src.test", b"", False),
        (b"", b" NOTIFY=SUCCESS", False),
    ],
)
def test_a_list_is_reported_as_expanded_once_when_success_was_asked(sender: bytes, asked: bytes, told: bool) -> None:  # noqa: FBT001 - a row
    """The sender hears that the alias was reached, once, and never from a null reverse-path."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<" + sender + b">")
            assert await talk.code(b"RCPT TO:<all@local.test>" + asked) == 250
            await talk.ask(b"DATA")
            assert (await talk.ask(b"Subject: x\r\n\r\nz\r\n."))[:3] == b"250"
            message, *notices = await place.found()
            assert all(Notify.SUCCESS not in one.notify for one in message.envelope.recipients)
            assert len(notices) == int(told)
            for notice in notices:
                octets = notice.content.octets or b""
                assert notice.envelope.reverse_path is None
                assert b"Action: expanded\r\n" in octets
                assert b"Final-Recipient: rfc822; all@local.test\r\n" in octets

    running(body)


def test_an_alias_of_one_mailbox_passes_its_wishes_on() -> None:
    """With one mailbox behind it an alias is transparent: SUCCESS goes on, nothing is expanded (RFC 3461 section 5.2.7.2)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RCPT TO:<one@local.test> NOTIFY=SUCCESS")
            await talk.ask(b"DATA")
            await talk.ask(b"x: y\r\n\r\nz\r\n.")
            (message,) = await place.found()
            assert [one.notify for one in message.envelope.recipients] == [{Notify.SUCCESS}]

    running(body)


class _Failing(MemorySpool):
    """Keeps the first message and nothing after it."""

    async def put(self, envelope: Envelope, draft: Draft) -> None:
        if envelope.reverse_path is None:
            raise SpoolUnavailableError("broken")
        await super().put(envelope, draft)


def test_a_notice_that_cannot_be_kept_costs_the_message_nothing() -> None:
    """The message is durable before its notice is tried; 250 stands whatever becomes of the notice."""

    async def body() -> None:
        async with opened(spool=_Failing(SYSTEM)) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RCPT TO:<all@local.test> NOTIFY=SUCCESS")
            await talk.ask(b"DATA")
            assert (await talk.ask(b"x: y\r\n\r\nz\r\n."))[:3] == b"250"
            assert len(await place.found()) == 1

    running(body)
