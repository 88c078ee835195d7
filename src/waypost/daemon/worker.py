"""One worker process: a loop, its listeners, its shards, its deliverers. Knows the parent by the link alone.

A worker is listener and deliverer in one, so that a fresh message reaches the deliverer without leaving the process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.daemon.assemble import Parts, assemble
from waypost.daemon.link import Apply, Beat, Drain, Message, Ready, Unable, receive, send
from waypost.observe.events import ServerChanged
from waypost.store.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from waypost.config.settings import Settings
    from waypost.net.control import Link
    from waypost.net.listen import Listening

_BEAT = 5.0
"""Seconds between two signs of life to the parent."""
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 100
"""Collector thresholds: sessions make few cycles, and a full collection with thousands of connections takes long."""
_UNABLE = 69
_ORPHANED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker is given by its parent."""

    settings: Settings
    dev: bool
    index: int
    sockets: tuple[Listening, ...]
    """One for each listener of the settings, in their order."""


def work(given: Work, link: Link) -> int:
    """Run until drained; the exit code. Called once, in a fresh fork."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(Worker(given, link).run())


def _loop_factory() -> Any:
    """That of uvloop where it is installed; every test passes on both."""
    if os.environ.get("WAYPOST_LOOP") == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop  # noqa: PLC0415 - optional: not on every system
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class Worker:
    """From the fork to the drain."""

    def __init__(self, given: Work, link: Link) -> None:
        self._given = given
        self._link = link
        self._draining = asyncio.Event()

    async def run(self) -> int:
        """Assemble, accept, deliver, drain. The exit code."""
        loop = asyncio.get_running_loop()
        self._link.nonblocking()
        loop.add_reader(self._link.fileno(), self._hear)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._draining.set)
        try:
            parts = await assemble(self._given)
        except StoreError as error:
            send(self._link, Unable(str(error), _UNABLE))
            return _UNABLE
        try:
            return await self._serve(parts)
        finally:
            loop.remove_reader(self._link.fileno())
            await parts.close()

    async def _serve(self, parts: Parts) -> int:
        self._parts = parts
        delivering = [self._guarded(one.run(), "deliverer") for one in parts.deliverers]
        try:
            await parts.start(self._given)
        except OSError as error:
            send(self._link, Unable(f"the control socket cannot be made: {error.strerror or error}", _UNABLE))
            return _UNABLE
        send(self._link, Ready())
        beating = asyncio.ensure_future(self._beat())
        gc.collect()
        gc.freeze()
        await self._draining.wait()
        beating.cancel()
        seconds = float(parts.settings.drain)
        for one in parts.deliverers:
            one.drain(seconds)
        if parts.drop is not None:
            await parts.drop.stop(seconds)
        await parts.gate.drain(seconds)
        await asyncio.wait(delivering)
        return 0

    def _guarded(self, running: Coroutine[Any, Any, None], name: str) -> asyncio.Future[None]:
        """Run it; a fault that ends it ends the worker, so that the parent starts a sound one."""
        task = asyncio.ensure_future(running)

        def ended(done: asyncio.Future[None]) -> None:
            if done.cancelled() or done.exception() is None:
                return
            fault = f"{name}: {done.exception()!r}"
            self._parts.observers.tell(ServerChanged(what="worker-fault", detail=fault, severity="error"))
            self._parts.flush()
            os._exit(70)

        task.add_done_callback(ended)
        return task

    async def _beat(self) -> None:
        while True:
            send(self._link, Beat())
            await asyncio.sleep(_BEAT)

    # ---- the parent's words

    def _hear(self) -> None:
        messages = receive(self._link)
        if messages is None:
            # The parent is gone: hold no port and no lock a moment longer. What is on disk is safe, what was not answered is not ours.
            os._exit(_ORPHANED)
        for message in messages:
            self._heed(message)

    def _heed(self, message: Message) -> None:
        match message:
            case Apply(settings):
                self._apply(settings)
            case Drain():
                self._draining.set()
            case _:
                pass

    def _apply(self, settings: Settings) -> None:
        try:
            self._parts.apply(settings)
        except Exception as error:  # noqa: BLE001 - the parent has judged the settings; what fails all the same must not end the mail
            detail = f"worker {self._given.index}: {error}; it goes on with the old configuration"
            self._parts.observers.tell(ServerChanged(what="reload-refused", detail=detail, severity="error"))
