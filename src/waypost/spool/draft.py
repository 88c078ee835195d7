"""Content on its way in: small content gathers in memory, large content goes to segments as it comes. Knows no rows.

At most about 256 KiB of a draft are in memory, and 64 KiB once all drafts together pass their budget; what is more waits for
the disk, and its writer with it. ``tools/bench_memory.py`` shows what a worker weighs that way when hundreds send at once.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

from waypost.spool.segments import Stream
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.spool.segments import Segments

SMALL = 65_536
"""Octets of content up to which it lies in the row of its message."""
WINDOW = 262_144
"""Octets of one draft in memory beyond which it streams to disk."""
BUDGET = 16_777_216
"""Octets of all drafts in memory beyond which every large draft streams at once."""
MOST = 4 * BUDGET
"""Octets of all drafts in memory beyond which no new one is begun."""
INODES = 64
"""Files that must still be possible on the disk: the database needs a few to be opened again."""


class Room:
    """Whether there is room for one message more, on the disk and in memory."""

    __slots__ = ("_checked", "_clock", "_folder", "_free", "_spare", "least", "used")

    def __init__(self, folder: Path, least: int, clock: Clock, spare: Callable[[], int] = int) -> None:
        self.least = least
        """Octets that must stay free on the disk."""
        self.used = 0
        """Octets of drafts in memory."""
        self._folder = folder
        self._clock = clock
        self._spare = spare
        self._checked = float("-inf")
        self._free = 0

    def demand(self, expect: int) -> None:
        """Raises SpoolFullError when there is no room for ``expect`` octets more. The disk is asked once a second."""
        now = self._clock.monotonic()
        if now - self._checked >= 1:
            free = _free(self._folder)
            # What the spool holds of the disk and does not use is room too: databases and segments give nothing back.
            self._free = free if free < 0 else free + self._spare()
            self._checked = now
        if self._free < max(self.least, expect + expect // 2):
            raise SpoolFullError("the disk of the spool is nearly full")
        if self.used > MOST:
            raise SpoolFullError("too much content is on its way in at once")

    def forget(self) -> None:
        """Ask the disk anew next time."""
        self._checked = float("-inf")


def _free(folder: Path) -> int:
    """Octets free for us on the disk of ``folder``; none when it can hold no more files."""
    found = os.statvfs(folder)
    if found.f_files and found.f_favail < INODES:
        return -1
    return found.f_bavail * found.f_frsize


class SqliteDraft:
    """Keeps ``Draft`` for the SQLite spool."""

    __slots__ = ("_closed", "_error", "_flush", "_held", "_parts", "_room", "_segments", "size", "stream")

    def __init__(self, segments: Segments, room: Room) -> None:
        self.size = 0
        self.stream: Stream | None = None
        """Where its content is, once a part of it went to disk."""
        self._segments = segments
        self._room = room
        self._parts: list[bytes] = []
        self._held = 0
        self._flush: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._closed = False

    def write(self, octets: bytes) -> bool:
        """Take ``octets``; False when the disk is behind."""
        if self._error is not None:
            raise self._error
        length = len(octets)
        self._parts.append(octets)
        self.size += length
        self._held += length
        self._room.used += length
        if self._held <= SMALL:
            return True
        if self._flush is None and self._held > self._window:
            self._begin()
        return self._flush is None or self._held <= self._window

    async def drain(self) -> None:
        """Return when less than a window waits in memory."""
        while self._flush is not None and self._held > self._window:
            await asyncio.wait({self._flush})
        if self._error is not None:
            raise self._error

    async def finish(self) -> None:
        """Return when nothing is being written any more."""
        while self._flush is not None:
            await asyncio.wait({self._flush})
        if self._error is not None:
            raise self._error

    def rest(self) -> bytes:
        """What is still in memory: all of it when nothing went to disk. From now on it is the caller's."""
        octets = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = []
        self._room.used -= self._held
        self._held = 0
        self._closed = True
        return octets

    def begun(self) -> Stream:
        """Where the rest of it goes."""
        if self.stream is None:
            self.stream = Stream()
        return self.stream

    def discard(self) -> None:
        """Forget everything; idempotent. Blocks in use by a write under way are freed when it ends."""
        if not self._closed:
            self.rest()
        if self._flush is None and self.stream is not None:
            self._segments.free(self.stream.extents)
            self.stream = None

    def keep(self) -> None:
        """Its blocks belong to the spool now: ``discard`` frees nothing any more."""
        self.stream = None

    @property
    def _window(self) -> int:
        return WINDOW if self._room.used <= BUDGET else SMALL

    def _begin(self) -> None:
        """Write what is in memory to disk, off the loop."""
        octets = b"".join(self._parts)
        self._parts = []
        loop = asyncio.get_running_loop()
        segments, stream = self._segments, self.begun()
        self._flush = loop.run_in_executor(segments.pool, lambda: segments.append(stream, octets, at=stream.length))
        self._flush.add_done_callback(lambda done: self._end(done, len(octets)))

    def _end(self, done: asyncio.Future[None], length: int) -> None:
        self._flush = None
        if error := done.exception():
            self._error = understood(error)
        if not self._closed:
            self._held -= length
            self._room.used -= length
            if self._error is None and self._held > self._window:
                self._begin()
        elif self.stream is not None:
            self._segments.free(self.stream.extents)
            self.stream = None


def understood(error: BaseException) -> Exception:
    """Our error for one of the disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SpoolFullError("no space left on the disk of the spool")
    return SpoolUnavailableError(str(error))
