"""What a submission server owes to the mail of its users (RFC 6409 section 8): the fields that they left out. Knows no session.

A relay adds trace fields and nothing else (5321#6.4), so none of this is asked for there.
"""

from __future__ import annotations

from waypost.mail import header, trace


def completed(head: bytes, *, id: str, hostname: str, wall: float) -> bytes:  # noqa: A002 - the queue id
    """The fields that ``head`` lacks, each with its CRLF: Date (6409#8.2) and Message-ID (6409#8.3)."""
    added = b""
    if header.first(head, "date") is None:
        added += f"Date: {trace.date(wall)}\r\n".encode("ascii")
    if header.first(head, "message-id") is None:
        added += f"Message-ID: {trace.message_id(id, hostname)}\r\n".encode("ascii")
    return added
