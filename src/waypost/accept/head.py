"""The header section as it comes in: gathered until it is whole, and judged by size, fields and hops. Adds nothing, knows no spool.

RFC 5322 section 2.2, RFC 5321 sections 4.5.3.1 and 6.3. The section ends at the blank line, or before the first line that is no
field: what people send without any header is then all body, and not refused for its length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.mail import header
from waypost.replies import Key, say

if TYPE_CHECKING:
    from waypost.accept.settings import LimitSettings
    from waypost.replies import Reply

# Fields with their folds, one after the other. The classes are possessive, so that no input makes it go back; the groups are not:
# before Python 3.11.5 a possessive group that fails in its middle keeps what it took.
_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\r]*+\r\n(?:[ \t][^\r]*+\r\n)*)*")


class Head:
    """The beginning of one message's content."""

    __slots__ = ("_held", "_look", "octets", "whole")

    def __init__(self) -> None:
        self._held = bytearray()
        self._look = 0
        """Length from which it pays to look again: it doubles, so that drops of octets cost no more than a gush."""
        self.octets = b""
        """The header section, without the blank line; once it is whole."""
        self.whole = False

    def feed(self, octets: bytes) -> bytes | None:
        """Take ``octets``; when they make the section whole, everything that was held back so far, else None."""
        if self._held:
            self._held += octets
            if len(self._held) < self._look and b"\r\n\r\n" not in self._held[-len(octets) - 3 :]:
                return None
            octets = bytes(self._held)
        end = _end(octets)
        if end < 0:
            if not self._held:
                self._held += octets
            self._look = 2 * len(octets)
            return None
        return self._found(octets, end)

    def finish(self) -> bytes:
        """The content has ended: everything that is still held back."""
        octets = bytes(self._held)
        found = _FIELDS.match(octets)
        return self._found(octets, found.end() if found else 0)

    @property
    def held(self) -> int:
        """Octets held back."""
        return len(self._held)

    def _found(self, octets: bytes, end: int) -> bytes:
        self.whole = True
        self.octets = octets[:end]
        self._held = bytearray()
        return octets


def _end(octets: bytes) -> int:
    """Where the section ends in ``octets``, or -1 while that cannot be told."""
    found = _FIELDS.match(octets)
    end = found.end() if found else 0
    return end if octets.find(b"\n", end) >= 0 else -1


def fault(octets: bytes, limits: LimitSettings) -> Reply | None:
    """Why the whole header section ``octets`` is refused, or None."""
    if len(octets) > limits.header_size:
        return too_big(limits)
    lines = octets.count(b"\r\n")
    if lines > limits.header_fields and lines - octets.count(b"\r\n ") - octets.count(b"\r\n\t") > limits.header_fields:
        return say(Key.HEADER_TOO_BIG, fault=f"more than {limits.header_fields} fields")
    if len(octets) > limits.header_field_size and any(len(field.raw) > limits.header_field_size for field in header.fields(octets)):
        return say(Key.HEADER_TOO_BIG, fault=f"a field of more than {limits.header_field_size} octets")
    hops = header.count(octets, "received")
    if hops >= limits.hops:  # 5321#6.3
        return say(Key.LOOP_DETECTED, hops=hops)
    return None


def too_big(limits: LimitSettings) -> Reply:
    """What is said when the section passes ``limits.header_size``."""
    return say(Key.HEADER_TOO_BIG, fault=f"more than {limits.header_size} octets")
