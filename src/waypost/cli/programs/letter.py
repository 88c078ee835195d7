"""A message as programs of this machine write it: line ends as they come, addresses without domains, Bcc for sendmail to take out.

Pure but for the stream it reads. RFC 5322 sections 2.2 and 3.6; what is added and taken away is what Postfix's and Sendmail's do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import formataddr, getaddresses
from typing import TYPE_CHECKING

from waypost.cli.exits import Exit, FailureError
from waypost.mail.header import unfolded
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_mailbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

_PIECE = 65_536
_HEAD = 1_048_576
"""Octets of a header section at most; the server's own limit is lower."""
_DOTS = frozenset({b".\n", b".\r\n", b"."})
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_COMMENT = rb"[ \t]*(?:\([^()\\,]*\))?[ \t]*"
_NAMES = re.compile(rb"[ \t]*" + _ATOM + _COMMENT + rb"(?:,[ \t]*" + _ATOM + _COMMENT + rb")*(?:\r\n)?")
"""A whole value of names without domains, perhaps with comments: ``root (Cron Daemon), ada``."""
_NAME = re.compile(rb"(\A|,)([ \t]*)(" + _ATOM + rb")")
_ANGLED = re.compile(rb"<(" + _ATOM + rb")>")
_ADDRESSED = frozenset(b"from sender reply-to to cc resent-from resent-sender resent-reply-to resent-to resent-cc".split())
_TAKEN_OUT = frozenset({b"bcc", b"resent-bcc", b"return-path", b"content-length"})


@dataclass(frozen=True, slots=True)
class Field:
    """One header field."""

    name: bytes
    """Lower case."""
    raw: bytes
    """As it came, with CRLF line ends."""


def crlf(stream: BinaryIO, *, dots: bool) -> Iterator[bytes]:
    """The lines of ``stream`` with CRLF, in pieces of about 64 KiB where they are longer; a bare CR ends a line too, a NUL is left out.

    ``dots``: a line with a dot alone is the end.
    """
    start = True
    while piece := stream.readline(_PIECE):
        if dots and start and piece in _DOTS:
            return
        if piece.endswith(b"\r"):
            piece += stream.readline(1)  # a line end that was cut in two
        start = piece.endswith(b"\n")
        yield piece.translate(None, b"\0").replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if not start:
        yield b"\r\n"


def head(lines: Iterator[bytes]) -> tuple[list[Field], bytes]:
    """The header fields at the beginning of ``lines``, and what was read behind them: of a message without any, its first line.

    A leading ``From `` line of a mailbox file is no field and is left out. Raises FailureError when it has no end.
    """
    gathered: list[bytes] = []
    size = 0
    for number, line in enumerate(lines):
        size += len(line)
        if size > _HEAD:
            raise FailureError(f"its header section is longer than {_HEAD} octets", Exit.DATA)
        if number == 0 and line.startswith((b"From ", b">From ")):
            continue
        if line == b"\r\n":
            return _fields(gathered), b""
        if line[:1] in (b" ", b"\t") and gathered:
            gathered[-1] += line
        elif _FIELD.match(line) and line.endswith(b"\r\n"):
            gathered.append(line)
        else:
            return _fields(gathered), line
    return _fields(gathered), b""


def _fields(gathered: Iterable[bytes]) -> list[Field]:
    return [Field(found[1].lower(), raw) for raw in gathered if (found := _FIELD.match(raw))]


def named_in(fields: Sequence[Field]) -> list[str]:
    """The recipients that the fields name: of Resent- fields where there are any, else of To, Cc and Bcc (sendmail -t)."""
    resent = {b"resent-to", b"resent-cc", b"resent-bcc"}
    wanted = resent if any(field.name in resent for field in fields) else {b"to", b"cc", b"bcc"}
    return addresses([_value(field).decode("utf-8", "surrogateescape") for field in fields if field.name in wanted])


def addresses(texts: Sequence[str]) -> list[str]:
    """The addresses in ``texts``, each of which may name several, with names and comments around them."""
    return [address for _, address in getaddresses(list(texts)) if address]


def said(texts: Sequence[str]) -> list[str]:
    """The addresses of a command line. Raises FailureError where one would have to be guessed: mail goes where it was sent, or nowhere."""
    found = []
    for text in texts:
        if not text.isprintable():
            raise FailureError(f"{text!r} is no address: it holds a control character", Exit.DATA)
        named = addresses([text])
        guessed = [address for address in named if address not in text]
        if guessed or (text.strip() and not named):
            raise FailureError(f"{text!r} is no address", Exit.DATA)
        found += named
    return found


def mailbox(text: str, domain: str) -> str:
    """``text`` with ``domain`` where it names none. Raises FailureError for what is no address."""
    whole = text if "@" in text.rpartition('"')[2] else f"{text}@{domain}"
    try:
        parse_mailbox(whole)
    except AddressError as error:
        raise FailureError(f"{text!r} is no address: {error}", Exit.DATA) from error
    return whole


def written(fields: Sequence[Field], *, sender: str, name: str, domain: str) -> bytes:
    """The header section as it goes on, with its blank line: without what is nobody's business (Bcc), with domains, with a From.

    ``sender``: the address of whoever calls.
    """
    kept = [_with_domain(field, domain) for field in fields if field.name not in _TAKEN_OUT]
    there = {field.name for field in fields}
    author = f"{formataddr((name, sender))}\r\n".encode() if name else f"{sender}\r\n".encode()
    if any(each.startswith(b"resent-") for each in there) and b"resent-from" not in there:
        kept.append(b"Resent-From: " + author)
    if b"from" not in there:
        kept.append(b"From: " + author)
    return b"".join(kept) + b"\r\n"


def _value(field: Field) -> bytes:
    return unfolded(field.raw[field.raw.index(b":") + 1 :])


def _with_domain(field: Field, domain: str) -> bytes:
    """The field with a domain behind bare names: only where its whole value is so plain that nothing else can be meant."""
    if field.name not in _ADDRESSED:
        return field.raw
    end = field.raw.index(b":") + 1
    value, at = field.raw[end:], b"@" + domain.encode()
    if b"@" not in value and _NAMES.fullmatch(value):
        return field.raw[:end] + _NAME.sub(lambda found: found[1] + found[2] + found[3] + at, value)
    return field.raw[:end] + _ANGLED.sub(lambda found: b"<" + found[1] + at + b">", value)
