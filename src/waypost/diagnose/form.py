"""Whether a reply is well formed: code, separator, line end, length, letters, enhanced code. Knows no command and no network.

RFC 5321 sections 4.2 (form), 4.2.1 (multi-line replies) and 4.5.3.1.5 (length), RFC 2034 section 4 and RFC 3463 section 2 (enhanced codes).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.replies.records import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.diagnose.talk import Said

LINE = 512
"""Octets of a line of a reply, code and CRLF included (5321#4.5.3.1.5)."""

_CODE = re.compile(rb"([0-9]{3})(.?)", re.DOTALL)
_STATUS = re.compile(r"([0-9])\.([0-9]{1,3})\.([0-9]{1,3})(?= |$)")
_ALMOST = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)*(?= |$)")


class Flaw(StrEnum):
    """What is wrong with the form of a reply; the end of a finding's key."""

    NO_CODE = "no-code"
    """A line does not begin with three digits."""
    BAD_CODE = "bad-code"
    """Its first digit is none of 2, 3, 4 and 5."""
    NO_SPACE = "no-space"
    """Behind the code stands neither a blank nor a hyphen nor the end."""
    MIXED_CODES = "mixed-codes"
    """Its lines have different codes."""
    BARE_LF = "bare-lf"
    """A line ends with LF alone."""
    TOO_LONG = "too-long"
    NOT_ASCII = "not-ascii"
    CONTROL = "control"
    """A control character, NUL or bare CR among them."""
    UNFINISHED = "unfinished"
    """Its last line never came."""


class StatusFlaw(StrEnum):
    """What is wrong with an enhanced status code."""

    MISMATCH = "enhanced-mismatch"
    """Its class is not the first digit of the reply."""
    MALFORMED = "enhanced-malformed"
    UNREGISTERED = "enhanced-unregistered"
    MISSING = "enhanced-missing"


def flaws(said: Said) -> tuple[Flaw, ...]:
    """What is wrong with the form of a reply, each flaw once."""
    return tuple(dict.fromkeys(_flaws(said)))


def _flaws(said: Said) -> Iterator[Flaw]:
    codes = set()
    for number, line in enumerate(said.lines):
        whole = line.endswith(b"\n")
        found = _CODE.match(line)
        if found is None:
            yield Flaw.NO_CODE
        else:
            codes.add(found[1])
            if found[1][:1] not in b"2345":
                yield Flaw.BAD_CODE
            if found[2] not in (b" ", b"-", b"\r", b"\n", b""):
                yield Flaw.NO_SPACE
        if whole or number < len(said.lines) - 1:
            yield from _line_flaws(line)
    if len(codes) > 1:
        yield Flaw.MIXED_CODES
    if said.lines and said.ended:
        yield Flaw.UNFINISHED


def _line_flaws(line: bytes) -> Iterator[Flaw]:
    if not line.endswith(b"\r\n"):
        yield Flaw.BARE_LF
    if len(line) > LINE:
        yield Flaw.TOO_LONG
    text = line.rstrip(b"\r\n")
    if any(octet > 126 for octet in text):
        yield Flaw.NOT_ASCII
    if any(octet < 32 and octet != 9 for octet in text):
        yield Flaw.CONTROL


def status_flaw(said: Said, *, expected: bool) -> StatusFlaw | None:
    """What is wrong with the enhanced code of a reply; ``expected``: the server said that it gives them, and this reply should have one."""
    if said.code // 100 not in (2, 4, 5):
        return None
    text = said.texts[-1].strip()
    found = _STATUS.match(text)
    if found is None:
        absent = StatusFlaw.MALFORMED if _ALMOST.match(text) else StatusFlaw.MISSING
        return absent if expected else None
    if not expected and found[1] not in "245":
        return None  # a version or an address, not a status
    return _judged(found[1], (found[2], found[3]), said.code // 100)


def _judged(digit: str, rest: tuple[str, str], wanted: int) -> StatusFlaw | None:
    if digit not in "245" or any(len(part) > 1 and part[0] == "0" for part in rest):
        return StatusFlaw.MALFORMED
    if int(digit) != wanted:
        return StatusFlaw.MISMATCH
    return None if lookup(f"X.{rest[0]}.{rest[1]}") else StatusFlaw.UNREGISTERED
