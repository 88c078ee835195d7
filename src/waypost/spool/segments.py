"""Large content at rest: files of 16 MiB, made once and used again, and which of their blocks are free. Knows no rows.

The row of a message is the truth: space that no row names is free, so nothing here needs recovery of its own (C1, C2). Octets
are written by any thread; ``sync`` is called by the thread that commits, before the commit of the rows that name them (C4).
"""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from waypost.spool.rows import Extent
from waypost.store.folder import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

BLOCK = 65_536
"""Octets in a block."""
BLOCKS = 256
"""Blocks in a segment."""
SEGMENT = BLOCK * BLOCKS
SPARE = 4
"""Segments wholly free that are kept for the next large messages; more are deleted at start."""
PIECE = 262_144
"""Octets read at once."""
_ALL = (1 << BLOCKS) - 1


class Stream:
    """Content on its way into segments: where it is and how much there is."""

    __slots__ = ("extents", "length", "room")

    def __init__(self) -> None:
        self.extents: list[Extent] = []
        self.length = 0
        """Octets written."""
        self.room = 0
        """Octets that the extents hold."""


class Segments:
    """The segment files of a shard, and the two threads that stream into and out of them."""

    def __init__(self, folder: Path) -> None:
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="segments")
        self._folder = folder
        self._lock = threading.Lock()
        self._growing = threading.Lock()
        self._free: dict[int, int] = {}
        """For each segment with free blocks a number whose set bits are those."""
        self._files: dict[int, int] = {}
        """Descriptors of the segments written to by this process: what was written through one is synced through the same."""
        self._unsynced: set[int] = set()
        self._last = 0

    def open(self, used: Iterable[Sequence[Extent]]) -> None:
        """Learn which blocks are free, ``used`` being the extents that rows name; delete what is spare beyond need."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._free = {int(path.stem): _ALL for path in self._folder.glob("*.segment") if path.stem.isdigit()}
        self._last = max(self._free, default=0)
        for extents in used:
            for extent in extents:
                self._free[extent.segment] = self._free.get(extent.segment, 0) & ~_mask(extent)
        empty = sorted(segment for segment, free in self._free.items() if free == _ALL)
        for segment in empty[SPARE:]:
            self._path(segment).unlink(missing_ok=True)
            del self._free[segment]
        self._free = {segment: free for segment, free in self._free.items() if free}

    def close(self) -> None:
        """End the threads and close the files."""
        self.pool.shutdown()
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    @property
    def free_blocks(self) -> int:
        """Blocks free in the segments that exist."""
        with self._lock:
            return sum(free.bit_count() for free in self._free.values())

    def append(self, stream: Stream, octets: bytes, *, at: int) -> None:
        """Write ``octets`` at the offset ``at`` of ``stream``, taking blocks as needed. Raises OSError (ENOSPC when full)."""
        end = at + len(octets)
        if end > stream.room:
            blocks = -(-(end - stream.room) // BLOCK)
            stream.extents += self._allocate(blocks)
            stream.room += blocks * BLOCK
        view = memoryview(octets)
        for extent, skip, length in _places(stream.extents, at, len(octets)):
            self._write(extent.segment, view[:length], extent.start * BLOCK + skip)
            view = view[length:]
        stream.length = end

    def touch(self, stream: Stream) -> None:
        """Have the next ``sync`` make ``stream`` durable. Called by the thread that commits."""
        self._unsynced.update(extent.segment for extent in stream.extents)

    def sync(self) -> None:
        """Make durable what was touched. Raises OSError; then it must not be tried again: the kernel forgets what failed (C17)."""
        while self._unsynced:
            os.fdatasync(self._descriptor(self._unsynced.pop()))

    def free(self, extents: Iterable[Extent]) -> None:
        """Give blocks back; only when no durable row names them any more."""
        with self._lock:
            for extent in extents:
                self._free[extent.segment] = self._free.get(extent.segment, 0) | _mask(extent)

    def read(self, extents: Sequence[Extent], at: int, length: int) -> bytes:
        """``length`` octets from the offset ``at`` of the content in ``extents``. Raises OSError; EOFError when the file is too short."""
        pieces = []
        for extent, skip, count in _places(extents, at, length):
            descriptor = os.open(self._path(extent.segment), os.O_RDONLY | os.O_CLOEXEC)
            try:
                pieces.append(os.pread(descriptor, count, extent.start * BLOCK + skip))
            finally:
                os.close(descriptor)
            if len(pieces[-1]) != count:
                raise EOFError(f"{self._path(extent.segment)} is shorter than its messages say")
        return b"".join(pieces)

    def _allocate(self, blocks: int) -> list[Extent]:
        found: list[Extent] = []
        try:
            while blocks:
                extent = self._take(blocks)
                if extent is None:
                    self._grow()
                else:
                    found.append(extent)
                    blocks -= extent.length
        except OSError:
            self.free(found)
            raise
        return found

    def _take(self, most: int) -> Extent | None:
        """The first run of at most ``most`` free blocks, or None when nothing is free."""
        with self._lock:
            if not self._free:
                return None
            segment, free = next(iter(self._free.items()))
            start = (free & -free).bit_length() - 1
            rest = free >> start
            run = (~rest & (rest + 1)).bit_length() - 1
            extent = Extent(segment, start, min(run, most))
            free &= ~_mask(extent)
            if free:
                self._free[segment] = free
            else:
                del self._free[segment]
            return extent

    def _grow(self) -> None:
        """Make one segment more: its blocks reserved and its name made durable."""
        with self._growing:
            if self._free:
                return
            number = self._last + 1
            path = self._path(number)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _reserve(descriptor)
                sync_folder(self._folder)
            except OSError:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
            with self._lock:
                self._files[number] = descriptor
                self._free[number] = _ALL
                self._last = number

    def _write(self, segment: int, view: memoryview, offset: int) -> None:
        descriptor = self._descriptor(segment)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view = view[written:]
            offset += written

    def _descriptor(self, segment: int) -> int:
        with self._lock:
            descriptor = self._files.get(segment)
            if descriptor is None:
                descriptor = self._files[segment] = os.open(self._path(segment), os.O_RDWR | os.O_CLOEXEC)
            return descriptor

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:08}.segment"


def _mask(extent: Extent) -> int:
    return ((1 << extent.length) - 1) << extent.start


def _places(extents: Sequence[Extent], at: int, length: int) -> Iterator[tuple[Extent, int, int]]:
    """Where the ``length`` octets from ``at`` on are: extent, offset in it, octets."""
    begin = 0
    for extent in extents:
        size = extent.length * BLOCK
        if length and begin <= at < begin + size:
            count = min(length, begin + size - at)
            yield extent, at - begin, count
            at += count
            length -= count
        begin += size


def _reserve(descriptor: int) -> None:
    """Give the file its blocks, so that writing into it later needs no room on the disk. Raises OSError (ENOSPC when full).

    Not by writing zeros, where the system has another way: while the queue grows that would be every octet twice.
    """
    try:
        os.posix_fallocate(descriptor, 0, SEGMENT)
    except (AttributeError, OSError) as error:  # macOS has no such call, and some file systems refuse it
        if isinstance(error, OSError) and error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        _fill(descriptor)
    os.fsync(descriptor)


def _fill(descriptor: int) -> None:
    zeros = bytes(1 << 20)
    written = 0
    while written < SEGMENT:
        written += os.pwrite(descriptor, zeros[: SEGMENT - written], written)
