"""What a next hop's answers mean to the client: refusals, 421, garbage, silence, and answers cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_client.client_kit import CONTENT, RELAYED, begin, found, message, offered, people, ready
from waypost.replies.keys import Key
from waypost.smtp.client import ClientSession, ClientTerms
from waypost.smtp.consequence import outcome
from waypost.smtp.states import ClientState

ALL = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 1000")


def test_a_refused_mail_stands_for_everybody() -> None:
    """When MAIL is refused its answer is everybody's, not the 503 behind it."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob", "eve")
    session.receive(b"451 4.7.1 slowly\r\n503 mail first\r\n503 mail first\r\n503 mail first\r\n")
    assert found(session) == [("deferred", "remote-deferred", "4.7.1")] * 2
    assert not session.transaction.chunking_refused
    session = ready()
    begin(session, "bob")
    session.receive(b"550 5.7.1 no\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.7.1")]


def test_no_recipient_and_354_all_the_same() -> None:
    """If every RCPT failed and 354 comes, a lone dot is sent and its answer means nothing (2920#3.1)."""
    session = ready("PIPELINING")
    begin(session, "bob")
    assert session.receive(b"250 ok\r\n550 5.1.1 no\r\n354 go\r\n") == b".\r\n"
    session.receive(b"250 2.0.0 accepted what?\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.1.1")]
    assert session.state is ClientState.READY


def test_data_refused() -> None:
    """A refused DATA is the answer for those who were accepted, and RSET rides before the next MAIL."""
    session = ready("PIPELINING")
    begin(session, "bob", "eve")
    session.receive(b"250 ok\r\n250 ok\r\n550 5.1.1 no\r\n451 4.3.1 full\r\n")
    assert found(session) == [("deferred", "remote-deferred", "4.3.1"), ("failed", "remote-rejected", "5.1.1")]
    assert begin(session, "bob").startswith(b"RSET\r\nMAIL FROM:")
    session.receive(b"250 flushed\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")
    assert found(session) == [RELAYED]
    assert begin(session, "bob").startswith(b"MAIL FROM:")


def test_a_refused_end_of_data_clears_the_transaction() -> None:
    """After the answer to the dot there is nothing to reset (5321#4.1.1.4)."""
    session = ready("PIPELINING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n554 5.6.0 no\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.6.0")]
    assert begin(session, "bob").startswith(b"MAIL FROM:")


def test_reset_goes_alone_after_a_failed_bdat() -> None:
    """After a failed BDAT nothing but RSET is said until its 250 shows that the octets were swallowed (3030#2)."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n550 5.1.1 no\r\n503 5.5.1 no recipients\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.1.1")]
    assert begin(session, "eve") == b"RSET\r\n"
    assert session.receive(b"250 ok\r\n").startswith(b"MAIL FROM:")
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    assert found(session) == [RELAYED]


def test_octets_of_a_bdat_taken_for_commands_end_the_session() -> None:
    """A next hop that answers the content line by line is not spoken to again."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n550 no\r\n503 no\r\n500 what is Subject\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.0.0")]
    assert session.over


@pytest.mark.parametrize("code", [500, 502, 503])
def test_bdat_unknown(code: int) -> None:
    """500, 502 and 503 to BDAT with a recipient accepted: the connection is done with, and DATA is to be used."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n250 ok\r\n%d no\r\n" % code)
    assert session.transaction.chunking_refused
    assert session.over


def test_bdat_refused_for_another_reason() -> None:
    """Any other refusal of BDAT is an answer like any other."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n250 ok\r\n552 5.3.4 too big\r\n")
    assert found(session) == [("failed", "remote-rejected", "5.3.4")]
    assert not session.transaction.chunking_refused
    assert session.state is ClientState.READY


@pytest.mark.parametrize(
    ("answer", "action", "key", "status"),
    [
        (b"250 ok", "relayed", "relayed", "2.0.0"),
        (b"251 will forward to <c@y.example>", "relayed", "relayed", "2.0.0"),
        (b"252 maybe", "relayed", "relayed", "2.0.0"),
        (b"299 who knows", "relayed", "relayed", "2.0.0"),
        (b"450 4.2.0 busy", "deferred", "remote-deferred", "4.2.0"),
        (b"452 4.2.2 full", "deferred", "remote-deferred", "4.2.2"),
        (b"499 what", "deferred", "remote-deferred", "4.0.0"),
        (b"550 5.1.1 no", "failed", "remote-rejected", "5.1.1"),
        (b"550 4.1.1 odd", "failed", "remote-rejected", "5.0.0"),
        (b"551 try <c@y.example>", "failed", "remote-rejected", "5.0.0"),
        (b"552 too many", "deferred", "remote-recipients-full", "4.5.3"),
        (b"556 5.1.10 null", "failed", "remote-rejected", "5.1.10"),
        (b"599 what", "failed", "remote-rejected", "5.0.0"),
    ],
)
def test_what_an_answer_to_rcpt_means(answer: bytes, action: str, key: str, status: str) -> None:
    """By its first digit, but for 552, which is temporary; 251 and 551 are not followed (5321#3.4, 5321#4.5.3.1.10)."""
    session = ready("PIPELINING")
    flight = begin(session, "bob")
    assert b"y.example" not in flight
    session.receive(b"250 ok\r\n" + answer + b"\r\n" + (b"354 go\r\n250 ok\r\n" if answer[:1] == b"2" else b"503 no\r\n"))
    assert [(action, key, status)] == found(session)


def test_452_behind_accepted_recipients() -> None:
    """452 behind accepted recipients means that this transaction is full."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob", "eve")
    session.receive(b"250 ok\r\n250 ok\r\n452 4.5.3 too many\r\n250 ok\r\n")
    assert found(session) == [RELAYED, ("deferred", "remote-recipients-full", "4.5.3")]


@pytest.mark.parametrize("before", [b"", b"250 ok\r\n", b"250 ok\r\n250 ok\r\n", b"250 ok\r\n250 ok\r\n550 no\r\n"])
def test_421_anywhere(before: bytes) -> None:
    """421 ends the session; whoever has no answer yet is deferred, whoever was refused stays refused."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob", "eve")
    session.receive(before + b"421 4.3.2 closing\r\n")
    assert session.over
    expected = [("deferred", "remote-deferred", "4.3.2")] * 2
    if b"550" in before:
        expected[1] = ("failed", "remote-rejected", "5.0.0")
    assert expected == found(session)


def test_421_while_idle() -> None:
    """421 between transactions ends the session."""
    session = ready()
    session.receive(b"421 idle too long\r\n")
    assert session.over
    assert session.failure.heard.code == 421


@pytest.mark.parametrize("octets", [b"hello\r\n", b"250 x" * 20_000, b"199 no\r\n", b"354 what\r\n"])
def test_garbage(octets: bytes) -> None:
    """What is no answer ends the session and defers everybody."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob")
    session.receive(octets)
    assert session.over
    assert found(session) == [("deferred", "remote-garbled", "4.5.0")]


def test_answers_to_nothing() -> None:
    """More answers than commands end the session after the results that were due."""
    session = ready("PIPELINING", "CHUNKING")
    begin(session, "bob")
    session.receive(b"250 ok\r\n250 ok\r\n250 done\r\n250 and more\r\n")
    assert found(session) == [RELAYED]
    assert session.over


def test_giving_up_keeps_what_is_known() -> None:
    """When the connection breaks, answers that came stay."""
    session = ready("PIPELINING")
    begin(session, "bob", "eve")
    session.receive(b"250 ok\r\n550 no\r\n")
    session.give_up(outcome(Key.REMOTE_HUNG_UP, next_hop="hop"))
    assert found(session) == [("failed", "remote-rejected", "5.0.0"), ("deferred", "remote-hung-up", "4.4.2")]


DIALOGUE = [
    b"220 hop\r\n",
    offered(*ALL),
    b"250 ok\r\n250-2.1.5 long\r\n250 2.1.5 ok\r\n550 5.1.1 no\r\n250 2.0.0 done\r\n",
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 150), max_size=8))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    """The same answers, cut anywhere, give the same commands and outcomes."""

    def converse(cuts: list[int]) -> tuple[bytes, list[tuple[str, str, str]]]:
        session = ClientSession(ClientTerms(hostname="here.example"))
        said = b""
        for number, octets in enumerate(DIALOGUE):
            if number == 2:
                said += session.begin(message(), people("bob", "eve"), size=20, content=CONTENT)
            places = sorted({cut for cut in cuts if cut < len(octets)})
            for start, end in zip([0, *places], [*places, len(octets)], strict=True):
                said += session.receive(octets[start:end])
        return said, found(session)

    assert converse([]) == converse(cuts)
