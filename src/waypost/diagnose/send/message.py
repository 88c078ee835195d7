"""The message that is sent: from a template with tokens, header fields, a body, attachments. Knows no server.

RFC 5322 section 2, RFC 2045 to 2047. The standard library makes MIME parts, and is given no header value that holds a line end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEMPLATE = b"Date: %DATE%\r\nTo: %TO%\r\nFrom: %FROM%\r\nSubject: %SUBJECT%\r\nMessage-ID: <%MESSAGEID%>\r\n%NEW_HEADERS%\r\n\r\n%BODY%\r\n"
BODY = b"This is a test mailing\r\n"
LONGEST_LINE = 998
"""Octets of a line without its end (5322#2.1.1)."""

_NAME = re.compile(r"[!-9;-~]+")
_TYPE = re.compile(r"([A-Za-z0-9!#$&^_.+-]{1,64})/([A-Za-z0-9!#$&^_.+-]{1,64})")
_TOKEN = re.compile(rb"%(FROM|TO|DATE|MESSAGEID|SUBJECT|FROM_ADDRESS|TO_ADDRESS|NEWLINE)%")
_NEW_HEADERS, _BODY = b"%NEW_HEADERS%", b"%BODY%"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_POLICY = SMTP.clone(cte_type="7bit")


class MessageError(ValueError):
    """The message cannot be made so; the text says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part beside the body."""

    octets: bytes
    kind: str = "application/octet-stream"
    name: str = ""
    """Its file name; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a message is made of."""

    sender: str
    recipients: tuple[str, ...]
    host: str
    """Ours: for the Message-ID, and for who sends with the null reverse-path."""
    wall: float
    """The moment, in seconds since the epoch."""
    identifier: str
    subject: str = ""
    """Empty: one that tells the time."""
    template: bytes = TEMPLATE
    body: bytes = BODY
    headers: tuple[tuple[str, str], ...] = ()
    """Fields that take the place of those of their name, or are added."""
    added: tuple[tuple[str, str], ...] = ()
    """Fields that are added, whatever is there."""
    alternatives: tuple[Attachment, ...] = ()
    """The body as MIME parts, of which readers show the last that they can; empty: ``body`` is the body."""
    attachments: tuple[Attachment, ...] = ()
    strip: bool = True
    """Whether the first line of a message in an mbox file is left out."""
    utf8: bool = False
    """Header fields may hold UTF-8 (RFC 6532): the message goes by SMTPUTF8."""


def compose(draft: Draft) -> bytes:
    """The message, every line of it ended with CRLF. Raises MessageError."""
    content_headers, body = _entity(draft)
    added = [*content_headers, *(_field(name, value, utf8=draft.utf8) for name, value in draft.added)]
    template = _crlf(draft.template)
    if draft.strip and template.startswith(b"From "):  # the first line of a message in an mbox file
        template = template.partition(b"\r\n")[2]
    head, blank, rest = template.partition(b"\r\n\r\n")
    fields = _filled(head, draft)
    if _NEW_HEADERS not in fields:
        fields += b"\r\n" + _NEW_HEADERS
    fields = fields.replace(_NEW_HEADERS, b"\r\n".join(added))
    for name, value in draft.headers:
        fields = _replaced(fields, name, _field(name, value, utf8=draft.utf8))
    content = _filled(rest, draft) if blank else _BODY
    whole = b"\r\n".join(line for line in fields.split(b"\r\n") if line) + b"\r\n\r\n" + _with_body(content, body)
    return whole if whole.endswith(b"\r\n") else whole + b"\r\n"


def _crlf(octets: bytes) -> bytes:
    return _LINE_END.sub(b"\r\n", octets)


def _with_body(content: bytes, body: bytes) -> bytes:
    """The body where it belongs; a line end of the template's is not doubled."""
    return content.replace(_BODY + b"\r\n", _BODY).replace(_BODY, body)


def _filled(octets: bytes, draft: Draft) -> bytes:
    """``octets`` with every token replaced, once: what comes in is not searched again."""
    date = formatdate(draft.wall, localtime=True)
    sender, to = draft.sender or f"MAILER-DAEMON@{draft.host}", ", ".join(draft.recipients)
    values: Mapping[bytes, str] = {
        b"FROM": sender,
        b"FROM_ADDRESS": sender,
        b"TO": to,
        b"TO_ADDRESS": to,
        b"DATE": date,
        b"MESSAGEID": f"{draft.identifier}@{draft.host}",
        b"SUBJECT": _written(_plain(draft.subject, "Subject") or f"test {date}", 9, utf8=draft.utf8),
    }
    for text in values.values():
        _plain(text.replace("\r\n ", " "), "a token of the template")
    return _TOKEN.sub(lambda found: b"\r\n" if found[1] == b"NEWLINE" else values[found[1]].encode(), octets)


# ---- header fields ------------------------------------------------------------------------------------------------


def parse_field(text: str) -> tuple[str, str]:
    """Name and value of ``Name: value``. Raises MessageError."""
    name, colon, value = text.partition(":")
    if not colon or not _NAME.fullmatch(name.strip()):
        raise MessageError(f"{text!r} is no header field: write it like 'Name: value'")
    return name.strip(), _plain(value.strip(), name.strip())


def _plain(value: str, of: str) -> str:
    """``value``, which may not end a line: whatever follows would be a field of its own. Raises MessageError."""
    if any(letter in value for letter in "\r\n\0"):
        raise MessageError(f"{of} holds a line end: a header value is one line")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # so Python has octets of a command line that are none
        raise MessageError(f"{of} is no UTF-8")
    return value


def _field(name: str, value: str, *, utf8: bool) -> bytes:
    if not _NAME.fullmatch(name):
        raise MessageError(f"{name!r} is no name of a header field")
    return f"{name}: {_written(_plain(value, name), len(name) + 2, utf8=utf8)}".encode()


def _written(value: str, indent: int, *, utf8: bool) -> str:
    """As it stands in a header: beyond ASCII in encoded words (2047#2), unless UTF-8 may stand there."""
    if utf8 or value.isascii():
        return value
    return Header(value, "utf-8", maxlinelen=76 - indent).encode(linesep="\r\n")


def _replaced(fields: bytes, name: str, field: bytes) -> bytes:
    """The header with ``field`` in the place of those called ``name``, or at its end."""
    old = re.compile(rb"^" + re.escape(name.encode()) + rb"[ \t]*:[^\r]*(?:\r\n[ \t][^\r]*)*", re.IGNORECASE | re.MULTILINE)
    first = old.search(fields)
    if first is None:
        return fields + b"\r\n" + field
    return fields[: first.start()] + field + old.sub(b"", fields[first.end() :])


# ---- body and attachments -----------------------------------------------------------------------------------------


def _entity(draft: Draft) -> tuple[list[bytes], bytes]:
    """The fields that describe the content, and the content: plain text as it is, all else as MIME."""
    body = _crlf(draft.body)
    if not draft.attachments and not draft.alternatives and body.isascii() and b"\0" not in body and _short(body.split(b"\r\n")):
        return [], body
    message = EmailMessage(_POLICY)
    for part in draft.alternatives or (Attachment(body, "text/plain"),):
        _add_body(message, part)
    for part in draft.attachments:
        _attach(message, part)
    head, _, content = message.as_bytes().partition(b"\r\n\r\n")
    return head.split(b"\r\n"), content


def _add_body(message: EmailMessage, part: Attachment) -> None:
    """The body, or one more form of it."""
    main, kind = _kind(part)
    if main != "text":
        raise MessageError(f"a body of {part.kind} is none that people read: attach it")
    try:
        text = _crlf(part.octets).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as flaw:
        raise MessageError("the body is no UTF-8: attach it, or give the whole message by --data") from flaw
    add = message.add_alternative if message.get_content_type() != "text/plain" or message.get_payload() else message.set_content
    add(text, subtype=kind)


def _kind(part: Attachment) -> tuple[str, str]:
    """Type and subtype. Raises MessageError."""
    kind = _TYPE.fullmatch(part.kind)
    if kind is None:
        raise MessageError(f"{part.kind!r} is no type of content: write it like text/plain")
    return kind[1].lower(), kind[2].lower()


def _attach(message: EmailMessage, part: Attachment) -> None:
    main, sub = _kind(part)
    if any(not letter.isprintable() for letter in part.name):
        raise MessageError(f"{part.name!r} is no name of an attachment: it holds what cannot be printed")
    if main in ("multipart", "message"):
        raise MessageError(f"an attachment cannot be {part.kind}: such content is not encoded")
    name = part.name or None
    message.add_attachment(part.octets, maintype=main, subtype=sub, filename=name, cte="base64")


def _short(lines: Iterable[bytes]) -> bool:
    return all(len(line) <= LONGEST_LINE for line in lines)
