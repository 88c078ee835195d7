"""What a server session promises beyond single dialogues: split invariance, memory, limits at their edges, misuse by its driver."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.yes_driver import QUEUED, YesDriver, play
from waypost.mail.envelope import Body, Notify, Return
from waypost.replies import Key, say
from waypost.smtp import events
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.extensions import AUTH_LINE, EXTENSIONS, offer
from waypost.smtp.lines import SKIP
from waypost.smtp.sasl import MECHANISMS
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import Role, Terms, TlsMode

TERMS = Terms(hostname="mx.example.org", mechanisms=("PLAIN", "LOGIN"), auth_in_clear=True, message_size=60, swallow=100, recipients=3)
READY = b"EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
PIECES = st.sampled_from(
    [
        b"EHLO c\r\n",
        b"HELO c\r\n",
        b"LHLO c\r\n",
        b"MAIL FROM:<a@example.org>\r\n",
        b"MAIL FROM:<> SIZE=9 BODY=8BITMIME\r\n",
        b"MAIL FROM:<later@example.org>\r\n",
        b"RCPT TO:<b@example.net>\r\n",
        b"RCPT TO:<no@example.net>\r\n",
        b"RCPT TO:<b>\r\n",
        b"DATA\r\n",
        b"text\r\n",
        b"..dot\r\n.\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r",
        b"\n",
        b"\0",
        b".",
        b"BDAT 5\r\nab\r\nc",
        b"BDAT 3 LAST\r\nx\r\n",
        b"BDAT 0 LAST\r\n",
        b"BDAT 61\r\n",
        b"x" * 61,
        b"BDAT 999999\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"HELP\r\n",
        b"VRFY x\r\n",
        b"AUTH PLAIN AHVzZXIAcmlnaHQ=\r\n",
        b"AUTH LOGIN\r\n",
        b"dXNlcg==\r\n",
        b"*\r\n",
        b"NOOP " + b"x" * 600,
        b"\xff\xfe\r\n",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n",
        b"XYZZY\r\n",
        b"QUIT\r\n",
    ]
)
CONVERSATIONS = st.lists(PIECES, max_size=14).map(b"".join)


def _same(whole: YesDriver, parts: YesDriver) -> None:
    assert whole.said == parts.said
    assert whole.heard == parts.heard
    assert whole.messages == parts.messages
    assert whole.session.over == parts.session.over


@settings(max_examples=200, deadline=None)
@given(CONVERSATIONS, st.data(), st.sampled_from([Role.RELAY, Role.LMTP]), st.booleans())
def test_cuts_make_no_difference(octets: bytes, data: st.DataObject, role: Role, mend: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """The same octets, cut anywhere or at every octet, give the same events, replies and messages."""
    terms = Terms(hostname="h", role=role, mechanisms=("PLAIN", "LOGIN"), auth_in_clear=True, message_size=60, swallow=100, normalize=mend)
    whole = play(octets, terms)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(octets))), max_size=6)))
    _same(whole, play(octets, terms, cuts))
    _same(whole, play(octets, terms, range(1, len(octets))))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.data())
def test_any_octets_cut_anywhere(octets: bytes, data: st.DataObject) -> None:
    """No octets break a session, and no cut changes what they mean, in data too."""
    octets = READY + data.draw(st.sampled_from([b"", b"DATA\r\n", b"BDAT 20\r\n", b"AUTH LOGIN\r\n"])) + octets
    whole = play(octets, TERMS)
    cut = data.draw(st.integers(len(READY), len(octets)))
    _same(whole, play(octets, TERMS, (cut,)))


LINES = st.lists(st.text(st.sampled_from(".a \u00e9"), max_size=8), max_size=12)


@settings(max_examples=150, deadline=None)
@given(LINES, st.data())
def test_data_round_trip(lines: list[str], data: st.DataObject) -> None:
    """Content stuffed by a client arrives as it was, with its size and whether it needs eight bits."""
    content = "".join(f"{line}\r\n" for line in lines).encode()
    stuffed = "".join(f".{line}\r\n" if line.startswith(".") else f"{line}\r\n" for line in lines).encode()
    octets = READY + b"DATA\r\n" + stuffed + b".\r\nNOOP\r\n"
    driver = play(octets, None, (data.draw(st.integers(len(READY), len(octets))),))
    assert driver.messages == [content]
    ended = next(event for event in driver.heard if isinstance(event, events.ContentEnded))
    assert (ended.size, ended.fault, ended.eight_bit) == (len(content), None, not content.isascii())
    assert driver.codes[-1] == "250 2.0.0"


@settings(max_examples=100, deadline=None)
@given(LINES, st.lists(st.integers(0, 40), max_size=5))
def test_chunks_round_trip(lines: list[str], sizes: list[int]) -> None:
    """Content in chunks of any size arrives as it was."""
    content = "".join(f"{line}\r\n" for line in lines).encode()
    octets, rest = READY, content
    for size in sizes:
        octets += b"BDAT %d\r\n" % len(rest[:size]) + rest[:size]
        rest = rest[size:]
    driver = play(octets + b"BDAT %d LAST\r\n" % len(rest) + rest, None)
    assert driver.messages == [content]


def test_mending() -> None:
    """With ``normalize`` each bare CR and bare LF becomes CRLF; dots are taken away where CRLF stood before them alone; NUL is refused."""
    terms = Terms(hostname="h", normalize=True)
    octets = READY + b"DATA\r\na\nb\rc\r\r\nd\n.e\r\n.f\r\n.\r\n"
    for cut in range(len(octets)):
        assert play(octets, terms, (cut,)).messages == [b"a\r\nb\r\nc\r\n\r\nd\r\n.e\r\nf\r\n"]
    assert play(READY + b"DATA\r\na\nb\0\r\n.\r\n", terms).codes[-1] == "554 5.6.0"


def test_an_endless_line_costs_no_memory() -> None:
    """A line of any length is answered once with 500, thrown away as it comes, and over the cap the session ends."""
    driver = YesDriver(TERMS)
    assert driver.send(b"NOOP " + b"x" * 4096).startswith(b"500 5.5.2")
    piece = b"x" * 65_536
    for _ in range(SKIP // len(piece) - 1):
        assert driver.send(piece) == b""
        assert not driver.session.unread
    assert not driver.session.over
    assert driver.send(piece).startswith(b"421 4.7.0")
    assert driver.session.over
    assert driver.send(b"\r\nNOOP\r\n") == b""


def test_a_line_at_the_cap_goes_on() -> None:
    """SKIP octets with the end of line among them are skipped; one more ends the session."""
    assert play(b"x" * (SKIP - 2) + b"\r\nNOOP\r\n").codes == ["500 5.5.2", "250 2.0.0"]
    assert play(b"x" * (SKIP - 1) + b"\r\nNOOP\r\n").codes == ["500 5.5.2", "421 4.7.0"]


@pytest.mark.parametrize("verb", ["MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "AUTH PLAIN ", "VRFY ", "NOOP "])
def test_length_of_command_lines(verb: str) -> None:
    """A command line is taken at its limit, CRLF included, and refused one octet over; extensions lengthen MAIL, RCPT and AUTH."""
    limit = offer(TERMS, secured=False).limits.get(verb[:4], TERMS.command_line)
    expected = {"MAIL": 512 + 26 + 10 + 500 + 14 + 116, "RCPT": 512 + 536, "AUTH": AUTH_LINE}
    assert limit == expected.get(verb[:4], 512)
    for octets, refused in ((limit, False), (limit + 1, True)):
        line = f"{verb}{'x' * (octets - len(verb) - 2)}\r\n".encode()
        assert len(line) == octets
        driver = play(b"EHLO c\r\n" + line, TERMS)
        too_long = Key.AUTH_LINE_TOO_LONG if verb.startswith("AUTH") else Key.LINE_TOO_LONG  # 4954#4
        assert (driver.heard[-1].suggested.key == too_long) is refused


@pytest.mark.parametrize(("octets", "code"), [(AUTH_LINE, "501 5.5.2"), (AUTH_LINE + 1, "500 5.5.6")])
def test_length_of_responses(octets: int, code: str) -> None:
    """A line of an AUTH exchange is taken at 12288 octets and refused one over (4954#4)."""
    driver = play(b"EHLO c\r\nAUTH LOGIN\r\n" + b"!" * (octets - 2) + b"\r\nNOOP\r\n", TERMS)
    assert driver.codes == ["250", "334", code, "250 2.0.0"]


@pytest.mark.parametrize(("size", "code"), [(60, "250 2.0.0"), (61, "552 5.3.4"), (160, "552 5.3.4"), (161, "421 4.3.0")])
def test_size_of_content(size: int, code: str) -> None:
    """Content is taken at its limit, refused one octet over, swallowed up to the cap, and over that the session ends."""
    content = b"x" * (size - 2) + b"\r\n"
    octets = READY + b"DATA\r\n" + content + b".\r\n"
    driver = play(octets, TERMS)
    assert driver.codes[-1] == code
    assert driver.session.over == code.startswith("421")
    assert driver.said == play(octets, TERMS, range(1, len(octets))).said


@pytest.mark.parametrize(("size", "codes"), [(60, ["250 2.0.0"]), (61, ["552 5.3.4"]), (160, ["552 5.3.4"]), (161, ["552 5.3.4"])])
def test_size_of_chunks(size: int, codes: list[str]) -> None:
    """A chunk too big is swallowed and refused; one that is more than can be swallowed ends the session before it comes."""
    driver = play(READY + b"BDAT %d LAST\r\n" % size, TERMS)
    assert driver.session.over == (size == 161)
    driver.send(b"x" * size)
    assert driver.codes[3:] == codes


def test_refused_chunks_are_swallowed_up_to_a_cap() -> None:
    """Chunks that come where none may are thrown away, but not for ever."""
    octets = b"BDAT 80\r\n" + b"x" * 80
    assert play(octets * 2, TERMS).codes == ["503 5.5.1", "503 5.5.1"]
    assert play(octets * 3, TERMS).codes == ["503 5.5.1", "503 5.5.1", "421 4.3.0"]


@pytest.mark.parametrize(("size", "code"), [(110, "552 5.3.4"), (111, "421 4.3.0")])
def test_chunks_that_add_up(size: int, code: str) -> None:
    """What is read of one message in all its chunks has the same bounds as one big chunk, whatever the cut."""
    octets = READY + b"BDAT 50\r\n" + b"x" * 50 + b"BDAT %d\r\n" % size + b"x" * size
    driver = play(octets, TERMS)
    assert driver.codes[3:] == ["250 2.0.0", code]
    assert driver.said == play(octets, TERMS, range(1, len(octets))).said


def test_declared_size_at_its_edge() -> None:
    """SIZE= is taken at the limit and refused one over with 552, the session open for another."""
    assert play(b"EHLO c\r\nMAIL FROM:<a@b.c> SIZE=61\r\nMAIL FROM:<a@b.c> SIZE=60\r\n", TERMS).codes == ["250", "552 5.3.4", "250 2.1.0"]


def test_recipients_at_their_edge() -> None:
    """As many recipients as the terms say are taken, refused ones not counted; one more is 452."""
    driver = play(READY + b"RCPT TO:<no@b.c>\r\n" + b"RCPT TO:<b@example.net>\r\n" * 3, TERMS)
    assert driver.codes[2:] == ["250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.1.5", "452 4.5.3"]
    assert not driver.heard[-1].syntax


def test_what_mail_and_rcpt_carry() -> None:
    """Every parameter reaches the event as its RFC means it."""
    driver = play(
        b"EHLO c\r\nMAIL FROM:<a@b.c> SIZE=50 BODY=8BITMIME SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=e+3Dmc2@example.com\r\n"
        b"RCPT TO:<b@example.net> NOTIFY=success,delay ORCPT=rfc822;B+2Bx@example.net\r\n",
        TERMS,
    )
    mail, rcpt = driver.heard[1:]
    assert (mail.size, mail.body, mail.smtputf8, mail.ret, mail.envid, mail.auth) == (
        50,
        Body.EIGHT_BIT,
        True,
        Return.HDRS,
        "a+2Bb",
        "e=mc2@example.com",
    )
    assert (rcpt.recipient.notify, rcpt.recipient.orcpt) == (frozenset({Notify.SUCCESS, Notify.DELAY}), "rfc822;B+2Bx@example.net")


def test_credentials() -> None:
    """PLAIN passes on whom to act as; LOGIN knows no such thing; nothing is lost of 255 octets each (4616#2)."""
    long = "\u00e9" * 127
    octets = f"{long}\0{long}\0{long}".encode()
    driver = play(b"EHLO c\r\nAUTH PLAIN " + base64.b64encode(octets) + b"\r\n", TERMS)
    assert driver.heard[-1] == events.Credentials("PLAIN", long, long, long)
    driver = play(b"EHLO c\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\n", TERMS)
    assert driver.heard[-1] == events.Credentials("LOGIN", "", "a", "b")


@pytest.mark.parametrize("message", [b"", b"a\0b", b"a\0\0c", b"\0a\0", b"a\0b\0c\0", b"a\0b\0c\0d", b"\0a\0\xff", b"\xff\0a\0b"])
def test_malformed_plain(message: bytes) -> None:
    """PLAIN has exactly two NULs, a name, a password and UTF-8 throughout."""
    driver = play(b"EHLO c\r\nAUTH PLAIN\r\n" + base64.b64encode(message) + b"\r\n", TERMS)
    assert driver.codes[-1] == "501 5.5.2"


@pytest.mark.parametrize(("name", "password"), [(b"", b"b"), (b"a", b""), (b"a\0", b"b"), (b"a", b"\0b"), (b"\xff", b"b")])
def test_malformed_login(name: bytes, password: bytes) -> None:
    """LOGIN takes a name and a password, both of UTF-8 and without NUL."""
    driver = play(b"EHLO c\r\nAUTH LOGIN\r\n" + base64.b64encode(name) + b"\r\n" + base64.b64encode(password) + b"\r\n", TERMS)
    assert driver.codes == ["250", "334", "334", "501 5.5.2"]


def test_mechanisms_are_all_known_by_upper_case_names() -> None:
    """The rows name themselves as EHLO lists them."""
    assert [row.name for row in MECHANISMS.values()] == list(MECHANISMS) == [name.upper() for name in MECHANISMS]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("tls", list(TlsMode))
def test_what_ehlo_lists(role: Role, tls: TlsMode) -> None:
    """STARTTLS before TLS alone, AUTH only where no password shows; the rest always."""
    terms = Terms(hostname="h", role=role, tls=tls, mechanisms=("PLAIN", "LOGIN"))
    always = ("PIPELINING", f"SIZE {terms.message_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING")
    assert offer(terms, secured=True).lines == (*always, "AUTH PLAIN LOGIN", "HELP")
    assert offer(terms, secured=False).lines == (*always, *(("STARTTLS",) if tls is TlsMode.STARTTLS else ()), "HELP")
    assert len({row.keyword for row in EXTENSIONS}) == len(EXTENSIONS)


def _listed(driver: YesDriver) -> dict[str, bool]:
    """The commands that HELP named, and whether it said that they are allowed."""
    rows = [line.removeprefix("214-2.0.0   ") for line in driver.said.decode().split("\r\n") if line.startswith("214-2.0.0   ")]
    return {row.split()[0]: "[not now]" not in row for row in rows}


def test_help_is_true_to_the_session() -> None:
    """HELP lists each command of this role, marks those not allowed now, and no STARTTLS after TLS."""
    terms = Terms(hostname="h", tls=TlsMode.STARTTLS, mechanisms=("PLAIN",))
    driver = play(b"HELP\r\n", terms)
    assert _listed(driver) == {
        **dict.fromkeys(("EHLO", "HELO", "RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT"), True),
        **dict.fromkeys(("STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT"), False),
    }
    driver = play(b"EHLO c\r\nHELP\r\n", terms, secured=True)
    assert _listed(driver) == {
        **dict.fromkeys(("EHLO", "HELO", "RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT", "AUTH", "MAIL"), True),
        **dict.fromkeys(("RCPT", "DATA", "BDAT"), False),
    }
    driver = play(b"HELP RCPT\r\nHELP 550\r\nHELP XYZZY\r\n")
    assert driver.codes == ["214 2.0.0", "214 2.0.0", "504 5.5.4"]


def test_a_long_first_line_of_a_browser_ends_the_session_too() -> None:
    """A request of HTTP is known by its first word where its line is too long to be read."""
    driver = play(b"GET /" + b"x" * 600 + b" HTTP/1.1\r\nNOOP\r\n")
    assert driver.codes == ["554 5.5.0"]
    assert play(b"NOOP\r\nGET / HTTP/1.1\r\n").codes == ["250 2.0.0", "500 5.5.1"]


def test_original_recipients_in_utf8_need_smtputf8() -> None:
    """ORCPT of type utf-8 may stand in UTF-8 where SMTPUTF8 was asked for, escaped everywhere, and never holds a control (6533#3)."""
    escaped, raw, control = "utf-8;j\\x{F6}@b.c", "utf-8;j\u00f6@b.c", "utf-8;j\u0085@b.c"
    for parameter, value, refused in (("", escaped, False), ("", raw, True), (" SMTPUTF8", raw, False), (" SMTPUTF8", control, True)):
        driver = play(f"EHLO c\r\nMAIL FROM:<a@b.c>{parameter}\r\nRCPT TO:<a@b.c> ORCPT={value}\r\n".encode())
        assert driver.codes[2] == ("501 5.5.4" if refused else "250 2.1.5"), value


@pytest.mark.parametrize(
    "line", ["R\u017fET", "\u017fTARTTLS", "MAIL FROM:<a@b.c> SMTPUTF8 BODY=8B\u0131TMIME", "MAIL FROM:<a@b.c> SMTPUTF8\u00a0RET=FULL"]
)
def test_letters_that_only_look_like_ascii(line: str) -> None:
    """Letters whose upper case is ASCII, and spaces that are none, are no part of a command."""
    assert play(f"EHLO c\r\n{line}\r\n".encode()).codes[1][0] == "5"


def test_a_refused_data_leaves_the_transaction() -> None:
    """When the driver answers DATA with 451 the recipients stay, and DATA may come again."""
    session = YesDriver().session
    session.receive(READY + b"DATA\r\nDATA\r\n")
    for _ in range(3):
        event = session.next_event()
        assert event is not None
        session.answer(event.suggested)
    assert isinstance(session.next_event(), events.Data)
    session.answer(say(Key.SPOOL_UNAVAILABLE))
    assert not session.awaiting_content
    assert isinstance(session.next_event(), events.Data)


def test_lmtp_repeats_the_refusal_of_a_last_chunk() -> None:
    """Under LMTP BDAT LAST is answered once per recipient where a chunk before it failed, too (2033#4.3)."""
    terms = Terms(hostname="h", role=Role.LMTP, message_size=60, swallow=100)
    octets = b"LHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<b@b.c>\r\nBDAT 61\r\n" + b"x" * 61 + b"BDAT 1 LAST\r\nxNOOP\r\n"
    assert play(octets, terms).codes[4:] == ["552 5.3.4", "503 5.5.1", "503 5.5.1", "250 2.0.0"]


def test_lmtp_chunks_without_reply_in_any_number() -> None:
    """Thousands of BDAT LAST that have no reply leave the session as it was."""
    octets = b"LHLO c\r\nMAIL FROM:<a@b.c>\r\n" + b"BDAT 0 LAST\r\n" * 5000 + b"NOOP\r\n"
    assert play(octets, Terms(hostname="h", role=Role.LMTP)).codes == ["250", "250 2.1.0", "250 2.0.0"]


def test_refused_content_is_read_to_its_end() -> None:
    """A driver that cannot take content: it is swallowed, answered with its reply, and the session goes on, by BDAT as by DATA."""
    reply = say(Key.SPOOL_UNAVAILABLE)
    driver = YesDriver()
    driver.no_content = reply
    driver.send(READY + b"BDAT 3\r\nabcBDAT 2\r\nxyBDAT 2 LAST\r\n\r\nMAIL FROM:<a@b.c>\r\n")
    assert driver.codes[3:] == ["451 4.3.0", "503 5.5.1", "503 5.5.1", "250 2.1.0"]
    assert driver.messages == []
    session = YesDriver().session
    session.receive(READY + b"DATA\r\nhello")
    for _ in range(4):
        event = session.next_event()
        assert event is not None
        session.answer(event.suggested)
    session.refuse_content(reply)
    session.receive(b" there\r\n.\r\n")
    assert session.next_event() == events.ContentEnded(13, reply, eight_bit=False)


def test_pending_and_awaiting_content() -> None:
    """``pending`` tells of octets behind the event; ``awaiting_content`` of what comes next."""
    session = YesDriver().session
    session.receive(READY)
    for behind in (True, True, False):
        event = session.next_event()
        assert event is not None
        assert bool(session.unread) is behind
        assert bool(session.unread) is behind
        session.answer(event.suggested)
    session.receive(b"DATA\r\n")
    event = session.next_event()
    assert event is not None
    assert not session.awaiting_content
    session.answer(event.suggested)
    assert session.awaiting_content
    session.receive(b".\r\nBDAT 2\r\nx")
    assert isinstance(session.next_event(), events.ContentEnded)
    session.answer(QUEUED)
    assert session.next_event() is None
    assert session.awaiting_content


def test_lmtp_answers_each() -> None:
    """The one reply is said per accepted recipient; 421 ends the session."""
    session = ServerSession(Terms(hostname="h", role=Role.LMTP))
    session.greet(say(Key.GREETING_LMTP, hostname="h", software="W"))
    session.receive(READY.replace(b"EHLO", b"LHLO") + b"RCPT TO:<c@example.net>\r\nDATA\r\n.\r\n")
    for _ in range(5):
        event = session.next_event()
        assert event is not None
        session.answer(event.suggested)
    assert isinstance(session.next_event(), events.ContentEnded)
    busy = say(Key.SHUTDOWN, hostname="h")
    assert session.answer(busy) == 2 * busy.wire
    assert session.over


def test_misuse_is_told() -> None:
    """A driver that answers nothing, answers twice, or greets twice is told so."""
    session = ServerSession(TERMS)
    assert session.next_event() is None
    with pytest.raises(LocalProtocolError, match="nothing to answer"):
        session.answer(QUEUED)
    session.greet(say(Key.GREETING, hostname="h", software="W"))
    for misuse in (lambda: session.greet(QUEUED), lambda: session.refuse_content(QUEUED), lambda: session.secured("")):
        with pytest.raises(LocalProtocolError):
            misuse()
    session.receive(b"NOOP\r\nNOOP\r\n")
    assert session.next_event() is not None
    with pytest.raises(LocalProtocolError, match="not answered"):
        session.next_event()


def test_octets_before_the_greeting_wait() -> None:
    """What comes before the greeting waits, so that the driver can see it and judge."""
    session = ServerSession(TERMS)
    session.receive(b"NOOP\r\n")
    assert session.next_event() is None
    assert session.unread
    session.greet(say(Key.GREETING_BUSY, hostname="h"))
    assert session.over
