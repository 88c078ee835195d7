"""A database in an SQLite file (write-ahead log, every commit synced): one writer thread, readers beside it. Knows no tables."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import apsw

from waypost.store.connection import Connection, Row, Value, translated
from waypost.store.database import CorruptError, StoreError
from waypost.store.migrate import migrate
from waypost.store.queries import Schema
from waypost.store.reserve import Reserve
from waypost.store.writer import Work, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Connection", "Row", "Schema", "SqliteDatabase", "Value", "Work"]

Result = TypeVar("Result")

PAGE = 16_384
"""Octets in a page of the file: a usual message fits into one, which halves the work of keeping it (``tools/bench_spool.py``)."""
CACHE = 16 * 1024
"""KiB of pages that the writer keeps in memory."""


def _nothing() -> None:
    """What is done before a commit where nothing is to be done."""


class SqliteDatabase:
    """Keeps ``Database``. Opening blocks for some milliseconds. Raises StoreError or CorruptError with a sentence for the operator."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        *,
        readers: int = 2,
        reserve: int = 0,
        before_commit: Callable[[], None] = _nothing,
        page: int = PAGE,
    ) -> None:
        self.path = path
        self._queries = schema.queries
        self._closed = False
        self._local = threading.local()
        self._reading: list[apsw.Connection] = []
        driver = self._open(schema, page)
        held = Reserve(path.with_name(f"{path.name}.reserve"), reserve)
        self._writer = Writer(driver, Connection(driver, schema.queries), path, held, before_commit)
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix=f"read {path.name}")

    @property
    def failure(self) -> StoreError | None:
        """Why nothing more is written until the file is opened anew, or None."""
        return self._writer.failure

    @property
    def spare(self) -> int:
        """Octets within the file that can be written again without more of the disk."""
        return self._writer.spare

    def write(
        self,
        work: Callable[[Connection], Result],
        *,
        after: Callable[[Work[Result]], None] | None = None,
        urgent: bool = False,
    ) -> asyncio.Future[Result]:
        """Run ``work`` in the next batch. It may run twice: a batch that fails is undone and each piece tried alone.
        ``urgent`` work (what frees space, what must be recorded) may use the reserve of a full disk. ``after`` is called in the loop
        once it is durable or has failed, even if the future was cancelled.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        return self._submit(Work(future, call=work, after=after, urgent=urgent))

    def run(
        self, name: str, bindings: Sequence[Value], *, after: Callable[[Work[None]], None] | None = None, urgent: bool = False
    ) -> asyncio.Future[None]:
        """Run one statement in the next batch; neighbours of the same name share one call of the driver. For ``after``
        and ``urgent`` see ``write``.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return self._submit(Work(future, name=name, bindings=bindings, after=after, urgent=urgent))

    def _submit(self, work: Work[Result]) -> asyncio.Future[Result]:
        if self._closed:
            raise StoreError(f"{self.path} is closed")
        self._writer.submit(work)
        return work.future

    def read(self, work: Callable[[Connection], Result]) -> asyncio.Future[Result]:
        """Run ``work`` on a read-only connection, off the loop; all that it reads is of one moment. Work that raises
        ValueError says that it cannot read what is there: CorruptError.
        """
        if self._closed:
            raise StoreError(f"{self.path} is closed")
        return asyncio.get_running_loop().run_in_executor(self._pool, self._read, work)

    def close(self) -> None:
        """Commit what waits, bring the log into the file, close; idempotent; blocks until done."""
        if self._closed:
            return
        self._closed = True
        self._pool.shutdown()
        for driver in self._reading:
            driver.close()
        self._writer.close()

    def _open(self, schema: Schema, page: int) -> apsw.Connection:
        driver = None
        try:
            driver = apsw.Connection(str(self.path))
            driver.set_busy_timeout(5000)
            driver.pragma("page_size", page)
            driver.pragma("journal_mode", "wal")
            driver.pragma("synchronous", "full")
            driver.pragma("wal_autocheckpoint", 0)
            driver.pragma("cache_size", -CACHE)
            driver.pragma("temp_store", "memory")
            migrate(driver, schema, self.path)
        except (apsw.Error, StoreError) as error:
            if driver is not None:
                driver.close()
            raise (translated(error, self.path) if isinstance(error, apsw.Error) else error) from error
        return driver

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        connection = self._reader()
        try:
            connection.begin()
            try:
                return work(connection)
            finally:
                connection.end()
        except apsw.Error as error:
            raise translated(error, self.path) from error
        except ValueError as error:
            raise CorruptError(f"{self.path} holds what this Waypost cannot read: {error}") from error

    def _reader(self) -> Connection:
        """The read-only connection of this thread."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            driver = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
            driver.set_busy_timeout(5000)
            self._reading.append(driver)
            connection = self._local.connection = Connection(driver, self._queries)
        return connection
