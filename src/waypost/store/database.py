"""The seam of a database: work is handed over, committed in groups, and durable when its awaitable ends. Knows no tables.

One thread per file owns the only writing connection. It takes all work that waits, runs it in one transaction, commits once
(one sync of the disk), and wakes the loop once: the sync of one batch gathers the next. No timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from waypost.store.connection import Connection

Result = TypeVar("Result")


class StoreError(Exception):
    """The store failed; nothing of the work was kept."""


class FullError(StoreError):
    """The disk is full (or the reserve is all that is left)."""


class CorruptError(StoreError):
    """The file is not what it should be: damaged, of a newer schema, or another program's. The text says what to do."""


class Database(Protocol):
    """What rooms that keep something ask for."""

    def write(self, work: Callable[[Connection], Result]) -> Awaitable[Result]:
        """Run ``work`` in the next batch; the awaitable ends after the commit is on disk. Work that raises is undone alone."""

    def read(self, work: Callable[[Connection], Result]) -> Awaitable[Result]:
        """Run ``work`` on a read-only connection, off the loop, beside the writer."""

    def close(self) -> None:
        """Commit what waits, checkpoint, close; idempotent; blocks until done."""
