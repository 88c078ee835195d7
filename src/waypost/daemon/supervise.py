"""The parent: holds the sockets, keeps the workers running, passes on reload and drain. Reads no octet of a stranger, runs no loop.

A worker that dies is forked anew from this clean, single-threaded process; its sockets stay open here meanwhile, so no client is
refused. A worker whose parent dies sees its link close and ends at once, so no orphan keeps a port.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, assert_never

from waypost.daemon.link import Apply, Beat, Drain, Message, Ready, Unable, receive, send
from waypost.net.control import Link
from waypost.net.notify import notify, watchdog_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from waypost.clock import Clock
    from waypost.config.settings import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a worker that died without ever being ready is forked again, by how often that happened in a row. One that had been
ready is replaced at once, however often: its clients wait in the backlog meanwhile."""
_GRACE = 2.0
"""Seconds past the drain after which a worker is killed."""
_BEAT_LOST = 30.0
"""Seconds without a beat after which the service supervisor is no longer told that all is well."""


@dataclass(slots=True, eq=False)
class Child:
    """One process of ours, or the place for one."""

    name: str
    run: Callable[[Link], int]
    """Called in the fork; its result is the exit code."""
    carries_mail: bool = True
    """A worker. Whatever else runs beside the workers keeps no mail waiting: the server is ready and sound without it."""
    pid: int = 0
    link: Link | None = None
    ready: bool = False
    failures: int = 0
    beat: float = 0.0
    again_at: float | None = None


@dataclass(slots=True)
class Plan:
    """What the parent needs to know and to call; everything else is the workers'."""

    workers: int
    drain: Callable[[], float]
    """Seconds that a drain may take, as the configuration has it now."""
    run_worker: Callable[[int, Link], int]
    """Called in the fork with the worker's index and its end of the link; its result is the worker's exit code."""
    reload: Callable[[], Settings | None]
    """Read and judge the configuration; None when the old one stays (the reason was told)."""
    tell: Callable[[str, str, str], None]
    """what, detail, severity: becomes a log line."""
    announce: Callable[[], None]
    """Said once, when every worker accepts."""
    clock: Clock
    beside: Mapping[str, Callable[[Link], int]] = field(default_factory=dict)
    """What runs beside the workers, by name, each in a process of its own; called like ``run_worker``."""
    hung_up: Callable[[], bool] = lambda: False
    """Whether the terminal that the server was started on is gone: then SIGHUP is no wish for a reload."""


class Supervisor:
    """Runs a plan until it is told to stop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._now = plan.clock.monotonic
        self._workers = [Child(f"worker {index}", partial(plan.run_worker, index)) for index in range(plan.workers)]
        self._children = [*self._workers, *(Child(name, run, carries_mail=False) for name, run in plan.beside.items())]
        self._selector = selectors.DefaultSelector()
        self._stop_at: float | None = None
        self._code = 0
        self.failure = ""
        """Why the server could not start at all; the exit code says of which kind that is."""
        self._announced = False
        self._wake_read, self._wake_write = os.pipe()
        self._watchdog = watchdog_seconds()
        self._dog_at = 0.0

    def run(self) -> int:
        """Until drained; the exit code of ``serve``."""
        self._listen_to_signals()
        for child in self._children:
            self._fork(child)
        while not self._done():
            self._turn()
        return self._code

    # ---- one turn

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._pause()):
            if key.data is None:
                self._signals(os.read(self._wake_read, 512))
            else:
                self._hear(key.data)
        self._start_again()
        self._kill_late()
        self._feed_dog()

    def _pause(self) -> float:
        moments = [child.again_at for child in self._children if child.again_at is not None]
        if self._stop_at is not None:
            moments.append(self._stop_at)
        if self._watchdog:
            moments.append(self._dog_at)
        return max(0.0, min(moments) - self._now()) if moments else 60.0

    def _done(self) -> bool:
        return self._stop_at is not None and not any(child.pid for child in self._children)

    # ---- signals

    def _listen_to_signals(self) -> None:
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)

    def _signals(self, numbers: bytes) -> None:
        for number in set(numbers):
            match number:
                case signal.SIGTERM | signal.SIGINT:
                    self._drain()
                case signal.SIGHUP if self._plan.hung_up():
                    self._drain()
                case signal.SIGHUP:
                    self._reload()
                case signal.SIGCHLD:
                    self._reap()
                case _:
                    pass

    def _drain(self) -> None:
        if self._stop_at is not None:
            return
        notify("STOPPING=1")
        if not self.failure:
            self._plan.tell("draining", f"up to {self._plan.drain():g} s", "info")
        self._stop_at = self._now() + self._plan.drain() + _GRACE
        for child in self._children:
            child.again_at = None
            if child.link is not None:
                send(child.link, Drain())

    def _reload(self) -> None:
        if self._stop_at is not None:
            return
        notify("RELOADING=1", f"MONOTONIC_USEC={int(self._now() * 1_000_000)}")
        settings = self._plan.reload()
        if settings is not None:
            for child in self._children:
                if child.link is not None:
                    send(child.link, Apply(settings))
            self._plan.tell("reloaded", "configuration and certificates", "info")
        notify("READY=1")

    # ---- children

    def _fork(self, child: Child) -> None:
        ours, theirs = Link.pair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            os._exit(self._become(child, theirs))
        theirs.close()
        ours.nonblocking()
        child.pid, child.link, child.ready = pid, ours, False
        child.beat = self._now()
        child.again_at = None
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _become(self, child: Child, link: Link) -> int:
        """In the fork: keep nothing of the parent's but the sockets that the plan holds."""
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        for other in self._children:
            if other.link is not None:
                other.link.close()
        return child.run(link)

    def _hear(self, child: Child) -> None:
        if child.link is None:
            return
        messages = receive(child.link)
        if messages is None:
            self._forget_link(child)
            return
        for message in messages:
            self._heed(child, message)

    def _heed(self, child: Child, message: Message) -> None:
        match message:
            case Ready():
                child.ready, child.beat = True, self._now()
                self._announce()
            case Beat():
                child.beat = self._now()
            case Unable(says, code):
                self._unable(child, says, code)
            case Apply() | Drain():
                pass  # the parent's own words
            case _:
                assert_never(message)

    def _unable(self, child: Child, says: str, code: int) -> None:
        """A worker that cannot start ends the server when it never ran; a later one is tried again, and so is what carries no mail."""
        if self._announced or not child.carries_mail:
            self._plan.tell("worker-unable", says, "error")
            child.failures += 1
        elif not self.failure:
            self.failure, self._code = says, code
            self._drain()

    def _announce(self) -> None:
        if self._announced or not all(child.ready for child in self._workers):
            return
        self._announced = True
        self._plan.announce()
        notify("READY=1", f"STATUS=accepting with {len(self._workers)} worker(s)")

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children:
                if child.pid == pid:
                    self._lost(child, os.waitstatus_to_exitcode(status))

    def _lost(self, child: Child, code: int) -> None:
        if child.link is not None:
            self._hear(child)  # its last words
        self._forget_link(child)
        child.failures = 0 if child.ready else child.failures + 1
        pid, child.pid, child.ready = child.pid, 0, False
        if self._stop_at is not None:
            self._code = self._code or (max(code, 0) if child.carries_mail else 0)
            return
        pause = _PAUSES[min(max(child.failures - 1, 0), len(_PAUSES) - 1)]
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._plan.tell("worker-lost", f"{child.name} (pid {pid}) ended by {how}; the next starts in {pause:g} s", "error")
        child.again_at = self._now() + pause

    def _forget_link(self, child: Child) -> None:
        if child.link is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(child.link)
            child.link.close()
            child.link = None

    def _start_again(self) -> None:
        for child in self._children:
            if child.again_at is not None and child.again_at <= self._now() and self._stop_at is None:
                self._fork(child)

    def _kill_late(self) -> None:
        if self._stop_at is None or self._now() < self._stop_at:
            return
        for child in self._children:
            if child.pid:
                self._plan.tell("worker-killed", f"{child.name} did not drain in time", "warning")
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
        self._stop_at = self._now() + 1.0

    def _feed_dog(self) -> None:
        if not self._watchdog or self._now() < self._dog_at:
            return
        self._dog_at = self._now() + self._watchdog
        if all(self._now() - child.beat < _BEAT_LOST for child in self._workers):
            notify("WATCHDOG=1")
