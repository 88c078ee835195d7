"""The one thread that writes to a file: takes all work that waits, commits once, wakes the loop once. Knows no tables.

Natural batching: while one batch is synced to disk the next one gathers, and so does what the loop brings up in the same few turns,
so that the two threads take turns seldom; there is no timer on the path. When a batch fails,
each piece of work runs again in a savepoint of its own, so that only the guilty one fails. Checkpoints happen here too,
between batches. After a failed sync nothing is written or synced again: what the kernel kept of it is unknown (C17).
"""

from __future__ import annotations

import errno
import queue
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import apsw

from waypost.store.connection import Connection, Unusable, translated
from waypost.store.database import CorruptError, FullError, StoreError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from waypost.store.connection import Value
    from waypost.store.reserve import Reserve

Result = TypeVar("Result")

LOG_LIMIT = 4 * 1024 * 1024
"""Octets in the write-ahead log that call for a checkpoint even under load."""
IDLE = 0.2
"""Seconds without work after which the log is brought into the file."""


TURNS = 2
"""Turns of the loop for which work gathers before the thread is woken: an idle loop makes them in microseconds."""


class Work(Generic[Result]):
    """One thing to write: a function to call with the connection, or the name of a statement and its bindings."""

    __slots__ = ("after", "bindings", "call", "error", "future", "name", "result", "urgent")

    def __init__(
        self,
        future: asyncio.Future[Result],
        *,
        call: Callable[[Connection], Result] | None = None,
        name: str = "",
        bindings: Sequence[Value] = (),
        after: Callable[[Work[Result]], None] | None = None,
        urgent: bool = False,
    ) -> None:
        self.future = future
        self.call = call
        self.name = name
        self.bindings = bindings
        self.after = after
        """Called in the loop when the work is durable or has failed (``error``), before anybody who awaits it goes on, and also if
        nobody awaits it any more.
        """
        self.urgent = urgent
        """May use the reserve when the disk is full."""
        self.result: Result | None = None
        self.error: Exception | None = None

    def run(self, connection: Connection) -> None:
        """Do it alone."""
        if self.call is None:
            connection.execute(self.name, self.bindings)
        else:
            self.result = self.call(connection)

    def tell(self) -> None:
        """In the loop: finish, and hand the result to whoever awaits it."""
        if self.after is not None:
            self.after(self)
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # without a call the result is None, as its type says
        else:
            self.future.set_exception(self.error)


class Writer:
    """The thread and its connection; ``failure`` says why it writes no more, if so."""

    def __init__(
        self,
        driver: apsw.Connection,
        connection: Connection,
        path: Path,
        reserve: Reserve,
        before_commit: Callable[[], None],
    ) -> None:
        self.failure: StoreError | None = None
        self.spare = 0
        """Octets of pages within the file that are free to be written again, as of the last time that somebody looked."""
        self._driver = driver
        self._connection = connection
        self._path = path
        self._reserve = reserve
        self._before_commit = before_commit
        self._waiting: deque[Work[object]] = deque()
        self._bell: queue.SimpleQueue[bool] = queue.SimpleQueue()
        """Rung with True when there is work, with False at the end."""
        self._ringing: asyncio.AbstractEventLoop | None = None
        """The loop that will ring it in a few turns."""
        self._log = 0
        self._page = int(driver.pragma("page_size"))
        driver.set_wal_hook(self._logged)
        self._thread = threading.Thread(target=self._serve, name=f"write {path.name}", daemon=True)
        self._thread.start()

    def submit(self, work: Work[Result]) -> None:
        """Put it into the next batch. Called in the loop of the work's future."""
        self._waiting.append(work)  # type: ignore[arg-type]  # the thread asks nothing of the result
        loop = work.future.get_loop()
        if self._ringing is not loop:
            self._ringing = loop
            loop.call_soon(self._turn, loop, TURNS)

    def _turn(self, loop: asyncio.AbstractEventLoop, left: int) -> None:
        if left:
            loop.call_soon(self._turn, loop, left - 1)
            return
        self._ringing = None
        self._bell.put(True)

    def close(self) -> None:
        """Commit what waits, bring the log into the file, close the connection, end the thread."""
        self._bell.put(False)
        self._thread.join()

    def _serve(self) -> None:
        going = True
        while going:
            going, idle = self._listen()
            batch = self._gather()
            if batch:
                self._commit(batch)
                _wake(batch)
            if self._log * self._page > LOG_LIMIT or (self._log and idle):
                self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._driver.close()

    def _listen(self) -> tuple[bool, bool]:
        """Wait for the bell: whether to go on, and whether there was nothing to do for a while."""
        try:
            return (self._bell.get(timeout=IDLE) if self._log else self._bell.get()), False
        except queue.Empty:
            return True, True

    def _gather(self) -> list[Work[object]]:
        """Everything that waits."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(len(waiting))]

    def _commit(self, batch: list[Work[object]]) -> None:
        if not self._reserve.held and not self._reserve.renew(self._weigh()):
            batch = self._refuse_all_but_urgent(batch)
        error = self._attempt(batch, self._run_together)
        if isinstance(error, FullError):
            error = self._attempt_urgent(self._refuse_all_but_urgent(batch))
        elif error is not None and self.failure is None:
            error = self._attempt(batch, self._run_apart)
        if error is not None:
            for work in batch:
                work.error = work.error or error

    def _attempt_urgent(self, batch: list[Work[object]]) -> StoreError | None:
        """Do what is urgent without the rest, in the space that a checkpoint frees in the log; only when that does not suffice, on
        the space of the reserve, which is larger than the log so that a checkpoint finds room in it.
        """
        if not batch:
            return None
        self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        error = self._attempt(batch, self._run_apart)
        if isinstance(error, FullError) and self._reserve.held:
            self._reserve.give()
            self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
            error = self._attempt(batch, self._run_apart)
        return error

    def _refuse_all_but_urgent(self, batch: list[Work[object]]) -> list[Work[object]]:
        for work in batch:
            if not work.urgent:
                work.error = FullError(f"{self._path}: no space left on the disk")
        return [work for work in batch if work.urgent]

    def _attempt(self, batch: list[Work[object]], run: Callable[[list[Work[object]]], None]) -> StoreError | None:
        """One transaction over ``batch``; the error that undid it, or None. A piece of work may still fail alone."""
        if self.failure is not None or not batch:
            return self.failure
        try:
            self._driver.execute("BEGIN IMMEDIATE")
            run(batch)
            self._before_commit()
            self._driver.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed to those who await the work
            return self._undo(error)
        return None

    def _undo(self, error: Exception) -> StoreError:
        known = self._known(error)
        if isinstance(known, Unusable | CorruptError):
            self.failure = known
        if self._driver.in_transaction:
            try:
                self._driver.execute("ROLLBACK")
            except apsw.Error as second:
                self.failure = self.failure or translated(second, self._path)
        return known

    def _known(self, error: Exception) -> StoreError:
        match error:
            case StoreError():
                return error
            case apsw.Error():
                return translated(error, self._path)
            case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return FullError(f"{self._path}: no space left on the disk")
            case OSError():
                return Unusable(f"{self._path}: the disk failed ({error}). Nothing more is written to it until it is opened anew.")
            case _:
                return StoreError(f"{self._path}: {error!r}")

    def _run_together(self, batch: list[Work[object]]) -> None:
        """Run ``batch`` in order; neighbours that are the same statement go to the driver in one call."""
        connection = self._connection
        index = 0
        while index < len(batch):
            work = batch[index]
            index += 1
            if work.call is not None:
                work.result = work.call(connection)
                continue
            rows = [work.bindings]
            while index < len(batch) and batch[index].call is None and batch[index].name == work.name:
                rows.append(batch[index].bindings)
                index += 1
            connection.executemany(work.name, rows)

    def _run_apart(self, batch: list[Work[object]]) -> None:
        """Run each of ``batch`` so that only the guilty fails. Raises what undoes them all."""
        for work in batch:
            self._driver.execute("SAVEPOINT work")
            try:
                work.run(self._connection)
            except Exception as error:
                known = self._known(error)
                if isinstance(known, Unusable | CorruptError | FullError) or not self._driver.in_transaction:
                    raise
                work.error = known if isinstance(error, apsw.Error) else error
                self._driver.execute("ROLLBACK TO work")
            self._driver.execute("RELEASE work")

    def _logged(self, _driver: apsw.Connection, _name: str, pages: int) -> int:
        self._log = pages
        return apsw.SQLITE_OK

    def _checkpoint(self, mode: int) -> None:
        """Bring the log into the file; what cannot be done now (a full disk, a reader) is done another time."""
        self._log = 0
        if self.failure is not None:
            return
        try:
            self._driver.wal_checkpoint(mode=mode)
            self._weigh()
        except apsw.Error as error:
            self._undo(error)

    def _weigh(self) -> int:
        if self.failure is None:
            self.spare = int(self._driver.pragma("freelist_count")) * self._page
        return self.spare


def _wake(batch: list[Work[object]]) -> None:
    """Hand the results to the loop they were asked from, all at once."""
    loops = {work.future.get_loop() for work in batch}
    for loop in loops:
        mine = batch if len(loops) == 1 else [work for work in batch if work.future.get_loop() is loop]
        try:
            loop.call_soon_threadsafe(partial(_tell, mine))
        except RuntimeError:
            continue  # the loop is closed: nobody awaits it any more, and what was committed is committed


def _tell(batch: list[Work[object]]) -> None:
    for work in batch:
        work.tell()
