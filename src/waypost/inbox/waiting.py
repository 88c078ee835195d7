"""Those who wait for a message: woken by the keep that brings it, in the loop that keeps. Knows no engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.inbox.search import matches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from waypost.inbox.inbox import Captured, Search


class Waiting:
    """The searches that found nothing yet."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[asyncio.Future[Captured], Search] = {}

    def came(self, captured: Captured) -> None:
        """A message was kept: hand it to whoever waits for such a one."""
        for future, wanted in self._open.items():
            if not future.done() and matches(captured, wanted):
                future.set_result(captured)

    async def wait(self, wanted: Search, seconds: float, kept: Callable[[], Awaitable[Sequence[Captured]]]) -> Captured | None:
        """The first of ``kept`` (asked once, after the watch has begun, so that nothing slips through), or what comes in time."""
        future: asyncio.Future[Captured] = asyncio.get_running_loop().create_future()
        self._open[future] = wanted
        try:
            found = await kept()
            if found:
                return found[0]
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._open[future]
