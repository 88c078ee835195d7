"""Draw docs/session.svg: a conversation as the dev profile shows it; with ``--check``, only say whether the picture is fresh.

The words are the program's own: fixed octets go through a real session, its replies through the live view.
"""

from __future__ import annotations

import sys
from pathlib import Path

from terminal_drawing import drawn
from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.path import Mailbox
from waypost.observe.events import MessageAccepted, SessionClosed, SessionOpened, Spoken
from waypost.observe.live import Live
from waypost.replies import Key, Reply, say

TARGET = Path(__file__).resolve().parent.parent / "docs/session.svg"
SESSION = "01M84DRXFCF208C8HXFA3W3H6Z"
MESSAGE = "01M84DRXFCF208C8HXFA3W332Y"
EXTENSIONS = (
    "PIPELINING",
    "SIZE 52428800",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "CHUNKING",
    "AUTH PLAIN LOGIN",
    "HELP",
)
COLUMNS = 100


def conversation() -> bytes:
    """What the live view writes of one short session."""
    shown: list[bytes] = []
    live = Live(shown.append, colour=True, width=lambda: COLUMNS)
    live.tell(SessionOpened(session=SESSION, role="relay", client="127.0.0.1", port=39818, local="127.0.0.1:1025", key="greeting"))

    def server(reply: Reply) -> None:
        live.tell(Spoken(session=SESSION, at=0.0, from_client=False, octets=reply.wire, key=reply.key))

    def client(line: str) -> None:
        live.tell(Spoken(session=SESSION, at=0.0, from_client=True, octets=line.encode() + b"\r\n"))

    server(say(Key.GREETING, hostname="mx.example.org", software="Waypost"))
    client("EHLO laptop.example")
    server(say(Key.EHLO, hostname="mx.example.org", client="laptop.example", more=EXTENSIONS))
    client("MAIL FROM:<ada@example.org")
    server(say(Key.REVERSE_PATH_INVALID, fault="it must end with a closing angle bracket"))
    client("MAIL FROM:<ada@example.org>")
    server(say(Key.MAIL_ACCEPTED))
    client("RCPT TO:<bob@example.net>")
    server(say(Key.RCPT_ACCEPTED))
    client("DATA")
    server(say(Key.DATA_START))
    live.tell(Spoken(session=SESSION, at=0.0, from_client=True, octets=b"<content: 5120 octets>\r\n"))
    server(say(Key.QUEUED, id=MESSAGE))
    ada, bob = Mailbox("ada", "example.org", "ada@example.org"), Mailbox("bob", "example.net", "bob@example.net")
    envelope = Envelope(id=MESSAGE, reverse_path=ada, recipients=(Recipient(bob),), arrived=0.0, size=5120)
    live.tell(MessageAccepted(session=SESSION, envelope=envelope, message_id=""))
    client("QUIT")
    server(say(Key.CLOSING, hostname="mx.example.org"))
    live.tell(SessionClosed(session=SESSION, client="127.0.0.1", helo="laptop.example", seconds=0.2, accepted=1, refused=1, key="closing"))
    return b"".join(shown)


def picture() -> str:
    """The SVG, with no reference to anything outside it."""
    return drawn(conversation().decode(), "A conversation with Waypost, shown live and explained", columns=COLUMNS)


def main() -> int:
    """Draw, or check freshness."""
    made = picture()
    if "--check" in sys.argv:
        fresh = TARGET.exists() and TARGET.read_text("utf-8") == made
        print("session.svg is fresh" if fresh else "session.svg is stale: run tools/generate_session_picture.py")
        return 0 if fresh else 1
    TARGET.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
