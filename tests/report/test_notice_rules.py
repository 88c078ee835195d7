from __future__ import annotations

from dataclasses import replace

import pytest

from report.notice_facts import HEAD, NOTICE_ID, NOW, a_mailbox, a_notice, a_settled, an_envelope, an_outcome, some_notices
from waypost.mail.envelope import Body, Notify
from waypost.mail.outcome import Action, Heard
from waypost.report.notice import owed

pytestmark = pytest.mark.usefixtures("plain_words")

EXPANDED = an_outcome(Action.DELIVERED, key="expanded")
DSN_HOP = an_outcome(Action.RELAYED, supports_dsn=True)

ROWS = [
    # notify, outcome, what is owed
    ("", an_outcome(Action.FAILED), "failed"),
    ("FAILURE", an_outcome(Action.FAILED), "failed"),
    ("SUCCESS,FAILURE,DELAY", an_outcome(Action.FAILED), "failed"),
    ("SUCCESS", an_outcome(Action.FAILED), None),
    ("DELAY", an_outcome(Action.FAILED), None),
    ("NEVER", an_outcome(Action.FAILED), None),
    ("", an_outcome(Action.DELIVERED), None),
    ("FAILURE", an_outcome(Action.DELIVERED), None),
    ("SUCCESS", an_outcome(Action.DELIVERED), "delivered"),
    ("NEVER", an_outcome(Action.DELIVERED), None),
    ("", an_outcome(Action.RELAYED), None),
    ("SUCCESS", an_outcome(Action.RELAYED), "relayed"),
    ("SUCCESS", DSN_HOP, None),
    ("FAILURE,DELAY", an_outcome(Action.RELAYED), None),
    ("NEVER", an_outcome(Action.RELAYED), None),
    ("SUCCESS", EXPANDED, "expanded"),
    ("FAILURE", EXPANDED, None),
    ("", EXPANDED, None),
    ("", an_outcome(Action.DEFERRED), "delayed"),
    ("DELAY", an_outcome(Action.DEFERRED), "delayed"),
    ("SUCCESS,FAILURE", an_outcome(Action.DEFERRED), None),
    ("NEVER", an_outcome(Action.DEFERRED), None),
]


@pytest.mark.parametrize(("notify", "outcome", "kind"), ROWS, ids=[f"{n or 'absent'}-{o.key}-{o.supports_dsn}" for n, o, _ in ROWS])
def test_each_wish_and_outcome_owes_what_the_table_says(notify: str, outcome: object, kind: str | None) -> None:
    """NOTIFY is obeyed for every outcome (RFC 3461 section 5.2)."""
    assert owed(a_settled(outcome=outcome, notify=notify), delay_notified=False) == kind  # type: ignore[arg-type]  # rows hold outcomes


def test_a_delay_is_told_once() -> None:
    """No second delay notice for the same message."""
    late = a_settled(outcome=an_outcome(Action.DEFERRED))
    assert owed(late, delay_notified=True) is None


def test_a_delay_is_told_when_due_and_not_before() -> None:
    """A deferred recipient alone owes nothing."""
    early = replace(a_settled(outcome=an_outcome(Action.DEFERRED)), delayed_notice_due=False)
    assert owed(early, delay_notified=False) is None


@pytest.mark.parametrize(("value", "told"), [(b"auto-generated", False), (b"auto-replied; x=y", False), (b"No (a human)", True)])
def test_a_program_is_not_told_of_a_delay_unless_it_asked(value: bytes, told: bool) -> None:  # noqa: FBT001 - a row of the table
    """What is at our discretion is not sent in answer to automatic mail; failures are."""
    head = b"Auto-Submitted: " + value + b"\r\n" + HEAD
    late = a_settled(outcome=an_outcome(Action.DEFERRED))
    asked = a_settled(outcome=an_outcome(Action.DEFERRED), notify="DELAY")
    assert bool(some_notices(an_envelope(), late, head=head)) is told
    assert some_notices(an_envelope(), asked, head=head)
    assert some_notices(an_envelope(), a_settled(), head=head)


def test_nothing_is_ever_sent_to_the_null_reverse_path() -> None:
    """No notice about a notice, whatever was asked."""
    settled = [a_settled(notify=wish) for wish in ("", "FAILURE", "SUCCESS,FAILURE,DELAY")]
    assert some_notices(an_envelope(reverse_path=None), *settled) == []


def test_one_settlement_owes_one_notice_of_the_weightiest_kind() -> None:
    """Recipients of one settlement share a notice; those to whom nothing is owed are not named in it."""
    notice = a_notice(
        an_envelope(),
        a_settled("kept@example.net", an_outcome(Action.DELIVERED), notify="SUCCESS"),
        a_settled("lost@example.net"),
        a_settled("late@example.net", an_outcome(Action.DEFERRED)),
        a_settled("silent@example.net", notify="NEVER"),
    )
    assert notice.kind == "failed"
    text = notice.content.octets.decode()
    assert [name in text for name in ("kept@", "lost@", "late@", "silent@")] == [True, True, True, False]


def test_the_envelope_of_a_notice_cannot_cause_another() -> None:
    """Null reverse-path, to the sender, NOTIFY=NEVER, a fresh id, honest size and body."""
    notice = a_notice(an_envelope(envid="x", smtputf8=True), a_settled())
    envelope = notice.envelope
    (recipient,) = envelope.recipients
    assert (envelope.id, envelope.reverse_path, envelope.arrived) == (NOTICE_ID, None, NOW)
    assert (recipient.mailbox, recipient.notify, recipient.orcpt) == (a_mailbox("bob@example.org"), {Notify.NEVER}, None)
    assert (envelope.size, envelope.body, envelope.smtputf8) == (notice.content.size, Body.SEVEN_BIT, False)
    assert (envelope.ret, envelope.envid) == (None, None)


def test_a_utf8_sender_gets_a_utf8_notice() -> None:
    """The notice needs SMTPUTF8 exactly when the address that it goes to does."""
    notice = a_notice(an_envelope(reverse_path=a_mailbox("阿达@example.org"), smtputf8=True), a_settled())
    assert (notice.envelope.smtputf8, notice.envelope.body) == (True, Body.EIGHT_BIT)


def test_nothing_settled_owes_nothing() -> None:
    """No recipients, no notice."""
    assert some_notices(an_envelope()) == []


def test_a_talkative_stranger_fills_no_notice() -> None:
    """However much a next hop says to each of a thousand recipients, the notice stays small, names each, and tells of failures first."""
    told = [a_settled("first@example.net", an_outcome(Action.RELAYED), notify="SUCCESS")]
    told += [
        a_settled(
            f"user{number}@example.net",
            an_outcome(heard=Heard(code=550, status="5.1.1", lines=(f"{number}: " + "no " * 300,) * 50, command="RCPT")),
        )
        for number in range(999)
    ]
    octets = a_notice(an_envelope(), *told).content.octets
    assert len(octets) < 1_000_000
    assert all(f"Final-Recipient: rfc822; user{number}@example.net".encode() in octets for number in range(999))
    assert b"and 980 more, named in the report below" in octets
    assert octets.index(b"NOT DELIVERED") < octets.index(b"Final-Recipient")
