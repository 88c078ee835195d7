"""Disk space set aside so that what must be recorded can be recorded when the disk is full. Knows no database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Reserve:
    """A file of ``size`` octets beside the database: given back when the disk is full, made again when there is room."""

    __slots__ = ("_path", "_size", "held")

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.held = size == 0 or self._make()
        """Whether the space is set aside at this moment; without it only urgent work is done."""

    def give(self) -> None:
        """Give the space back to the disk, for urgent work to use."""
        if self._size and self.held:
            self._path.unlink(missing_ok=True)
            self.held = False

    def renew(self, spare: int = 0) -> bool:
        """Set the space aside again where the disk has room for it. Whether there is as much: held, or on the disk and in the ``spare``
        octets within the database together, for a database gives no page back to the disk.
        """
        if self.held:
            return True
        room = self._room()
        if room > self._size:
            self.held = self._make()
        return self.held or room + spare > self._size

    def _room(self) -> int:
        try:
            found = os.statvfs(self._path.parent)
        except OSError:
            return 0
        return found.f_bavail * found.f_frsize

    def _make(self) -> bool:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(descriptor, 0, self._size)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)
        return True
