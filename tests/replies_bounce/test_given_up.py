"""A report of failure is the end: what its words say of trying again was said of attempts that are over."""

from __future__ import annotations

from waypost.replies.bounce import read_message
from waypost.replies.explanation import Kind, Permanence

REPORT = b"""Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: ann@example.org
Subject: Undelivered Mail Returned to Sender

This is the mail system at host mx.example.net.

I'm sorry to have to inform you that your message could not be delivered.

<bob@example.com>: %s
"""


def test_words_without_a_digit_do_not_outlast_the_report() -> None:
    """Where the last server gave up without a code, the failure is for good, whatever the last attempt heard."""
    kind, (reading,) = read_message(REPORT % b"Name service error for domain example.com: Host not found, try again")
    assert (kind, reading.recipient, reading.permanence) == (Kind.BOUNCE, "bob@example.com", Permanence.PERMANENT)


def test_a_digit_goes_on_deciding() -> None:
    """A code of the last attempt is told as it is."""
    _, (reading,) = read_message(REPORT % b"host mx.example.com[192.0.2.9] said: 451 4.3.0 Try again later")
    assert reading.permanence is Permanence.TEMPORARY
