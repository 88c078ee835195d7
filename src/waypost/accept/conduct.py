"""What a client does wrong, and what that costs it: answers that wait longer, and the end. Knows no connection and no reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.accept.settings import LimitSettings

_SLOWEST = 30
"""Longest delay of an answer after errors, in seconds."""


class Conduct:
    """The errors of one session, and its commands that carry no mail."""

    __slots__ = ("_errors", "_junk", "_limits", "_trusted")

    def __init__(self, limits: LimitSettings, *, trusted: bool) -> None:
        """``trusted``: only the hard limit holds."""
        self._limits = limits
        self._trusted = trusted
        self._errors = self._junk = 0

    def blame(self) -> bool:
        """Count an error; whether it has a price."""
        self._errors += 1
        return self.hopeless or (self._errors > self._limits.soft_errors and not self._trusted)

    @property
    def hopeless(self) -> bool:
        """Whether that was one error too many."""
        return self._errors >= self._limits.hard_errors

    @property
    def price(self) -> int:
        """Seconds that the next answer waits."""
        return min(self._errors - self._limits.soft_errors, _SLOWEST)

    def junk(self) -> bool:
        """Count a command that carries no mail; whether it was one too many."""
        self._junk += 1
        return self._junk > self._limits.junk_commands

    def absolve(self) -> None:
        """Mail came: what carried none is forgotten."""
        self._junk = 0
