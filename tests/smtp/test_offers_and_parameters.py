"""What the server's session offers and lists, and what MAIL, RCPT, AUTH and BDAT may say."""

from __future__ import annotations

import base64

import pytest

from smtp.server_kit import TERMS
from support.yes_driver import YesDriver, play
from waypost.mail.envelope import Body, Notify, Return
from waypost.smtp import events
from waypost.smtp.extensions import EXTENSIONS, offer
from waypost.smtp.sasl import MECHANISMS
from waypost.smtp.terms import Role, Terms, TlsMode


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


def test_lmtp_repeats_the_refusal_of_a_last_chunk() -> None:
    """Under LMTP BDAT LAST is answered once per recipient where a chunk before it failed, too (2033#4.3)."""
    terms = Terms(hostname="h", role=Role.LMTP, message_size=60, swallow=100)
    octets = b"LHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<b@b.c>\r\nBDAT 61\r\n" + b"x" * 61 + b"BDAT 1 LAST\r\nxNOOP\r\n"
    assert play(octets, terms).codes[4:] == ["552 5.3.4", "503 5.5.1", "503 5.5.1", "250 2.0.0"]


def test_lmtp_chunks_without_reply_in_any_number() -> None:
    """Thousands of BDAT LAST that have no reply leave the session as it was."""
    octets = b"LHLO c\r\nMAIL FROM:<a@b.c>\r\n" + b"BDAT 0 LAST\r\n" * 5000 + b"NOOP\r\n"
    assert play(octets, Terms(hostname="h", role=Role.LMTP)).codes == ["250", "250 2.1.0", "250 2.0.0"]
