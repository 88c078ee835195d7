"""Whether something new came: one watch on the server for all pages that are open, none where none is. Knows no page.

Captured mail is waited for; refusals are looked for once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from waypost.operate.verbs import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.clock import Clock
    from waypost.operate.verbs import Verbs

_TURN = 1.0
"""Seconds for which mail is waited for before refusals are looked for."""
_GATHER = 0.15
"""Seconds in which what comes together becomes one beat, and what several processes captured gets into its order."""


class Pulse:
    """Beats when mail came or a session was refused."""

    def __init__(self, desk: Verbs, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._beaten = asyncio.Event()
        self._begun = asyncio.Event()
        self.beats = 0
        """How often it has beaten."""

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch as long as somebody looks."""
        self._watchers += 1
        if self._task is None:
            self._begun = asyncio.Event()
            self._task = asyncio.ensure_future(self._watch())
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._task.cancel()
                self._task = None

    async def begun(self) -> None:
        """Wait until it is known what was there before: whatever comes from then on makes it beat."""
        await self._begun.wait()

    async def later(self, beats: int) -> int:
        """Wait until it has beaten more often than ``beats``; how often."""
        while self.beats <= beats:
            await self._beaten.wait()
        return self.beats

    async def _watch(self) -> None:
        since, refused = self._clock.wall(), await self._ask("refused", {"limit": 1})
        self._begun.set()
        while True:
            began = self._clock.monotonic()
            came = await self._ask("inbox.wait", {"filter": [], "after": since, "seconds": _TURN})
            newest = await self._ask("refused", {"limit": 1})
            if came is not None:
                since = came["captured"]
            if came is not None or (newest is not None and refused is not None and newest != refused):
                await asyncio.sleep(_GATHER)
                self._beat()
            refused = newest if newest is not None else refused
            if came is None and self._clock.monotonic() - began < _TURN / 2:
                await asyncio.sleep(_TURN)  # nobody answered, or not as one who waits

    async def _ask(self, verb: str, args: dict[str, Any]) -> Any:
        """What the server says; None where it does not."""
        try:
            return await self._desk.call(verb, args)
        except (OperatorError, OSError):
            return None

    def _beat(self) -> None:
        self.beats += 1
        self._beaten.set()
        self._beaten = asyncio.Event()
