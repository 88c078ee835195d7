"""Exclusive ownership of a folder: a lock file whose holder is one process. Knows nothing of what the folder holds.

The kernel drops the lock when its holder ends, however it ends: so a crash leaves nothing to clean up.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from waypost.store.database import StoreError

if TYPE_CHECKING:
    from pathlib import Path


class LockedError(StoreError):
    """Another process owns the folder; the text names it."""


class Lock:
    """Held from construction until ``release``. Raises LockedError when another process holds it, StoreError when it cannot be made."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened ({error.strerror}). Check that the folder belongs to the server's user.") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise LockedError(f"{path.parent} is in use by process {owner}. Stop it first, or name another folder as data.") from error
        self._sign()

    def _sign(self) -> None:
        """Write who holds it; a full disk may leave it unsigned, which costs only the name in the message."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            os.ftruncate(self._descriptor, 0)

    def release(self) -> None:
        """Let go of it; idempotent. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def holder(path: Path) -> int | None:
    """The process that holds the lock, 0 where it is not known; None where nobody does. Takes nothing. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).strip()
        return int(owner) if owner.isdigit() else 0
    finally:
        os.close(descriptor)
    return None
