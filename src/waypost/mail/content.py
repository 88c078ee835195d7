"""The content of a message as octets that can be read once more; knows not where they rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Content(Protocol):
    """Octets with CRLF line ends and no dot-stuffing, at rest somewhere."""

    @property
    def size(self) -> int:
        """Octets in all."""

    @property
    def octets(self) -> bytes | None:
        """The whole of it when it is small and at hand, else None: then read ``chunks``."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Its octets in order, in pieces of at most 256 KiB, read off the loop."""


@dataclass(frozen=True, slots=True)
class MemoryContent:
    """Content that is wholly in memory: small messages, notices, tests."""

    octets: bytes

    @property
    def size(self) -> int:
        """Octets in all."""
        return len(self.octets)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The one piece there is."""
        yield self.octets
