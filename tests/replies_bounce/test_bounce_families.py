"""Reports in the manner of many mailers and languages, none of them copied from anywhere: what is read of each."""

# ruff: noqa: E501 - messages and tables stand as they are read

from __future__ import annotations

import pytest

from support.invented_bounces import KNOWN, STRANGE, Invented, fields
from support.invented_more import FARTHER, LAYOUTS, MORE
from waypost.replies.bounce import read_message
from waypost.replies.explanation import Kind, Permanence

EVERY = [pytest.param(report, id=report.name) for report in KNOWN + STRANGE + MORE + LAYOUTS + FARTHER]


@pytest.mark.parametrize("report", EVERY)
def test_its_kind(report: Invented) -> None:
    """A report is taken for what it is."""
    kind, _ = read_message(report.octets())

    assert report.kind == kind


@pytest.mark.parametrize("report", EVERY)
def test_its_recipients(report: Invented) -> None:
    """Whoever did not get the message is named, in the report's order, and nobody else."""
    _, found = read_message(report.octets())

    assert report.recipients == tuple(reading.recipient for reading in found)


@pytest.mark.parametrize("report", EVERY)
def test_its_reason(report: Invented) -> None:
    """The first recipient's failure is of the category that the words tell."""
    _, found = read_message(report.octets())

    assert [report.category] * bool(found) == [reading.category for reading in found[:1]]


@pytest.mark.parametrize("report", EVERY)
def test_line_ends_change_nothing(report: Invented) -> None:
    """LF, CRLF and CR give the same answer."""
    octets = report.octets()

    assert read_message(octets) == read_message(octets.replace(b"\n", b"\r\n")) == read_message(octets.replace(b"\n", b"\r"))


def test_the_reply_is_kept_as_received() -> None:
    """Code, status, host and text are those of the server that refused."""
    _, (reading, _) = read_message(KNOWN[0].octets())

    assert (reading.code, reading.status, reading.host) == (550, "5.1.1", "mx.example.com")
    assert "Recipient address rejected: User unknown" in reading.text


def test_the_trail_says_who_wrote_it() -> None:
    """The evidence names the sign of a report, the mailer, and the rule of the line."""
    _, (reading, _) = read_message(KNOWN[0].octets())

    assert [step.rule for step in reading.evidence[:2]] == ["words.failure", "mailer.postfix"]
    assert len(reading.evidence) > 2


def test_a_delay_is_temporary() -> None:
    """What is still being tried is reported as temporary, whatever its last reply was."""
    octets = fields("Final-Recipient: rfc822; kim@example.com\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 550 odd")

    kind, (reading,) = read_message(octets)

    assert (kind, reading.permanence) == (Kind.DELAYED, Permanence.TEMPORARY)


def test_mixed_actions() -> None:
    """Of a report with several actions, those who did not get the message are reported."""
    octets = fields(
        "Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown",
        "Final-Recipient: rfc822; b@example.com\nAction: relayed\nStatus: 2.0.0",
        "Final-Recipient: rfc822; c@example.com\nAction: delayed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 Mailbox full",
    )

    kind, found = read_message(octets)

    assert (kind, [reading.recipient for reading in found]) == (Kind.DSN, ["a@example.com", "c@example.com"])


def test_given_up_after_retries() -> None:
    """A failure with a temporary status is a failure: the sender gave up."""
    octets = fields("Final-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 4.4.1\nDiagnostic-Code: x; connection timed out")

    kind, (reading,) = read_message(octets)

    assert (kind, reading.status, reading.permanence) == (Kind.DSN, "4.4.1", Permanence.TEMPORARY)


@pytest.mark.parametrize("report", ["text/plain", "message/global-delivery-status", "application/octet-stream", "text/delivery-status"])
def test_fields_under_a_wrong_label(report: str) -> None:
    """The fields of a report are known by themselves, whatever type their part is said to have."""
    kind, (reading,) = read_message(fields("Final-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 5.1.1", report=report))

    assert (kind, reading.recipient) == (Kind.DSN, "kim@example.com")


def test_fields_loose_in_the_text() -> None:
    """A report whose fields stand in its text is read by them."""
    octets = b"From: MAILER-DAEMON@mx.example.net\nTo: ann@example.org\nSubject: Returned mail\n\nSorry.\n\nFinal-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox full\n"

    kind, (reading,) = read_message(octets)

    assert (kind, reading.recipient, reading.category) == (Kind.DSN, "kim@example.com", "recipient.full")


def test_no_recipient_in_the_fields() -> None:
    """Where neither fields nor prose name anybody, the returned message's recipient is taken."""
    _, found = read_message(fields("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 refused"))

    assert [reading.recipient for reading in found] == ["kim@example.com"]


def test_a_report_inside_a_report() -> None:
    """A mailer that returns another's report, and names nobody itself, passes on what that says."""
    inner = fields("Final-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 5.1.1").decode()
    octets = f'Return-Path: <>\nFrom: MAILER-DAEMON@other.example.net\nTo: ann@example.org\nSubject: Returned mail\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="out"\n\n--out\nContent-Type: text/plain\n\nYour message could not be delivered.\n\n--out\nContent-Type: message/rfc822\n\n{inner}\n--out--\n'

    kind, (reading,) = read_message(octets.encode())

    assert (kind, reading.recipient) == (Kind.DSN, "kim@example.com")


def test_a_notice_in_json() -> None:
    """A notice of Amazon SES is read by its own fields."""
    octets = b'From: no-reply@sns.amazonaws.com\nTo: ann@example.org\nSubject: AWS Notification Message\n\n{"Type":"Notification","Message":"{\\"notificationType\\":\\"Bounce\\",\\"bounce\\":{\\"bouncedRecipients\\":[{\\"emailAddress\\":\\"kim@example.com\\",\\"status\\":\\"5.1.1\\",\\"diagnosticCode\\":\\"smtp; 550 5.1.1 user unknown\\"}]}}"}\n'

    kind, (reading,) = read_message(octets)

    assert (kind, reading.recipient, reading.category) == (Kind.BOUNCE, "kim@example.com", "recipient.unknown")


@pytest.mark.parametrize(
    "report", [pytest.param(report, id=report.name) for report in KNOWN if report.kind == "bounce" and not report.html]
)
def test_its_text_alone(report: Invented) -> None:
    """The text of a report that somebody copied, without any header, is read as well."""
    kind, found = read_message(report.text.encode())

    assert (Kind.BOUNCE, report.recipients) == (kind, tuple(reading.recipient for reading in found))


def test_fields_alone() -> None:
    """So are the fields of a report, copied from it."""
    kind, (reading,) = read_message(
        b"Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 5.1.1\n"
    )

    assert (kind, reading.recipient) == (Kind.DSN, "kim@example.com")


@pytest.mark.parametrize(
    ("sender", "words", "kind"),
    [
        (
            "mailman-bounces@lists.example.org",
            "The attached message was received as a bounce, but its format was not recognized.",
            Kind.DSN,
        ),
        ("Ann Archer <ann@example.org>", "", Kind.DSN),
        ("Ann Archer <ann@example.org>", "What is this?", Kind.ORDINARY),
    ],
)
def test_a_report_that_is_passed_on(sender: str, words: str, kind: Kind) -> None:
    """A report in an attachment is read where a program passes it on, or a person without a word; with words, it is a letter."""
    inner = fields("Final-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 5.1.1").decode()
    octets = f'Return-Path: <x@example.org>\nFrom: {sender}\nTo: desk@example.org\nSubject: bounce\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="out"\n\n--out\nContent-Type: text/plain\n\n{words}\n\n--out\nContent-Type: message/rfc822\n\n{inner}\n--out--\n'

    found, readings = read_message(octets.encode())

    assert kind == found
    assert [reading.recipient for reading in readings] == ["kim@example.com"] * (kind is Kind.DSN)
