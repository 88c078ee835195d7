"""What the sessions of one gate share. Knows of a session only that it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.accept.rules import Services
    from waypost.accept.session import Session
    from waypost.policy.checks.guessing import Guessing


TURN_SECONDS = 0.1
"""How long a handshake may keep others waiting."""


class Turn:
    """One handshake's turn. It is held for as long as the handshake lasts, but for TURN_SECONDS at most: a client that dawdles goes on
    by itself, and no number of them keeps others from beginning.

        await turn.come(seconds)
        with turn:
            ...
    """

    __slots__ = ("_handle", "_turns")

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._handle: asyncio.TimerHandle | None = None

    async def come(self, seconds: float) -> None:
        """Wait for it. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self._turns.acquire()
        self._handle = asyncio.get_running_loop().call_later(TURN_SECONDS, self._end)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.cancel()
            self._turns.release()


class House:
    """What the sessions of one gate share."""

    __slots__ = ("busy", "draining", "guessing", "handshakes", "left", "services")

    def __init__(self, services: Services, handshakes: int, guessing: Guessing, left: Callable[[Session], None]) -> None:
        """``handshakes``: TLS handshakes at the same time; ``left`` is told of the end of each session."""
        self.services = services
        self.guessing = guessing
        self.left = left
        self.busy = False
        """More than four fifths of all connections are taken: waits are shorter."""
        self.draining = False
        """No new transaction begins."""
        self.handshakes = asyncio.Semaphore(handshakes)
