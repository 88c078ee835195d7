"""What is no bounce is never taken for one: mail of people, desks, lists and machines, some of it about bounces."""

# ruff: noqa: E501 - messages and tables stand as they are read

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.needs import require
from support.ordinary_mail import made
from waypost.replies.bounce import read_message
from waypost.replies.explanation import Kind

SUITES = Path(os.environ.get("WAYPOST_SUITES", Path(__file__).parents[3] / "shared/suites"))
REPORTS = (Kind.BOUNCE, Kind.DSN, Kind.DELAYED)
TRUE_REPORTS = {
    "cpython-email/data/msg_16.txt",
    "cpython-email/data/msg_25.txt",
    "cpython-email/data/msg_43.txt",
    "mikel-mail/emails/mime_emails/raw_email_with_mimepart_without_content_type.eml",
    "mikel-mail/emails/multipart_report_emails/multi_address_bounce1.eml",
    "mikel-mail/emails/multipart_report_emails/multi_address_bounce2.eml",
    "mikel-mail/emails/multipart_report_emails/multipart_report_multiple_status.eml",
    "mikel-mail/emails/multipart_report_emails/report_422.eml",
    "mikel-mail/emails/multipart_report_emails/report_530.eml",
    "mox-data/message/message-rfc822-multipart2.eml",
}
"""The files of the suites that are reports of failure or delay: read one by one."""


def test_there_are_enough() -> None:
    """The made-up mail is a set of at least three hundred, each different."""
    messages = [octets for _, octets in made()]

    assert len(messages) >= 300
    assert len(messages) == len(set(messages))


def test_none_is_taken_for_a_bounce() -> None:
    """No made-up message is taken for a report of failure, and none has readings."""
    taken = {name: kind for name, octets in made() for kind, found in [read_message(octets)] if kind in REPORTS or found}

    assert taken == {}


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [("receipt", Kind.DELIVERED), ("success", Kind.DELIVERED), ("complaint", Kind.FEEDBACK), ("newsletter", Kind.ORDINARY), ("plain", Kind.ORDINARY), ("about", Kind.ORDINARY)],
)  # fmt: skip
def test_kinds(beginning: str, kind: Kind) -> None:
    """Receipts, successes, complaints and ordinary mail are told apart."""
    kinds = {read_message(octets)[0] for name, octets in made() if name.startswith(beginning)}

    assert {kind} == kinds


def test_answers_are_told_from_mail() -> None:
    """All but a few automatic answers are known as such, even where nothing but the words says so."""
    kinds = [read_message(octets)[0] for name, octets in made() if name.startswith("answer")]

    assert kinds.count(Kind.AUTO_REPLY) >= len(kinds) * 0.95


def test_the_suites() -> None:
    """Of the real mail of the suites, only what is a report is taken for one."""
    folders = [SUITES / name for name in ("cpython-email", "mikel-mail", "mox-data", "arc-valimail", "dkimpy")]
    require(str(SUITES), all(folder.exists() for folder in folders), "set WAYPOST_SUITES to the folder of the suites")

    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    reports = {str(file.relative_to(SUITES)) for file in files if read_message(file.read_bytes())[0] in REPORTS}

    assert reports == TRUE_REPORTS
