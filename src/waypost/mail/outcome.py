"""What became of a recipient in one attempt: a value, never an exception (RFC 3464 section 2.3.3 gives the words)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """The kinds of outcome."""

    DELIVERED = "delivered"
    """It rests in a mailbox, an inbox or wherever a final delivery puts it."""
    RELAYED = "relayed"
    """Another server took the responsibility."""
    DEFERRED = "deferred"
    """Not now; a later attempt may succeed."""
    FAILED = "failed"
    """Never; the sender must be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A reply that a next hop gave, code and text apart."""

    code: int
    status: str | None
    """Enhanced status code without class surprises: as heard, or None."""
    lines: tuple[str, ...]
    command: str = ""
    """What it answered: ``connect``, ``EHLO``, ``MAIL``, ``RCPT``, ``DATA``, ``end of data``..."""

    @property
    def text(self) -> str:
        """The reply as one line, as logs and notices quote it."""
        words = " ".join(self.lines)
        return f"{self.code} {self.status} {words}" if self.status else f"{self.code} {words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one recipient."""

    action: Action
    key: str
    """Reply key of the catalogue that explains it (``replies.keys.Key``)."""
    status: str
    """Enhanced status code, x.y.z, for the notice (3464#2.3.4)."""
    heard: Heard | None = None
    """What the next hop said, if it said anything."""
    next_hop: str = ""
    """``name[address]:port`` or the transport's name."""
    detail: str = ""
    """What went wrong in our own words where nobody spoke (connection refused, ...); never shown to strangers unescaped."""
    supports_dsn: bool = False
    """The next hop took over NOTIFY: then no ``relayed`` notice is owed (3461#5.2.2)."""
