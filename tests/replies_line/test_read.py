from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.replies.explanation import Kind, Permanence, Scope
from waypost.replies.library import facts
from waypost.replies.line import read_line

PERMANENT, TEMPORARY, UNKNOWN = Permanence.PERMANENT, Permanence.TEMPORARY, Permanence.UNKNOWN


@pytest.mark.parametrize(
    ("text", "code", "status", "category", "permanence"),
    [
        ("550", 550, None, "unknown", PERMANENT),
        ("  451 ", 451, None, "system.error", TEMPORARY),
        ("5.1.1", None, "5.1.1", "recipient.unknown", PERMANENT),
        ("4.2.2", None, "4.2.2", "recipient.full", TEMPORARY),
        ("X.7.1", None, "X.7.1", "policy.other", UNKNOWN),
        ("550 5.1.1", 550, "5.1.1", "recipient.unknown", PERMANENT),
        ("550-5.1.1", 550, "5.1.1", "recipient.unknown", PERMANENT),
        ("250", 250, None, "unknown", UNKNOWN),
        ("220", 220, None, "unknown", UNKNOWN),
        ("2.1.5", None, "2.1.5", "report.delivered", UNKNOWN),
    ],
)
def test_a_code_alone_is_read_by_the_registry(
    text: str, code: int | None, status: str | None, category: str, permanence: Permanence
) -> None:
    """A basic or enhanced code, or both, is a code and no line."""
    kind, reading = read_line(text)
    assert reading is not None
    assert (Kind.CODE, code, status) == (kind, reading.code, reading.status)
    assert (category, permanence) == (reading.category, reading.permanence)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("220 mx.example.com ESMTP Postfix", False),
        ("221 2.0.0 Bye", False),
        ("211 System status", False),
        ("214 2.0.0 Commands: HELO EHLO MAIL", False),
        ("235 2.7.0 Authentication successful", False),
        ("334 VXNlcm5hbWU6", False),
        ("354 End data with <CR><LF>.<CR><LF>", False),
        ("250 Ok", False),
        ("250-mx.example.com\n250 SIZE 1000", False),
        ("250 2.1.5 Ok", False),
        ("251 2.1.5 User not local; will forward", False),
        ("252 2.0.0 Cannot VRFY", False),
        ("250 2.0.0 Ok: queued as 4F3A1", True),
        ("250 OK id=1rAbCd-0005xY-2k", True),
        ("250 2.0.0 OK  1700000000 a1-20020a05600c.123 - gsmtp", True),
        ("250 ok 1700000000 qp 1234", True),
        ("250 2.6.0 <abc@example.org> Queued mail for delivery", True),
        ("250 2.0.0 <bob@example.org> abCD Saved", True),
    ],
)
def test_good_news_is_of_a_message_only_where_one_was_taken(text: str, *, taken: bool) -> None:
    """A greeting, a goodbye and a yes to a command deliver nothing; a message that was taken over is told as delivered."""
    _, reading = read_line(text)
    assert reading is not None
    assert ("report.delivered" if taken else "unknown") == reading.category


@pytest.mark.parametrize(
    ("text", "category", "permanence", "because"),
    [
        ("550 5.1.1 User unknown", "recipient.unknown", PERMANENT, ""),
        ("450 4.1.1 User unknown", "recipient.unknown", TEMPORARY, ""),
        ("552 5.5.3 Too many recipients", "rate.limited", TEMPORARY, "rate.limited"),
        ("554 Too many messages from your host this hour", "rate.limited", TEMPORARY, "rate.limited"),
        ("554 MI:STC 163 smtp9", "rate.limited", TEMPORARY, "rate.limited"),
        ("550 Greylisted, come back in 5 minutes", "rate.greylisted", TEMPORARY, "rate.greylisted"),
        ("552 5.2.2 Mailbox full", "recipient.full", PERMANENT, ""),
        ("452 4.2.2 Mailbox full", "recipient.full", TEMPORARY, ""),
        ("Mailbox full", "recipient.full", TEMPORARY, "category"),
        ("552 5.2.2 The recipient's inbox is out of storage space and inactive. - gsmtp", "recipient.full", PERMANENT, ""),
        ("554 Local error in processing, try again later", "system.error", TEMPORARY, "words-temporary"),
        ("421 Your IP is permanently blocked", "reputation.ip", PERMANENT, "words-permanent"),
        ("421 5.7.32 The From: header is not aligned with SPF or DKIM - gsmtp", "sender.auth", TEMPORARY, ""),
        ("553 5.7.2 [TSS11] All messages will be permanently deferred; Retrying will NOT succeed", "reputation.ip", PERMANENT, ""),
        ("User unknown", "recipient.unknown", PERMANENT, "category"),
        ("4.4.7 Message expired", "route.expired", TEMPORARY, ""),
        ("590 xyzzy", "unknown", PERMANENT, ""),
        ("xyzzy", "unknown", UNKNOWN, ""),
    ],
)
def test_permanence_is_its_own_answer(text: str, category: str, permanence: Permanence, because: str) -> None:
    """The first digit decides, unless the words or the category know better; then the reason is named."""
    _, reading = read_line(text)
    assert reading is not None
    assert (category, permanence, because) == (reading.category, reading.permanence, reading.because)


@pytest.mark.parametrize(
    ("code", "status", "text", "host", "category", "entry"),
    [
        (550, "5.7.27", "Blocked", "gmail-smtp-in.l.google.com", "sender.auth", "google.5.7.27"),
        (421, "4.7.27", "Rate limited", "aspmx.l.google.com", "sender.auth", "google.5.7.27"),
        (550, "5.7.29", "Blocked", "aspmx.l.google.com", "sender.tls", "google.5.7.29"),
        (550, "5.7.30", "Blocked", "aspmx.l.google.com", "sender.auth", "google.5.7.30"),
        (421, "4.7.28", "Limited", "aspmx.l.google.com", "rate.limited", "google.4.7.28"),
        (534, "5.7.14", "Go", "smtp.gmail.com", "sender.login", "google.5.7.14"),
        (550, "5.7.40", "Blocked", "aspmx.l.google.com", "sender.auth", "google.5.7.40"),
        (550, "5.1.10", "Not there", "example-org.mail.protection.outlook.com", "recipient.unknown", "microsoft.5.1.10"),
        (550, "5.4.1", "Access denied", "example-org.mail.protection.outlook.com", "recipient.unknown", "microsoft.5.4.1"),
        (550, "5.2.2", "Submission quota exceeded", "example-org.mail.protection.outlook.com", "rate.limited", "microsoft.5.2.2"),
        (550, "5.1.8", "Access denied, bad outbound sender", None, "policy.other", "microsoft.5.1.8"),
        (550, "5.5.0", "Mailbox unavailable", "hotmail-com.olc.protection.outlook.com", "recipient.unknown", "microsoft.5.5.0"),
        (550, "5.7.12", "No", "example-org.mail.protection.outlook.com", "recipient.restricted", "microsoft.5.7.12"),
        (550, "5.7.620", "Access denied", "example-org.mail.protection.outlook.com", "reputation.ip", "microsoft.5.7.606"),
        (550, None, "SC-001 Mail rejected by Outlook.com for policy reasons.", None, "reputation.ip", "outlook.SC"),
        (421, None, "RP-002 The mail server IP has exceeded the rate limit", None, "rate.limited", "outlook.RP"),
        (421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred", None, "rate.limited", "yahoo.TSS"),
        (554, None, "delivery error: dd This user doesn't have a yahoo.com account [-5]", None, "recipient.unknown", "yahoo.dd"),
        (421, None, "HL:REP", None, "reputation.ip", "netease.HL"),
        (554, None, "IP in blacklist", "163mx01.mxmail.netease.com", "reputation.ip", "netease.IP"),
        (550, "5.7.27", "No such thing here", "mx.example.org", "sender.invalid", None),
        (550, "5.1.10", "No such thing here", "mx.example.org", "domain.no_mail", None),
    ],
)
def test_a_provider_is_believed_before_the_registry(
    code: int, status: str | None, text: str, host: str | None, category: str, entry: str | None
) -> None:
    """What Gmail, Microsoft, Yahoo, Outlook.com and NetEase mean by a code is theirs, and others' is the registry's."""
    _, reading = read_line(f"{code} {status or ''} {text}", host=host)
    assert reading is not None
    assert (category, entry) == (reading.category, reading.entry)


def test_a_code_alone_is_its_providers_where_the_host_is_known() -> None:
    """Nothing but a code and a host: the provider's meaning goes before the registry's."""
    kind, reading = read_line("550 5.7.27", host="aspmx.l.google.com")
    assert reading is not None
    assert (kind, reading.category, reading.entry) == (Kind.CODE, "sender.auth", "google.5.7.27")


def test_facts_from_outside_win() -> None:
    """Host, code and status known from a report's fields go before what the text shows."""
    _, reading = read_line("550 5.1.1 User unknown", host="mx.example.net", code=450, status="4.1.1")
    assert reading is not None
    assert (reading.code, reading.status, reading.host, reading.permanence) == (450, "4.1.1", "mx.example.net", TEMPORARY)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("550 5.1.1 User unknown", Scope.RECIPIENT),
        ("554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", Scope.IP),
        ("554 5.7.1 Spam message rejected", Scope.MESSAGE),
        ("450 4.1.8 <a@example.com>: Sender address rejected: Domain not found", Scope.SENDER),
        ("450 4.2.1 The user you are trying to contact is receiving mail too quickly. - gsmtp", Scope.RECIPIENT),
        ("550 5.1.2 Host or domain name not found", Scope.DOMAIN),
    ],
)
def test_the_scope_is_what_is_refused(text: str, scope: Scope) -> None:
    """By category, and by the rule where it knows better."""
    _, reading = read_line(text)
    assert reading is not None
    assert scope is reading.scope


def test_the_trail_is_kept() -> None:
    """The decisive step stands first, with the words as received; the registry's and the digit's answers follow."""
    _, reading = read_line("550 5.1.1 <Bob@example.org>: User Unknown in local table")
    assert reading is not None
    assert "Unknown" in reading.evidence[0].words
    assert {"iana.5.1.1", "digit"} <= {step.rule for step in reading.evidence}
    assert 0.9 < reading.confidence < 1


@pytest.mark.parametrize(
    "text",
    [
        "Nov 23 10:00:00 mx postfix/smtpd[99]: connect from unknown[192.0.2.9]",
        "Nov 23 10:00:00 mx postfix/qmgr[1]: 4F3A21: from=<a@example.com>, size=1, nrcpt=1 (queue active)",
        "2024-01-01 12:00:00 1rKabc-0001Zz-2Q <= a@example.com H=x [192.0.2.9] P=esmtp S=123 id=x",
        "354 End data with <CR><LF>.<CR><LF>",
        "220 mx.example.org ESMTP",
        "Dear Sir, your order has been shipped",
        "220 mx.example.org: spam is not accepted here",
    ],
)
def test_what_refuses_nothing_is_unknown(text: str) -> None:
    """A greeting, a log line of something else, a letter: no category is guessed."""
    _, reading = read_line(text)
    assert reading is not None
    assert reading.category == "unknown"


@pytest.mark.parametrize("text", ["", "   ", "\r\n"])
def test_nothing_has_no_reading(text: str) -> None:
    """Without a word or a number there is nothing to read."""
    assert read_line(text) == (Kind.LINE, None)


def test_words_that_nobody_knows_are_unknown() -> None:
    """What no rule knows is said to be unknown, not guessed."""
    _, reading = read_line("550 The quick brown fox")
    assert reading is not None
    assert (reading.category, reading.confidence) == ("unknown", 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "550-5.1.1 The email account that you tried\r\n550-5.1.1 to reach does not\r\n550 5.1.1 exist",
        "452-4.2.2 Mailbox\r\n452 4.2.2 full",
        "554-Your access to this mail system has been rejected\r\n554 due to the sending MTA's poor reputation.",
    ],
)
def test_the_same_reply_in_any_form_is_read_alike(text: str) -> None:
    """CRLF, LF, written-out line ends and lines run together give one reading."""
    forms = [text, text.replace("\r\n", "\n"), text.replace("\r\n", r"\r\n"), text.replace("\r\n", " ")]
    assert len({read_line(form) for form in forms}) == 1


CATEGORIES = facts("judgement")["category"]


@settings(max_examples=400, deadline=None)
@given(
    text=st.text(max_size=300)
    | st.text(alphabet=string.printable, max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "550",
                "5.1.1",
                "4.7.1",
                "user",
                "unknown",
                "mailbox",
                "full",
                "<a@b.c>",
                "said:",
                "host",
                "status=",
                "==",
                "{LED=",
                "用户",
                "不存在",
                "\n",
                "\\n",
                "-",
                "(",
                ")",
                "{",
            ]
        ),
        max_size=40,
    ).map(" ".join),
    host=st.none() | st.text(max_size=20),
    code=st.none() | st.integers(min_value=200, max_value=599),
    status=st.none() | st.sampled_from(["5.1.1", "4.0.0", "5.7.999"]),
)
def test_any_text_is_read(text: str, host: str | None, code: int | None, status: str | None) -> None:
    """Whatever is given, nothing is raised, and the answer is one of the catalogue's."""
    kind, reading = read_line(text, host=host, code=code, status=status)
    assert kind in (Kind.CODE, Kind.LINE, Kind.LOG)
    if reading is not None:
        assert reading.category in CATEGORIES
        assert 0 <= reading.confidence < 1
        assert all(0 <= step.sure <= 1 for step in reading.evidence)


@pytest.mark.parametrize(
    "piece",
    [
        "a.",
        "user ",
        "@",
        "a@",
        "550 ",
        "550-x ",
        "host ",
        "<",
        " status=bounced ",
        "result=Ok ",
        "** a@b R= ",
        "{",
        '{"a":',
        "stat= ",
        "\\n",
        "https://",
        "a.b said: ",
        "SMTP error from remote mail server after ",
        "no such ",
        "the message was rejected because ",
        "邮箱",
        "x[1]: ",
        "reject: RCPT from x: ",
        "delivery 1: failure: ",
        ",a@b",
        "sender address ",
        "host a.a.a.a.",
        "Diagnostic-Code: smtp;\n ",
        "(",
        "spam ",
    ],
)
def test_a_megabyte_of_anything_is_read(piece: str) -> None:
    """A hostile line of a megabyte is answered; patterns have no room to lose themselves in."""
    text = piece * (1_000_000 // len(piece))
    for form in (text, f"550 {text}", f"{text} unknown"):
        assert read_line(form)[0] in (Kind.LINE, Kind.LOG)


def test_a_vague_phrase_does_not_outweigh_the_status_beside_it() -> None:
    """That a delivery failed is no cause: the status decides, and where there is none nothing is guessed."""
    for text, category in (
        ("550 5.1.1 Delivery failed", "recipient.unknown"),
        ("554 5.2.2 Message delivery failed", "recipient.full"),
        ("550 Delivery failed", "unknown"),
        ("554 Transaction failed", "unknown"),
    ):
        _, reading = read_line(text)
        assert reading is not None
        assert category == reading.category, text
