"""Names what blocked the loop: a thread that looks where the loop's thread stands when it has not answered for a while."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

    from waypost.clock import Clock

_FRAMES = 3
"""Innermost frames that are named."""


class Watchdog:
    """Looks once in ``seconds``; tells once per blocking."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[str], None], clock: Clock, *, seconds: float = 1.0) -> None:
        self._loop = loop
        self._tell = tell
        self._clock = clock
        self._seconds = seconds
        self._beat = clock.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._watched = threading.get_ident()

    def start(self) -> None:
        """Begin, from the loop's own thread."""
        self._watched = threading.get_ident()
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread is gone."""
        self._stop.set()
        self._thread.join()

    def _answer(self) -> None:
        self._beat = self._clock.monotonic()

    def _watch(self) -> None:
        told = False
        while not self._stop.wait(self._seconds):
            late = self._clock.monotonic() - self._beat
            if late < 2 * self._seconds:
                told = False
            elif not told:
                told = True
                self._tell(f"the loop has not answered for {late:.1f} s; it stands in {self._place()}")
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:  # the loop is closed: nothing to watch
                return

    def _place(self) -> str:
        frame: FrameType | None = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to see another thread
        if frame is None:
            return "a thread that ended"
        stack = traceback.extract_stack(frame)[-_FRAMES:]
        return " < ".join(f"{one.name} ({one.filename.rsplit('/', 1)[-1]}:{one.lineno})" for one in reversed(stack))
