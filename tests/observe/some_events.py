"""Events that the tests of logs share."""

from __future__ import annotations

from waypost.clock import Clock
from waypost.mail.envelope import Envelope, Origin, Recipient
from waypost.mail.outcome import Action, Heard, Outcome
from waypost.mail.path import Mailbox
from waypost.observe.events import (
    AttemptBegan,
    AttemptMade,
    Authenticated,
    Event,
    MessageAccepted,
    MessageAltered,
    MessageFinished,
    NoticeQueued,
    Refused,
    ServerChanged,
    SessionClosed,
    SessionOpened,
    SessionSecured,
    Spoken,
)

NOW = 1_700_000_000.25
CLOCK = Clock(wall=lambda: NOW, monotonic=lambda: 0.0)
QID = "01HF7YAT00QX8V6PGK5RTC2Z0N"
SESSION = "01HF7YAT00SESS10N000000000"


def every_event(word: str = "word") -> list[Event]:
    """One of each; ``word`` stands wherever a stranger's text can stand."""
    ada = Mailbox("ada", "example.org", f"{word}@example.org")
    envelope = Envelope(
        id=QID,
        reverse_path=ada,
        recipients=(Recipient(ada), Recipient(ada)),
        arrived=NOW,
        size=5120,
        origin=Origin(client="192.0.2.7", port=4321, helo=word, protocol="ESMTPSA", tls="TLSv1.3 X", account=word, session=SESSION),
    )
    refused = Heard(code=550, status="5.1.1", lines=(word, "No such user"), command="RCPT")
    return [
        SessionOpened(session=SESSION, role="relay", client="192.0.2.7", port=4321, local="192.0.2.1:25", key="greeting"),
        SessionOpened(session=SESSION, role="submission", client="192.0.2.7", port=1, local="[::1]:587", key="greeting-busy"),
        SessionSecured(session=SESSION, tls="TLSv1.3 TLS_AES_256_GCM_SHA384"),
        SessionSecured(session=SESSION, tls="", error=word),
        Spoken(session=SESSION, at=NOW, from_client=True, octets=b"QUIT\r\n"),
        Authenticated(session=SESSION, client="192.0.2.7", account=word, mechanism="PLAIN", key="auth-succeeded"),
        Authenticated(session=SESSION, client="192.0.2.7", account=word, mechanism="LOGIN", key="auth-failed"),
        Refused(
            session=SESSION,
            client="192.0.2.7",
            helo=word,
            command="RCPT",
            key="relay-denied",
            code=550,
            status="5.7.1",
            text=f"Relaying to <{word}> is denied",
            reverse_path="bob@example.org",
            forward_path=word,
            account=word,
        ),
        MessageAccepted(session=SESSION, envelope=envelope, message_id=f"<{word}@example.org>"),
        AttemptBegan(session=SESSION, id=QID, peer="mx.example.org[192.0.2.1]:25", domain=word),
        AttemptMade(
            id=QID,
            reverse_path=word,
            recipient=word,
            outcome=Outcome(
                action=Action.RELAYED,
                key="relayed",
                status="2.0.0",
                heard=Heard(code=250, status="2.0.0", lines=(f"Queued as {word}",), command="end of data"),
                next_hop="mx.example.net[192.0.2.25]:25",
            ),
            arrived=NOW - 2,
            attempts=1,
            seconds=(0.1, 0.004, 0.5, 11.26),
            session="OUT",
        ),
        AttemptMade(
            id=QID,
            reverse_path="",
            recipient="ada@example.net",
            outcome=Outcome(
                action=Action.FAILED, key="remote-rejected", status="5.1.1", heard=refused, next_hop="mx.example.net[192.0.2.25]:25"
            ),
            arrived=NOW - 2,
            attempts=2,
            seconds=(0.0, 0.0, 0.0, 0.12345),
        ),
        AttemptMade(
            id=QID,
            reverse_path="bob@example.org",
            recipient="ada@example.net",
            outcome=Outcome(action=Action.DEFERRED, key="unreachable", status="4.4.1", detail=word, next_hop=""),
            arrived=NOW - 2,
            attempts=2,
            seconds=(0.0, 100.0, 0.0, 0.0),
            next_attempt=NOW + 300,
        ),
        AttemptMade(
            id=QID,
            reverse_path="bob@example.org",
            recipient="ada@example.net",
            outcome=Outcome(action=Action.DELIVERED, key="delivered", status="2.0.0", next_hop="capture"),
            arrived=NOW - 2,
            attempts=1,
            seconds=(0.0, 0.0, 0.0, 0.0),
        ),
        NoticeQueued(id="01HF7YAT00N0T1CE0000000000", about=QID, to=word, kind="failed"),
        MessageFinished(id=QID),
        MessageAltered(id=QID, change="hold"),
        SessionClosed(
            session=SESSION,
            client="192.0.2.7",
            helo=word,
            seconds=1.23456,
            accepted=1,
            refused=2,
            key="timeout",
            tls="TLSv1.3 X",
            role="relay",
        ),
        ServerChanged(what="ready"),
        ServerChanged(what="library", detail=word, severity="warning"),
        ServerChanged(what="disk-full", detail=word, severity="error"),
    ]
