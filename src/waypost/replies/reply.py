"""A reply as a value: code, status and text apart, never in one string; knows the wire form and nothing else (RFC 5321 section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Severity(IntEnum):
    """The first digit of a reply (5321#4.2.1)."""

    POSITIVE = 2
    """Done."""
    INTERMEDIATE = 3
    """Go on: more is expected."""
    TRANSIENT = 4
    """Not now: the same again may succeed later."""
    PERMANENT = 5
    """Not so: the same again will fail again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, of one line or more. Made by ``say`` alone."""

    key: str
    code: int
    status: str | None
    """Enhanced status code, or None where RFC 2034 forbids one."""
    lines: tuple[str, ...]
    wire: bytes = field(repr=False, compare=False, default=b"")
    """The octets to send, CRLF included."""

    @property
    def severity(self) -> Severity:
        """What the first digit says."""
        return Severity(self.code // 100)

    @property
    def accepts(self) -> bool:
        """Whether it lets the client go on: 2xx or 3xx."""
        return self.code < 400

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it (5321#3.8): 221 and 421."""
        return self.code in (221, 421)
