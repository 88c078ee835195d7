"""What the sessions of one gate share. Knows no session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.accept.rules import Services


class House:
    """What the sessions of one gate share."""

    __slots__ = ("busy", "draining", "handshakes", "services")

    def __init__(self, services: Services, handshakes: int) -> None:
        """``handshakes``: TLS handshakes at the same time."""
        self.services = services
        self.busy = False
        """More than four fifths of all connections are taken: waits are shorter."""
        self.draining = False
        """No new transaction begins."""
        self.handshakes = asyncio.Semaphore(handshakes)
