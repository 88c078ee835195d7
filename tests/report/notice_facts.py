"""Facts that the tests of notices share."""

from __future__ import annotations

from waypost.mail.envelope import Envelope, Notify, Origin, Recipient
from waypost.mail.outcome import Action, Heard, Outcome
from waypost.mail.path import Mailbox
from waypost.report.notice import Notice, Settled, notices

ARRIVED = 1_700_000_000.0
NOW = ARRIVED + 14_400
ID = "01HF7YAT00QX8V6PGK5RTC2Z0N"
NOTICE_ID = "01HF8C2V80M3YJ4W5D6E7F8G9H"
HEAD = (
    b"Received: from a.example by mx.example.org with ESMTP id 1; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    b"From: Bob <bob@example.org>\r\nTo: ada@example.net\r\nSubject: Lunch on\r\n Friday\r\n"
    b"Date: Tue, 14 Nov 2023 23:13:19 +0100\r\nMessage-ID: <lunch.1@example.org>\r\n\r\n"
)
BODY = b"Shall we?\r\n"
NO_SUCH_USER = Heard(code=550, status="5.1.1", lines=("<ada@example.net>: No such user", "See https://example.net/help"), command="RCPT")


_USUAL = {
    Action.FAILED: ("remote-rejected", "5.1.1"),
    Action.DEFERRED: ("unreachable", "4.4.1"),
    Action.DELIVERED: ("delivered", "2.0.0"),
    Action.RELAYED: ("relayed", "2.0.0"),
}


def a_mailbox(text: str) -> Mailbox:
    local_part, _, domain = text.rpartition("@")
    return Mailbox(local_part, domain, text)


def an_envelope(**changes: object) -> Envelope:
    facts: dict[str, object] = {
        "id": ID,
        "reverse_path": a_mailbox("bob@example.org"),
        "recipients": (Recipient(a_mailbox("ada@example.net")),),
        "arrived": ARRIVED,
        "size": len(HEAD + BODY),
        "origin": Origin(client="192.0.2.7", port=4321, helo="laptop.example.org", protocol="ESMTP"),
    }
    return Envelope(**(facts | changes))  # type: ignore[arg-type]  # the facts are those of an envelope


def an_outcome(action: Action = Action.FAILED, **changes: object) -> Outcome:
    key, status = _USUAL[action]
    facts: dict[str, object] = {"action": action, "key": key, "status": status}
    if action is Action.FAILED:
        facts |= {"heard": NO_SUCH_USER, "next_hop": "mx.example.net[192.0.2.25]:25"}
    return Outcome(**(facts | changes))  # type: ignore[arg-type]  # the facts are those of an outcome


def a_settled(to: str = "ada@example.net", outcome: Outcome | None = None, *, notify: str = "", orcpt: str | None = None) -> Settled:
    outcome = outcome or an_outcome()
    deferred = outcome.action is Action.DEFERRED
    asked = frozenset(Notify(word) for word in notify.split(",") if word)
    return Settled(
        recipient=Recipient(a_mailbox(to), asked, orcpt),
        outcome=outcome,
        final=not deferred,
        attempts=3,
        last_attempt=NOW - 1,
        next_attempt=NOW + 3600 if deferred else None,
        expires=ARRIVED + 432_000 if deferred else None,
        delayed_notice_due=deferred,
    )


def some_notices(envelope: Envelope, *settled: Settled, **changes: object) -> list[Notice]:
    facts: dict[str, object] = {
        "head": HEAD,
        "whole": HEAD + BODY,
        "hostname": "mx.example.org",
        "postmaster": "postmaster@example.org",
        "now": NOW,
        "delay_notified": False,
        "new_id": lambda _: NOTICE_ID,
    }
    return list(notices(envelope, settled, **(facts | changes)))  # type: ignore[arg-type]  # the facts are those of notices


def a_notice(envelope: Envelope, *settled: Settled, **changes: object) -> Notice:
    (notice,) = some_notices(envelope, *settled, **changes)
    return notice
