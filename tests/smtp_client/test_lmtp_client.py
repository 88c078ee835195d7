"""The client's session under LMTP, where each recipient has an answer of its own after the content."""

from __future__ import annotations

import pytest

from smtp_client.client_kit import begin, found, ready
from waypost.replies.keys import Key
from waypost.smtp.client import Dialect
from waypost.smtp.consequence import outcome
from waypost.smtp.states import ClientState


@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "CHUNKING"), ()])
def test_lmtp_answers_for_each(offers: tuple[str, ...]) -> None:
    """After the end of content each accepted recipient has its own answer, in order (2033#4.2)."""
    session = ready(*offers, dialect=Dialect.LMTP)
    begin(session, "bob", "eve", "joe")
    data = b"" if "CHUNKING" in offers else b"354 go\r\n"
    session.receive(b"250 ok\r\n250 ok\r\n550 5.1.1 who\r\n250 ok\r\n" + data)
    session.receive(b"250 2.1.5 kept\r\n")
    assert not session.transaction.done
    session.receive(b"452 4.2.2 full\r\n")
    delivered = ("delivered", "delivered", "2.1.5")
    assert [delivered, ("failed", "remote-rejected", "5.1.1"), ("deferred", "remote-deferred", "4.2.2")] == found(session)
    assert session.state is ClientState.READY


def test_lmtp_a_recipient_is_refused_with_the_code_of_an_unknown_command() -> None:
    """500 to BDAT as the answer for one recipient is that recipient's own when another's shows that BDAT was understood."""
    session = ready("PIPELINING", "CHUNKING", dialect=Dialect.LMTP)
    begin(session, "bob", "eve", "joe")
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n500 5.2.0 broken mailbox\r\n503 5.2.1 asleep\r\n")
    assert not session.transaction.done
    session.receive(b"250 2.1.5 kept\r\n")
    refused = [("failed", "remote-rejected", "5.2.0"), ("failed", "remote-rejected", "5.2.1")]
    assert [*refused, ("delivered", "delivered", "2.1.5")] == found(session)
    assert not session.transaction.chunking_refused
    assert session.state is ClientState.READY


@pytest.mark.parametrize("code", ["500 5.2.0 broken", "502 broken", "503 broken"])
def test_lmtp_after_an_accepted_transaction_a_refusal_is_the_recipients(code: str) -> None:
    """Where BDAT was understood before on the same connection, 50x is the recipient's answer, also when it is the only one."""
    session = ready("PIPELINING", "CHUNKING", dialect=Dialect.LMTP)
    begin(session, "bob")
    session.receive(b"250 ok\r\n250 ok\r\n250 2.1.5 kept\r\n")
    begin(session, "eve")
    session.receive(f"250 ok\r\n250 ok\r\n{code}\r\n".encode())
    assert [action for action, _, _ in found(session)] == ["failed"]
    assert not session.transaction.chunking_refused
    assert session.state is ClientState.READY


def test_lmtp_after_an_accepted_chunk_a_refusal_is_the_recipients() -> None:
    """Where an earlier chunk of the same message was taken, 50x to the last one is the recipient's answer."""
    session = ready("PIPELINING", "CHUNKING", dialect=Dialect.LMTP)
    begin(session, "bob", content=None)
    session.receive(b"250 ok\r\n250 ok\r\n")
    session.piece(b"abc", last=False)
    session.piece(b"de\n", last=True)
    session.receive(b"250 ok\r\n500 5.2.0 broken\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.2.0")]
    assert not session.transaction.chunking_refused


def test_lmtp_bdat_unknown_to_all() -> None:
    """Where each answer may mean the command, nobody has the message: the connection is done with, and DATA is to be used."""
    session = ready("PIPELINING", "CHUNKING", dialect=Dialect.LMTP)
    begin(session, "bob", "eve")
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n500 what\r\n")
    assert not session.transaction.done
    session.receive(b"502 what\r\n")
    assert session.transaction.chunking_refused
    assert [each.heard.command for each in session.transaction.outcomes] == ["BDAT"] * 2
    assert session.over


def test_lmtp_bdat_unknown_and_too_few_answers() -> None:
    """A next hop that refuses BDAT once and falls silent has judged nobody: what ends the wait is everybody's, and DATA is next."""
    session = ready("PIPELINING", "CHUNKING", dialect=Dialect.LMTP)
    begin(session, "bob", "eve")
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n500 what\r\n")
    session.give_up(outcome(Key.REMOTE_SILENT, next_hop="hop"))
    assert [action for action, _, _ in found(session)] == ["deferred"] * 2
    assert session.transaction.chunking_refused
