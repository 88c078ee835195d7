"""A session as the dev profile sees it, for the tests of the live view."""

from __future__ import annotations

from observe.some_events import NOW, QID, every_event
from waypost.observe.events import Event, MessageAccepted, SessionClosed, SessionOpened, SessionSecured, Spoken
from waypost.replies import Key, Reply, say

ONE = "01HF7YAT00000000000000A7Q2"
TWO = "01HF7YAT00000000000000ZK9M"


def said(session: str, reply: Reply) -> Spoken:
    return Spoken(session=session, at=NOW, from_client=False, octets=reply.wire, key=reply.key)


def heard(session: str, octets: bytes) -> Spoken:
    return Spoken(session=session, at=NOW, from_client=True, octets=octets)


def two_sessions() -> list[Event]:
    accepted = next(event for event in every_event() if isinstance(event, MessageAccepted))
    ehlo = b"250-dev.example greets laptop\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 HELP\r\n"
    return [
        SessionOpened(session=ONE, role="submission", client="127.0.0.1", port=53122, local="127.0.0.1:1587", key="greeting"),
        said(ONE, say(Key.GREETING, hostname="dev.example", software="Waypost")),
        heard(ONE, b"EHLO laptop\r\n"),
        Spoken(session=ONE, at=NOW, from_client=False, octets=ehlo, key="ehlo"),
        heard(ONE, b"STARTTLS\r\n"),
        said(ONE, say(Key.STARTTLS_READY)),
        SessionSecured(session=ONE, tls="TLSv1.3 TLS_AES_256_GCM_SHA384"),
        SessionOpened(session=TWO, role="relay", client="::1", port=9, local="[::1]:1025", key="greeting"),
        said(TWO, say(Key.GREETING, hostname="dev.example", software="Waypost")),
        heard(ONE, b"MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"),
        said(ONE, say(Key.MAIL_ACCEPTED)),
        said(ONE, say(Key.RCPT_ACCEPTED)),
        said(ONE, say(Key.DATA_START)),
        heard(ONE, b"<content: 5120 octets>\r\n"),
        MessageAccepted(session=ONE, envelope=accepted.envelope, message_id="<1@a>"),
        said(ONE, say(Key.QUEUED, id=QID)),
        heard(TWO, b"RCPT TO:<\x1b[31meve@example.com>\r\n"),
        said(TWO, say(Key.MAIL_FIRST)),
        SessionClosed(session=TWO, client="::1", helo="", seconds=0.21, accepted=0, refused=1, key="closing"),
    ]
