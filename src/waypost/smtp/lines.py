"""Command lines out of a stream of octets: CRLF alone ends one, none is longer than its limit, none holds what a line must not. No grammar.

RFC 5321 sections 2.3.8, 2.4 and 4.5.3.1.4. The same octets, cut anywhere, give the same lines and flaws.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SKIP = 1_048_576
"""Octets of one line that are read and thrown away before the session must end."""

_CR = 13
_LONGEST_VERB = 12
"""Octets in which the command of a long line is looked for."""


class Flaw(StrEnum):
    """Why a line is none."""

    BARE_LF = "bare-lf"
    """It ended with LF alone."""
    TOO_LONG = "too-long"
    """It is over its limit; the rest of it will be skipped."""
    CONTROL = "control"
    """It holds a bare CR, a NUL or another control character."""
    NOT_UTF8 = "not-utf8"
    """It holds octets above 127 that are no UTF-8."""
    ENDLESS = "endless"
    """More than SKIP octets came and no end of line."""


class Waiting:
    """Octets that came and that nothing has used yet: all of ``octets`` from ``at`` on. Whoever uses some moves ``at`` on."""

    __slots__ = ("at", "octets")

    def __init__(self, octets: bytes = b"") -> None:
        self.octets = octets
        self.at = 0

    def __len__(self) -> int:
        return len(self.octets) - self.at

    def add(self, octets: bytes) -> None:
        """``octets`` came; what is used already is forgotten."""
        if self.at < len(self.octets):
            octets = self.octets[self.at :] + octets
        self.octets = octets
        self.at = 0

    def take(self, number: int) -> bytes:
        """The next ``number`` octets, which are used by that."""
        begin = self.at
        self.at = begin + number
        return self.octets[begin : begin + number]

    def clear(self) -> None:
        """Forget what waits."""
        self.octets = b""
        self.at = 0


class Lines(Waiting):
    """The octets that wait, and the lines in them."""

    __slots__ = ("_skipped", "_skipping")

    def __init__(self) -> None:
        super().__init__()
        self._skipping = False
        self._skipped = 0

    def next(self, usual: int, limits: Mapping[str, int]) -> str | Flaw | None:
        """The next line without its CRLF, what is wrong with it, or None: more octets are needed.

        ``usual`` is the limit in octets, CRLF included; ``limits`` has those of commands that may be longer.
        """
        if self._skipping and not self._skip():
            return Flaw.ENDLESS if self._skipped > SKIP else None
        octets, begin = self.octets, self.at
        end = octets.find(b"\n", begin)
        length = (end if end >= 0 else len(octets)) - begin
        if length >= usual and length >= limits.get(self.verb(), usual):
            self._skipping = True
            return Flaw.TOO_LONG
        if end < 0:
            return None
        self.at = end + 1
        if not length or octets[end - 1] != _CR:
            return Flaw.BARE_LF
        line = octets[begin : end - 1]
        if not line.isascii():
            return _wide_text(line)
        text = line.decode("ascii")
        return text if text.isprintable() else Flaw.CONTROL

    def verb(self) -> str:
        """The first word of a line that is not whole yet, upper case."""
        return self.octets[self.at : self.at + _LONGEST_VERB].split(b" ", 1)[0].decode("latin-1").upper()

    def _skip(self) -> bool:
        """Throw away what has come of a line that is too long; whether its end came within bounds."""
        end = self.octets.find(b"\n", self.at)
        gone = end + 1 if end >= 0 else len(self.octets)
        self._skipped += gone - self.at
        self.at = gone
        if end < 0 or self._skipped > SKIP:
            return False
        self._skipping = False
        self._skipped = 0
        return True

    def clear(self) -> None:
        """Forget what waits."""
        super().clear()
        self._skipping = False
        self._skipped = 0


def _wide_text(line: bytes) -> str | Flaw:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return Flaw.NOT_UTF8
    return Flaw.CONTROL if any(letter < " " or letter == "\x7f" for letter in text) else text
