"""Takes log lines from the loop and writes them to a file descriptor from one thread, in batches. Knows no event and no format.

The loop never waits for a reader of logs: the queue is bounded, and what does not fit is dropped and counted.
"""

from __future__ import annotations

import os
import select
import stat
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST = 65_536
"""Lines that may wait."""
GATHER = 0.05
"""Seconds in which lines gather: a wake-up of the thread costs the loop more than a line does."""
ATOMIC = 4096
"""Octets that a pipe takes in one piece, unmixed with those of other processes (PIPE_BUF)."""
_CLOSING = 5.0


class Lines:
    """A sink. Make it after the fork: a thread does not survive one."""

    __slots__ = ("_asleep", "_closed", "_fd", "_gather", "_most", "_thread", "_told", "_waiting", "_wake", "_whole", "dropped", "lost")

    def __init__(self, fd: int, *, most: int = MOST, gather: float = GATHER, lost: Callable[[int], bytes] | None = None) -> None:
        """``lost`` writes the line that tells how many were dropped; it may be set later (``Log.lost``)."""
        self._fd = fd
        self._most = most
        self._gather = gather
        self.lost = lost
        self._waiting: deque[bytes] = deque()
        self._wake = threading.Event()
        self._asleep = True
        self._closed = False
        self._told = 0
        self._whole = stat.S_ISREG(os.fstat(fd).st_mode)
        self.dropped = 0
        """Lines that found no room, or no reader."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Take a line with its LF; never blocks, never raises."""
        if len(self._waiting) >= self._most or self._closed:
            self.dropped += 1
            return
        self._waiting.append(line)
        if self._asleep:
            self._wake.set()

    def close(self) -> None:
        """Write what waits, for at most five seconds; idempotent."""
        self._closed = True
        self._wake.set()
        self._thread.join(_CLOSING)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._asleep = True
            if not self._waiting and not self._closed:
                self._wake.wait(1.0)
            self._asleep = False
            self._wake.clear()
            if not self._closed:
                pause.wait(self._gather)
            self._empty()
            if self._closed and not self._waiting:
                return

    def _empty(self) -> None:
        """Write all that waits by now."""
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        dropped = self.dropped
        if dropped > self._told and self.lost is not None:
            batch.append(self.lost(dropped - self._told))
            self._told = dropped
        for piece in self._pieces(batch):
            if not self._write(piece):
                self.dropped += piece.count(b"\n")

    def _pieces(self, batch: list[bytes]) -> Iterator[bytes]:
        """The batch as it can be written without mixing with other processes: whole into a file, in small pieces into a pipe."""
        if self._whole:
            if batch:
                yield b"".join(batch)
            return
        piece: list[bytes] = []
        size = 0
        for line in batch:
            if size + len(line) > ATOMIC and piece:
                yield b"".join(piece)
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        if piece:
            yield b"".join(piece)

    def _write(self, piece: bytes) -> bool:
        view = memoryview(piece)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                if not select.select((), (self._fd,), (), 1.0)[1] and self._closed:
                    return False
            except OSError:  # the reader is gone; the server goes on
                return False
        return True
