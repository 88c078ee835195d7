"""Content at rest in the spool, read again: from a segment, or from wherever a message's row says. Knows no SQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.spool.segments import PIECE
from waypost.spool.spool import SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from waypost.mail.content import Content
    from waypost.spool.rows import Extent
    from waypost.spool.segments import Segments


class SegmentContent:
    """Keeps ``Content`` for large content; valid while its message cannot be forgotten (leased, or being read by the spool)."""

    __slots__ = ("_segments", "extents", "size")

    def __init__(self, segments: Segments, size: int, extents: Sequence[Extent]) -> None:
        self.size = size
        self.extents = extents
        self._segments = segments

    @property
    def octets(self) -> bytes | None:
        """Never at hand."""
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its octets in order, read off the loop. Raises SpoolUnavailableError when the disk does not give them."""
        loop = asyncio.get_running_loop()
        for at in range(0, self.size, PIECE):
            length = min(PIECE, self.size - at)
            try:
                yield await loop.run_in_executor(self._segments.pool, self._segments.read, self.extents, at, length)
            except (OSError, EOFError) as error:
                raise SpoolUnavailableError(f"content cannot be read: {error}") from error


class FoundContent:
    """Keeps ``Content`` for a message that ``find`` showed: its octets are sought when asked for; they may be gone by then."""

    __slots__ = ("_done", "_open", "size")

    def __init__(self, size: int, open_: Callable[[], Awaitable[Content | None]], done: Callable[[], None]) -> None:
        self.size = size
        self._open = open_
        self._done = done

    @property
    def octets(self) -> bytes | None:
        """Never at hand."""
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its octets in order. Raises SpoolUnavailableError when the message left the spool meanwhile."""
        try:
            content = await self._open()
            if content is None:
                raise SpoolUnavailableError("the message is no longer in the spool")
            async for piece in content.chunks():
                yield piece
        finally:
            self._done()
