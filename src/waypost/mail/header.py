"""The header section as octets: where it ends, its fields, their values. Changes nothing, judges nothing (RFC 5322 section 2.2).

Lines end with CRLF alone: ``splitlines`` cuts at eight other characters and has no place here.
"""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from waypost.replies.lenient import codec

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 16_384
"""Octets of a value that are decoded for people."""


class Field(NamedTuple):
    """One header field."""

    name: bytes
    """Lower case, without colon and the blanks before it; empty for a line that is no field."""
    raw: bytes
    """As it stands, folds and its last CRLF included."""

    @property
    def value(self) -> bytes:
        """What stands behind the colon, unfolded and stripped."""
        return unfolded(self.raw[self.raw.find(b":") + 1 :]) if self.name else b""


def end_of_header(octets: bytes | bytearray, start: int = 0) -> int:
    """The index behind the blank line that ends the header section, or -1 where there is none yet.

    ``start``: octets before it are known to hold no end; give three less than what was searched already.
    """
    if octets[:2] == b"\r\n":  # no field at all
        return 2
    found = octets.find(b"\r\n\r\n", max(start, 0))
    return found + 4 if found >= 0 else -1


def fields(head: bytes) -> Iterator[Field]:
    """The fields from the top, up to the blank line or the end of ``head``."""
    start, size = 0, len(head)
    while start < size:
        if head.startswith(b"\r\n", start):
            return
        end = _end_of_field(head, start)
        raw = head[start:end]
        colon = raw.find(b":")
        yield Field(raw[:colon].rstrip(b" \t").lower() if colon > 0 else b"", raw)
        start = end


def count(head: bytes, name: str) -> int:
    """How many fields are called ``name``, in any case."""
    lower, (plain, blank, tab) = head.lower(), _needles(name)
    if blank in lower or tab in lower or lower.startswith((blank[2:], tab[2:])):
        return sum(1 for field in fields(head) if field.name == plain[2:-1])
    return lower.count(plain) + lower.startswith(plain[2:])


def first(head: bytes, name: str) -> bytes | None:
    """The unfolded value of the topmost field called ``name``, or None."""
    lower, (plain, blank, tab) = head.lower(), _needles(name)
    if blank in lower or tab in lower or lower.startswith((blank[2:], tab[2:])):
        return next((field.value for field in fields(head) if field.name == plain[2:-1]), None)
    found = 0 if lower.startswith(plain[2:]) else lower.find(plain) + 2
    if found == 1:
        return None
    start = found + len(plain) - 2
    return unfolded(head[start : _end_of_field(head, start)])


def unfolded(value: bytes) -> bytes:
    """``value`` on one line: CRLFs that fold it are taken out, blanks around it too (5322#2.2.3)."""
    return value.replace(b"\r\n", b"").strip(b" \t")


def decoded(value: bytes) -> str:
    """``value`` as people read it: encoded words undone (RFC 2047), nothing in it that moves a cursor. Never raises."""
    text = value[:_SHOWN].decode("utf-8", "replace")
    if "=?" in text:
        text = _words_undone(text)
    return text if text.isprintable() else "".join(letter if letter.isprintable() or letter in "\u200c\u200d" else " " for letter in text)


def _words_undone(text: str) -> str:
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    return "".join(part if isinstance(part, str) else _part(part, charset) for part, charset in parts)


def _part(octets: bytes, charset: str | None) -> str:
    decoder = "raw-unicode-escape" if charset is None else codec(charset) or "latin-1"  # plain words come escaped
    try:
        return octets.decode(decoder, "replace")
    except ValueError:
        return octets.decode("latin-1")


def _end_of_field(head: bytes, start: int) -> int:
    """The index behind the CRLF that ends the field which ``start`` lies in."""
    while True:
        found = head.find(b"\r\n", start)
        if found < 0:
            return len(head)
        start = found + 2
        if head[start : start + 1] not in _BLANKS:
            return start


_BLANKS = (b" ", b"\t")


@lru_cache(maxsize=64)
def _needles(name: str) -> tuple[bytes, bytes, bytes]:
    # Blanks before the colon are obsolete, but real (5322#4.5.8): they send the search the slow way.
    start = b"\r\n" + name.lower().encode("ascii")
    return start + b":", start + b" ", start + b"\t"
