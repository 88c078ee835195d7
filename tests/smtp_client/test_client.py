"""The client's side of a session, as dialogues without a network."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.outcome import Action
from waypost.mail.path import Mailbox
from waypost.replies.keys import Key
from waypost.smtp.client import ClientSession, ClientTerms, Dialect, Patience, Upgrade
from waypost.smtp.consequence import outcome
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.states import ClientState

ALL = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 1000")
CONTENT = b"Subject: x\r\n\r\n.dot\r\n"
ADA = Mailbox("ada", "here.example", "ada@here.example")


def people(*names: str) -> list[Recipient]:
    return [Recipient(Mailbox(name, "x.example", f"{name}@x.example")) for name in names]


def message(**fields: object) -> Envelope:
    return Envelope(id="1", reverse_path=ADA, recipients=(), arrived=0.0, **fields)


def offered(*offers: str) -> bytes:
    lines = ("hop.example", *offers)
    return "".join(f"250{'-' if number < len(lines) else ' '}{line}\r\n" for number, line in enumerate(lines, 1)).encode()


def ready(*offers: str, **terms: object) -> ClientSession:
    """A session that was greeted and may begin."""
    session = ClientSession(ClientTerms(hostname="here.example", next_hop="hop", **{"upgrade": Upgrade.NEVER, **terms}))
    session.receive(b"220 hop.example\r\n")
    session.receive(offered(*offers))
    assert session.state is ClientState.READY
    return session


def begin(session: ClientSession, *names: str, content: bytes | None = CONTENT, **fields: object) -> bytes:
    return session.begin(message(), people(*names), size=len(content or b"x" * 100), content=content, **fields)


def found(session: ClientSession) -> list[tuple[str, str, str]]:
    assert session.transaction is not None
    assert session.transaction.done
    return [(str(each.action), str(each.key), each.status) for each in session.transaction.outcomes]


RELAYED = ("relayed", "relayed", "2.0.0")


# ---- one flight -----------------------------------------------------------------------------------------------
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


# ---- refusals -------------------------------------------------------------------------------------------------
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


# ---- 421, garbage, silence ------------------------------------------------------------------------------------
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


# ---- introduction ---------------------------------------------------------------------------------------------
def test_helo_where_ehlo_is_refused() -> None:
    """5xx to EHLO is followed by HELO, and then nothing is offered."""
    session = ClientSession(ClientTerms(hostname="here.example"))
    assert session.receive(b"220 hop\r\n") == b"EHLO here.example\r\n"
    assert session.receive(b"502 what\r\n") == b"HELO here.example\r\n"
    session.receive(b"250 hop PIPELINING\r\n")
    assert session.state is ClientState.READY
    assert not session.offers.pipelining


@pytest.mark.parametrize(
    ("script", "action", "key"),
    [
        ((b"421 busy\r\n",), Action.DEFERRED, "remote-deferred"),
        ((b"450 later\r\n",), Action.DEFERRED, "remote-deferred"),
        ((b"554 no mail here\r\n",), Action.FAILED, "remote-rejected"),
        ((b"220 hop\r\n", b"450 later\r\n"), Action.DEFERRED, "remote-deferred"),
        ((b"220 hop\r\n", b"500 what\r\n", b"550 no\r\n"), Action.FAILED, "remote-rejected"),
        ((b"354 go\r\n",), Action.DEFERRED, "remote-garbled"),
        ((b"SSH-2.0-OpenSSH\r\n",), Action.DEFERRED, "remote-garbled"),
    ],
)
def test_sent_away(script: tuple[bytes, ...], action: Action, key: str) -> None:
    """A session that ends before it began says why."""
    session = ClientSession(ClientTerms(hostname="here.example"))
    for octets in script:
        session.receive(octets)
    assert session.over
    assert (action, key) == (session.failure.action, session.failure.key)


def test_lmtp_has_no_helo() -> None:
    """LMTP says LHLO, and nothing else where that is refused (2033#4.1)."""
    session = ClientSession(ClientTerms(hostname="here.example", dialect=Dialect.LMTP))
    assert session.receive(b"220 hop LMTP\r\n") == b"LHLO here.example\r\n"
    assert session.receive(b"500 what\r\n") == b""
    assert session.over


# ---- STARTTLS and AUTH ----------------------------------------------------------------------------------------
def upgrading(upgrade: Upgrade, **terms: object) -> ClientSession:
    session = ClientSession(ClientTerms(hostname="here.example", upgrade=upgrade, **terms))
    session.receive(b"220 hop\r\n")
    assert session.receive(offered("STARTTLS", "AUTH PLAIN")) == b"STARTTLS\r\n"
    return session


def test_starttls() -> None:
    """220 asks for the handshake; after it EHLO is said again and the first offers are forgotten (3207#4.2)."""
    session = upgrading(Upgrade.OFFERED)
    assert session.receive(b"220 go\r\n") == b""
    assert session.state is ClientState.HANDSHAKE
    assert session.secured() == b"EHLO here.example\r\n"
    assert not session.offers.starttls
    session.receive(offered("PIPELINING", "STARTTLS"))
    assert session.state is ClientState.READY


@pytest.mark.parametrize("behind", [b"2", b"250 injected\r\n", b"\r\n", b"250-hop\r\n250 AUTH PLAIN\r\n"])
@pytest.mark.parametrize("upgrade", [Upgrade.OFFERED, Upgrade.REQUIRED])
def test_octets_behind_the_220(behind: bytes, upgrade: Upgrade) -> None:
    """Any octet in the clear behind the 220 ends the session, in one read or in the next; it never goes on in the clear."""
    session = upgrading(upgrade)
    assert session.receive(b"220 go\r\n" + behind) == b""
    assert (session.over, session.failure.key) == (True, "tls-failed")
    session = upgrading(upgrade)
    session.receive(b"220 go\r\n")
    assert session.receive(behind) == b""
    assert (session.over, session.failure.key) == (True, "tls-failed")


def test_starttls_refused() -> None:
    """A refused STARTTLS goes on in the clear where TLS is only welcome, and nowhere else."""
    session = upgrading(Upgrade.OFFERED)
    session.receive(b"454 not now\r\n")
    assert session.state is ClientState.READY
    session = upgrading(Upgrade.REQUIRED)
    session.receive(b"454 not now\r\n")
    assert (session.over, session.failure.key) == (True, "tls-failed")


def test_starttls_not_offered() -> None:
    """Where TLS is required and not offered nothing is sent."""
    session = ClientSession(ClientTerms(hostname="here.example", upgrade=Upgrade.REQUIRED))
    session.receive(b"220 hop\r\n")
    assert session.receive(offered("PIPELINING")) == b""
    assert (session.over, session.failure.key, session.failure.action) == (True, "tls-not-offered", Action.DEFERRED)


def test_auth_plain() -> None:
    """Over TLS a name is given by AUTH PLAIN in one line."""
    session = ClientSession(ClientTerms(hostname="here.example", secured=True, username="ada", password="s3cret"))
    session.receive(b"220 hop\r\n")
    said = session.receive(offered("AUTH LOGIN PLAIN"))
    assert b"AUTH PLAIN " + base64.b64encode(b"\0ada\0s3cret") + b"\r\n" == said
    session.receive(b"235 2.7.0 welcome\r\n")
    assert session.state is ClientState.READY


def test_auth_login() -> None:
    """Where only LOGIN is offered, name and password follow their challenges; a third challenge is cancelled."""
    session = ClientSession(ClientTerms(hostname="here.example", secured=True, username="ada", password="s3cret"))
    session.receive(b"220 hop\r\n")
    assert session.receive(offered("AUTH LOGIN")) == b"AUTH LOGIN\r\n"
    assert base64.b64encode(b"ada") + b"\r\n" == session.receive(b"334 VXNlcm5hbWU6\r\n")
    assert base64.b64encode(b"s3cret") + b"\r\n" == session.receive(b"334 UGFzc3dvcmQ6\r\n")
    assert session.receive(b"334 more?\r\n") == b"*\r\n"
    session.receive(b"501 cancelled\r\n")
    assert (session.over, session.failure.key) == (True, "smarthost-auth-failed")


@pytest.mark.parametrize(("secured", "offers"), [(False, ("AUTH PLAIN",)), (True, ()), (True, ("AUTH CRAM-MD5",))])
def test_auth_impossible(secured: bool, offers: tuple[str, ...]) -> None:  # noqa: FBT001 - a parameter of the test
    """Without TLS, or without a mechanism we know, no password is said and nothing is sent."""
    terms = ClientTerms(hostname="here.example", secured=secured, upgrade=Upgrade.OFFERED, username="ada", password="s3cret")
    session = ClientSession(terms)
    session.receive(b"220 hop\r\n")
    assert session.receive(offered(*offers)) == b""
    assert (session.failure.key, session.failure.action) == ("smarthost-auth-failed", Action.DEFERRED)


# ---- what a next hop cannot take ------------------------------------------------------------------------------
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


# ---- LMTP -----------------------------------------------------------------------------------------------------
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


# ---- large content --------------------------------------------------------------------------------------------
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
