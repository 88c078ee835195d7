"""What an explanation consists of: the values that reading a code, a line or a whole message gives. Knows no rule and no prose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.replies.prose import Prose


class Kind(StrEnum):
    """What was given."""

    CODE = "code"
    """A basic or enhanced code alone."""
    LINE = "line"
    """A reply, of one line or several."""
    LOG = "log"
    """A line of a mail server's log."""
    DSN = "dsn"
    """A failure report with machine-readable fields (RFC 3464)."""
    BOUNCE = "bounce"
    """A failure report in prose."""
    DELAYED = "delayed"
    """A notice that delivery is late and goes on being tried."""
    AUTO_REPLY = "auto_reply"
    """Somebody's vacation notice, a challenge, a ticket system's thanks."""
    FEEDBACK = "feedback"
    """A complaint, in the Abuse Reporting Format (RFC 5965)."""
    DELIVERED = "delivered"
    """A report of success: delivered, relayed, expanded, or read."""
    ORDINARY = "ordinary"
    """Mail that reports nothing."""


class Permanence(StrEnum):
    """Whether the same again may succeed later; its own answer, not the first digit's."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """What is refused, and so who else would be."""

    RECIPIENT = "recipient"
    MESSAGE = "message"
    SENDER = "sender"
    IP = "ip"
    DOMAIN = "domain"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One step of the trail that led to an answer."""

    rule: str
    """The rule's name, as ``google.5.7.26`` or ``mailbox-full.quota``, or ``iana.5.1.1``, ``digit``."""
    words: str
    """The words of the input that it went by, as received."""
    source: str
    """How the rule is known: rfc, iana, vendor document, observed; with a section or name."""
    sure: float
    """From 0 to 1: how sure this step alone would make one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply or log line says, before any prose is looked up."""

    code: int | None
    status: str | None
    """Enhanced status code as received (``5.7.1``), or None."""
    host: str | None
    """The host that said it, where the line tells."""
    text: str
    """The reply's text as received."""
    recipient: str | None
    category: str
    """One of the ids of ``data/registry/categories.toml``; ``unknown`` where nothing is sure enough."""
    permanence: Permanence
    because: str
    """Name of the reason where the text overrules the first digit; empty where it does not."""
    scope: Scope
    confidence: float
    """From 0 to 1."""
    evidence: tuple[Evidence, ...]
    entry: str | None
    """The record whose prose explains it best: ``google.5.7.27`` (a provider's own meaning), else None: category, then code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one recipient's failure comes to, with its explanation in one language."""

    reading: Reading
    explanation: Prose


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The answer to one input."""

    input: str
    """As given; of a message, its name (a path, or ``-``)."""
    kind: Kind
    reports: tuple[Report, ...]
    """In the order of the message; none for what reports no failure."""
