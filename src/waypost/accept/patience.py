"""How long a client may take: for a command, for content, for the session as a whole. Knows no connection and no octets.

The deadline of a command runs from the answer before it and is not moved by single octets; that of content grows with what comes
(RFC 5321 section 4.5.3.2), and so does the session's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.replies import Key

if TYPE_CHECKING:
    from waypost.accept.settings import LimitSettings

_GRACE = 30.0
"""Seconds of content before its rate counts."""


class Patience:
    """What one session has used of its time; all moments are monotonic seconds."""

    __slots__ = ("_began", "_came", "_limits", "_until", "_volume")

    def __init__(self, limits: LimitSettings, now: float) -> None:
        self._limits = limits
        self._until = now + limits.session_seconds
        self._began: float | None = None
        """When the content under way began."""
        self._came = self._volume = 0
        """Octets of that content, and of all content so far."""

    def came(self, octets: int) -> None:
        """So many octets of content came."""
        self._came += octets
        self._volume += octets

    def seconds(self, now: float, *, content: bool, heard: bool, busy: bool) -> float:
        """Seconds that the client has for what it says next, 0 where its time goes on running: a line is not whole yet.

        ``content``: that is what comes next; ``heard``: something whole came since the last time; ``busy``: waits are shorter.
        """
        limits = self._limits
        if content:
            if self._began is None:
                self._began, self._came = now, 0
            return max(0.001, min(limits.command_seconds, self._grace(now), self._left(now)))
        if not heard and self._began is None:
            return 0.0
        self._began = None
        seconds: float = limits.command_seconds_busy if busy else limits.command_seconds
        if now + seconds > self._until:  # seldom so late: then it is worth the division
            seconds = min(seconds, self._left(now))
        return max(0.001, seconds)

    def ended(self, now: float, *, busy: bool) -> tuple[Key, dict[str, float]]:
        """What is said, with its facts, when the deadline passed."""
        if self._left(now) <= 0:
            return Key.SESSION_TOO_LONG, {}
        if self._began is not None and self._grace(now) <= 0:
            return Key.CONTENT_TOO_SLOW, {}
        limits = self._limits
        return Key.TIMEOUT, {"seconds": limits.command_seconds_busy if busy and self._began is None else limits.command_seconds}

    def _left(self, now: float) -> float:
        """Seconds that the session may still last; content at the lowest rate that is allowed prolongs it."""
        return self._until + self._volume / self._limits.content_rate - now

    def _grace(self, now: float) -> float:
        """Seconds that content may still take to come."""
        began = now if self._began is None else self._began
        return _GRACE + self._came / self._limits.content_rate - (now - began)
