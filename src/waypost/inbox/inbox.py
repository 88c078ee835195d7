"""The seam of the inbox and the values it speaks in. Knows no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One captured message, as lists show it."""

    id: str
    """The queue id under which it was accepted."""
    captured: float
    """Wall-clock seconds."""
    envelope: Envelope
    """Of the message as accepted; ``recipients`` are those captured."""
    subject: str
    """Decoded, for people."""
    message_id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which messages are meant; all fields that are given must match."""

    ids: frozenset[str] = frozenset()
    reverse_path: str | None = None
    """The whole address or ``@domain``."""
    recipient: str | None = None
    """The whole address or ``@domain``."""
    subject: str | None = None
    """A part of it, case ignored."""
    after: float | None = None
    """Captured later than this moment (wall-clock seconds)."""
    before: float | None = None
    """Captured at this moment or earlier."""
    limit: int | None = None


class Inbox(Protocol):
    """The five methods."""

    async def keep(self, envelope: Envelope, content: Content) -> None:
        """Keep a message; durable when it returns; the same id again adds its recipients."""

    async def list(self, wanted: Search) -> Sequence[Captured]:
        """The messages that match, newest first."""

    async def open(self, id_: str) -> tuple[Captured, Content] | None:
        """One message with its content (Return-Path on top), or None."""

    async def wait(self, wanted: Search, *, seconds: float) -> Captured | None:
        """The first message that matches, kept already or coming within ``seconds``; None when none came."""

    async def delete(self, wanted: Search) -> int:
        """Delete what matches; how many."""
