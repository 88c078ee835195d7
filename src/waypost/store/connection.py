"""One connection to an SQLite file, speaking named statements, and the border where the driver's errors become ours.

Knows the driver; knows no tables, no threads and no loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import apsw

from waypost.store.database import CorruptError, FullError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Value: TypeAlias = str | int | float | bytes | None
"""What a column can hold."""

Row: TypeAlias = "tuple[Value, ...]"

_FULL = frozenset({apsw.SQLITE_FULL, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP})
"""The shared index of the log is grown outside the pager: a full disk shows there as an input/output error."""


class Unusable(StoreError):  # noqa: N818 - it names the state of the file, and StoreError is what others catch
    """The file cannot be trusted with another write until it is opened anew."""


class Connection:
    """Runs statements by name; the prepared ones are kept by the driver."""

    __slots__ = ("_driver", "_queries")

    def __init__(self, driver: apsw.Connection, queries: Mapping[str, str]) -> None:
        self._driver = driver
        self._queries = queries

    def execute(self, name: str, bindings: Sequence[Value] = ()) -> Iterator[Row]:
        """Run the statement ``name``; its rows as they come."""
        return self._driver.execute(self._queries[name], bindings)

    def executemany(self, name: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run the statement ``name`` once for each of ``rows``; results are not read."""
        self._driver.executemany(self._queries[name], rows)

    def all(self, name: str, bindings: Sequence[Value] = ()) -> list[Row]:
        """All rows of the statement ``name``."""
        return list(self._driver.execute(self._queries[name], bindings))

    def one(self, name: str, bindings: Sequence[Value] = ()) -> Row | None:
        """The first row of the statement ``name``, or None."""
        return next(iter(self._driver.execute(self._queries[name], bindings)), None)

    def begin(self) -> None:
        """Open a transaction, so that all that is read is of one moment."""
        self._driver.execute("BEGIN")

    def end(self) -> None:
        """Close it; nothing is undone, for nothing was written."""
        self._driver.execute("ROLLBACK")

    def changes(self) -> int:
        """How many rows the last statement inserted, changed or deleted."""
        return self._driver.changes()

    def plan(self, name: str, bindings: Sequence[Value] = ()) -> list[str]:
        """How SQLite would run the statement ``name``: for tests that a search stays a search."""
        rows = self._driver.execute("EXPLAIN QUERY PLAN " + self._queries[name], bindings)
        return [str(row[3]) for row in rows]

    def trace(self, hear: Callable[[str], None] | None) -> None:
        """Let ``hear`` have every statement that runs from now on: for tests that count them."""
        self._driver.set_exec_trace(None if hear is None else lambda _cursor, sql, _bindings: hear(sql) is None)


def translated(error: apsw.Error, path: Path) -> StoreError:
    """Our error for the driver's, with a sentence that names the file and what to do."""
    code = getattr(error, "extendedresult", 0)
    if code in _FULL or isinstance(error, apsw.FullError):
        return FullError(f"{path}: no space left on the disk")
    if isinstance(error, apsw.NotADBError):
        return CorruptError(f"{path} is not a database of Waypost. Move it away, or name another folder as data.")
    if isinstance(error, apsw.CorruptError):
        return CorruptError(f"{path} is damaged ({error}). Stop the server, keep a copy, and restore it from a backup or move it away.")
    if isinstance(error, apsw.IOError):
        return Unusable(f"{path}: the disk failed ({error}). Nothing more is written to it until it is opened anew.")
    if isinstance(error, apsw.CantOpenError | apsw.PermissionsError | apsw.ReadOnlyError):
        return StoreError(f"{path} cannot be opened for writing ({error}). Check that the folder exists and belongs to the server's user.")
    return StoreError(f"{path}: {error}")
