"""Writes a notice as octets: multipart/report with its three parts (RFC 3464 section 2, RFC 6522 section 3, RFC 3461 section 6).

Our own writer: every octet is ours or went through ``inert`` or a transfer encoding, so no fact can add a field or a part.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

from waypost.mail import header, trace
from waypost.report import prose, returned, status
from waypost.report.facts import Kind, inert
from waypost.report.part import Part, text

if TYPE_CHECKING:
    from waypost.report.facts import Report
    from waypost.report.settings import NoticeSettings

_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,900}>")
_ADDRESS = re.compile(r"[!-~]{1,600}")
_SUBJECT = {
    Kind.FAILED: "Not delivered: your mail to {to}",
    Kind.DELAYED: "Delayed: your mail to {to}",
    Kind.DELIVERED: "Delivered: your mail to {to}",
    Kind.RELAYED: "Passed on: your mail to {to}",
    Kind.EXPANDED: "Delivered to a list: your mail to {to}",
}


def compose(report: Report, settings: NoticeSettings) -> bytes:
    """The whole message."""
    parts = (
        text(prose.write(report, settings.languages)),
        status.part(report),
        returned.part(report, settings.returned_size),
    )
    boundary = _boundary(report.id, parts)
    head = "".join(f"{name}: {value}\r\n" for name, value in _fields(report, boundary))
    pieces = [head.encode(), b"\r\nThis is a notice of mail delivery in the MIME format.\r\n"]
    for part in parts:
        pieces += (b"\r\n--", boundary, b"\r\n", part.head(), b"\r\n", part.octets)
    pieces += (b"\r\n--", boundary, b"--\r\n")
    return b"".join(pieces)


def _fields(report: Report, boundary: bytes) -> list[tuple[str, str]]:
    fields = [
        ("Date", trace.date(report.now)),
        ("From", f"Mail Delivery System <{_author(report)}>"),  # 3464#2: a human in charge
        ("To", f"<{inert(report.to.text, ascii_only=not report.international)}>"),  # 3464#2
        ("Subject", _subject(report)),
        ("Message-ID", trace.message_id(report.id, inert(report.hostname, ascii_only=True))),
    ]
    original = header.first(report.head, "Message-ID")
    if original is not None and _MESSAGE_ID.fullmatch(original):
        # 3834#3.1.6: the notice stands beside what it speaks of
        fields += [("In-Reply-To", original.decode("ascii")), ("References", original.decode("ascii"))]
    return [
        *fields,
        ("Auto-Submitted", "auto-replied"),  # 3834#3.1.7
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/report; report-type=delivery-status;\r\n boundary="{boundary.decode("ascii")}"'),
    ]


def _author(report: Report) -> str:
    """The postmaster's address, or the name that every mail server answers to (5321#4.5.1)."""
    address = report.postmaster
    return (
        address
        if _ADDRESS.fullmatch(address) and not set("<>,;") & set(address) and "@" in address
        else f"postmaster@{inert(report.hostname, ascii_only=True)}"
    )


def _subject(report: Report) -> str:
    """What happened and to whom; the subject of the message stays out of it, for it may be anybody's."""
    concerned = [told.recipient.mailbox.text for told in report.told if told.kind is report.kind]
    more = len(concerned) - 1
    to = concerned[0] + (f" and {more} more" if more else "")
    words = _SUBJECT[report.kind].format(to=inert(to, ascii_only=False, most=300))
    return words if words.isascii() or report.international else _encoded(words)


def _encoded(words: str) -> str:
    """``words`` as encoded words (2047#2): each at most 75 characters, no character torn."""
    pieces, piece = [], ""
    for letter in words:
        if len((piece + letter).encode()) > 42:
            pieces.append(piece)
            piece = ""
        piece += letter
    pieces.append(piece)
    return "\r\n ".join(f"=?utf-8?B?{b64encode(piece.encode()).decode('ascii')}?=" for piece in pieces)


def _boundary(id_: str, parts: tuple[Part, ...]) -> bytes:
    """A line that no part holds: no quoted-printable or base64 can, and nobody else knows the id."""
    boundary = b"=_" + id_.encode("ascii", "replace")
    while any(boundary in part.octets for part in parts):
        boundary += b"_"
    return boundary
