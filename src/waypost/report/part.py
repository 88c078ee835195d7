"""One body part and its transfer encoding (RFC 2045 section 6): 7bit where it is so already, else quoted-printable."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOO_LONG = re.compile(rb"[^\n]{1000}")
"""998 octets and a CR (5322#2.1.1)."""
_UNSAFE = re.compile(rb"[^\t -<>-~]|[\t ]\Z")
"""What quoted-printable writes as ``=XX``; a blank at a line's end would be lost on the way."""


@dataclass(frozen=True, slots=True)
class Part:
    """A body part as it stands between two boundaries; the CRLF before a boundary belongs to the boundary (2046#5.1.1)."""

    kind: str
    """Content-Type with its parameters."""
    encoding: str
    """7bit, 8bit or quoted-printable."""
    octets: bytes
    description: str = ""

    def head(self) -> bytes:
        """Its header fields, each with its CRLF."""
        described = f"Content-Description: {self.description}\r\n" if self.description else ""
        return f"Content-Type: {self.kind}\r\n{described}Content-Transfer-Encoding: {self.encoding}\r\n".encode("ascii")


def text(words: str) -> Part:
    """Text for people."""
    return encoded("text/plain; charset=utf-8", words.encode(), "Notice")


def encoded(kind: str, octets: bytes, description: str) -> Part:
    """``octets`` as they are when a seven bit way can carry them, else as quoted-printable."""
    if octets.isascii() and is_sound(octets):
        return Part(kind, "7bit", octets, description)
    return Part(kind, "quoted-printable", quoted(octets), description)


def is_sound(octets: bytes) -> bool:
    """Whether every line ends with CRLF and is short enough, and no NUL is in it (5322#2.3)."""
    ends = octets.count(b"\r\n")
    return ends == octets.count(b"\n") == octets.count(b"\r") and b"\0" not in octets and _TOO_LONG.search(octets) is None


def quoted(octets: bytes) -> bytes:
    """Quoted-printable (2045#6.7): real line ends stay, a lone CR or LF is encoded, lines of at most 76 octets."""
    return b"\r\n".join(_folded(_UNSAFE.sub(_escape, line)) for line in octets.split(b"\r\n"))


def _escape(found: re.Match[bytes]) -> bytes:
    return b"=%02X" % found[0][0]


def _folded(line: bytes) -> bytes:
    pieces, start, size = [], 0, len(line)
    while size - start > 76:
        end = start + 75
        escape = line.rfind(b"=", end - 2, end)  # an escape is never torn
        end = escape if escape >= 0 else end
        pieces.append(line[start:end])
        start = end
    return b"=\r\n".join([*pieces, line[start:]])
