"""What the client sends in one flight or in pieces, and what it does not send where a next hop cannot take it."""

from __future__ import annotations

import pytest

from smtp_client.client_kit import CONTENT, RELAYED, begin, found, ready
from waypost.smtp.client import Patience
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.states import ClientState


def test_everything_goes_in_one_flight() -> None:
    """With PIPELINING and CHUNKING envelope and content leave together."""
    session = ready("PIPELINING", "CHUNKING")
    flight = b"MAIL FROM:<ada@here.example>\r\nRCPT TO:<bob@x.example>\r\nRCPT TO:<eve@x.example>\r\nBDAT 20 LAST\r\n" + CONTENT
    assert flight == begin(session, "bob", "eve")
    assert session.receive(b"250 ok\r\n250 ok\r\n550 5.1.1 who\r\n250 2.0.0 done\r\n") == b""
    assert found(session) == [RELAYED, ("failed", "remote-rejected", "5.1.1")]
    assert session.state is ClientState.READY


def test_data_ends_the_flight_without_chunking() -> None:
    """Without CHUNKING the flight ends with DATA, and 354 brings the content with its dots stuffed."""
    session = ready("PIPELINING")
    assert begin(session, "bob").endswith(b"RCPT TO:<bob@x.example>\r\nDATA\r\n")
    assert session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n") == b"Subject: x\r\n\r\n..dot\r\n.\r\n"
    assert session.patience is Patience.FINAL
    session.receive(b"250 2.6.0 taken\r\n")
    assert found(session) == [("relayed", "relayed", "2.6.0")]


def test_one_command_at_a_time_without_pipelining() -> None:
    """Without PIPELINING each command waits for the answer to the one before."""
    session = ready()
    assert begin(session, "bob", "eve") == b"MAIL FROM:<ada@here.example>\r\n"
    assert session.receive(b"250 ok\r\n") == b"RCPT TO:<bob@x.example>\r\n"
    assert session.receive(b"550 no\r\n") == b"RCPT TO:<eve@x.example>\r\n"
    assert session.receive(b"250 ok\r\n") == b"DATA\r\n"
    assert session.patience is Patience.DATA
    assert session.receive(b"354 go\r\n").endswith(b"..dot\r\n.\r\n")
    session.receive(b"250 ok\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.0.0"), RELAYED]


def test_bdat_without_pipelining() -> None:
    """CHUNKING alone sends BDAT after the recipients were answered."""
    session = ready("CHUNKING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n")
    assert session.receive(b"250 ok\r\n") == b"BDAT 20 LAST\r\n" + CONTENT


def test_empty_content() -> None:
    """A message without an octet is BDAT 0 LAST, or a dot alone."""
    session = ready("PIPELINING", "CHUNKING")
    assert begin(session, "bob", content=b"").endswith(b"BDAT 0 LAST\r\n")
    session = ready("PIPELINING")
    begin(session, "bob", content=b"")
    assert session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n") == b".\r\n"


@pytest.mark.parametrize(
    ("offers", "needs", "status"),
    [
        (("8BITMIME",), {"utf8": True}, "5.6.7"),
        (("SMTPUTF8",), {"eight_bit": True}, "5.6.3"),
        (("SIZE 19",), {}, "5.3.4"),
    ],
)
def test_what_cannot_be_taken_is_not_sent(offers: tuple[str, ...], needs: dict[str, bool], status: str) -> None:
    """A message that needs what the next hop lacks is a failure at once, and nothing is said."""
    session = ready("PIPELINING", *offers)
    assert begin(session, "bob", **needs) == b""
    assert [("failed", status)] == [(action, code) for action, _, code in found(session)]
    assert session.state is ClientState.READY


def test_smtputf8_is_said_where_it_is_needed() -> None:
    """A message that needs SMTPUTF8 says so even if its sender did not, as after an alias (6531#3.4)."""
    session = ready("PIPELINING", "SMTPUTF8")
    assert begin(session, "grün", utf8=True).startswith(b"MAIL FROM:<ada@here.example> SMTPUTF8\r\n")


def test_the_size_limit_to_the_octet() -> None:
    """A message of just the offered size is sent."""
    session = ready("PIPELINING", "SIZE 20")
    assert b"MAIL FROM:<ada@here.example> SIZE=20\r\n" in begin(session, "bob")


def test_large_content_waits_for_the_recipients() -> None:
    """Large content is not sent before a recipient was accepted, and goes in chunks of which the last says so."""
    session = ready("PIPELINING", "CHUNKING")
    assert begin(session, "bob", content=None).endswith(b"RCPT TO:<bob@x.example>\r\n")
    session.receive(b"250 ok\r\n250 ok\r\n")
    assert session.state is ClientState.CONTENT
    assert session.piece(b"abc", last=False) == b"BDAT 3\r\nabc"
    assert session.piece(b"de\n", last=True) == b"BDAT 3 LAST\r\nde\n"
    session.receive(b"250 ok\r\n250 done\r\n")
    assert found(session) == [RELAYED]


def test_after_a_failed_chunk_nothing_more() -> None:
    """A refused chunk ends the sending; its answer is everybody's."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob", content=None)
    session.receive(b"250 ok\r\n250 ok\r\n")
    session.piece(b"abc", last=False)
    session.receive(b"452 4.3.1 full\r\n")
    assert not session.transaction.wants_content
    assert found(session) == [("deferred", "remote-deferred", "4.3.1")]
    with pytest.raises(LocalProtocolError):
        session.piece(b"def", last=True)


def test_large_content_by_data() -> None:
    """By DATA pieces follow 354, stuffed across their cuts."""
    session = ready("PIPELINING")
    begin(session, "bob", content=None)
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert session.piece(b"a\r", last=False) == b"a\r"
    assert session.piece(b"\n.b\r\n", last=True) == b"\n..b\r\n.\r\n"
    assert session.state is ClientState.FINISHING


def test_goodbye() -> None:
    """QUIT ends it, whatever is answered."""
    session = ready()
    assert session.quit() == b"QUIT\r\n"
    assert session.patience is Patience.QUIT
    session.receive(b"421 bye\r\n")
    assert session.over
