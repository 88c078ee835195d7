"""Draw docs/session.svg: a conversation as the dev profile shows it; with ``--check``, only say whether the picture is fresh.

The words are the program's own: fixed octets go through a real session, its replies through the live view.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

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
THEME = TerminalTheme(
    (16, 20, 28),
    (205, 211, 222),
    [(40, 44, 52), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194), (171, 178, 191)],
)
PICTURE = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>A conversation with Waypost, shown live and explained</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
 font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect fill="#10141c" x="1" y="1" width="{width}" height="{height}" rx="10"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">{matrix}</g></g></svg>
"""


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
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(conversation().decode()), soft_wrap=False)
    drawn = console.export_svg(theme=THEME, code_format=PICTURE, unique_id="waypost", font_aspect_ratio=0.602)
    return re.sub(r"[ \t]+\n", "\n", drawn)


def main() -> int:
    """Draw, or check freshness."""
    drawn = picture()
    if "--check" in sys.argv:
        fresh = TARGET.exists() and TARGET.read_text("utf-8") == drawn
        print("session.svg is fresh" if fresh else "session.svg is stale: run tools/generate_session_picture.py")
        return 0 if fresh else 1
    TARGET.write_text(drawn, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
