"""A conversation as it is kept, and the seam of what keeps it. No content, no secrets: AUTH is redacted before it comes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

BOUND = 65_536
"""Octets kept of one conversation; what comes after is counted, not kept."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said."""

    after: float
    """Seconds since the conversation began."""
    from_client: bool
    octets: bytes
    """As on the wire, CRLF included; ``<content: 5120 octets>`` stands for content, ``<redacted>`` for secrets."""
    key: str = ""
    """Reply key, where it is a reply of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One conversation."""

    session: str
    """Its id."""
    began: float
    """Wall-clock seconds."""
    outbound: bool
    """Whether we were the client."""
    peer: str
    """Address and port of the other side."""
    helo: str
    tls: str
    account: str
    messages: tuple[str, ...]
    """Queue ids that it brought or carried."""
    refused: str
    """Key of the last refusal, or empty."""
    lines: tuple[Line, ...]
    omitted: int = 0
    """Octets that the bound left out."""


class History(Protocol):
    """What keeps transcripts."""

    def keep(self, transcript: Transcript) -> None:
        """Keep it soon, not durably before return: history never delays mail. Never raises."""

    async def read(self, session: str) -> Transcript | None:
        """The conversation of that id, or None when it was not kept or has aged out."""

    async def recent(self, *, refused: bool, limit: int) -> Sequence[Transcript]:
        """The newest first; ``refused``: only those that ended in a refusal."""

    async def about(self, message: str) -> Sequence[Transcript]:
        """The conversations that brought or carried the message of that queue id, oldest first."""
