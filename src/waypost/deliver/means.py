"""What every attempt is made with: settings, names, clocks, observers and the connections that are kept. Decides nothing."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.net.tls import client_context

if TYPE_CHECKING:
    import ssl

    from waypost.clock import Clock
    from waypost.deliver.pool import Pool
    from waypost.deliver.settings import OutboundSettings
    from waypost.history.transcript import History
    from waypost.inbox.inbox import Inbox
    from waypost.net.dns import Resolver
    from waypost.observe.events import Observers

_REMEMBERED = 1000
"""Hosts whose broken CHUNKING is remembered."""


class Means:
    """One for each deliverer; a reload replaces ``outbound`` and ``hostname``."""

    __slots__ = (
        "_contexts",
        "_unchunked",
        "clock",
        "history",
        "hostname",
        "inbox",
        "observers",
        "ourselves",
        "outbound",
        "pool",
        "random",
        "resolver",
    )

    def __init__(
        self,
        *,
        outbound: OutboundSettings,
        hostname: str,
        resolver: Resolver,
        pool: Pool,
        clock: Clock,
        observers: Observers,
        inbox: Inbox | None,
        history: History | None,
    ) -> None:
        self.outbound = outbound
        self.hostname = hostname
        self.ourselves: frozenset[str] = frozenset((hostname.lower(),))
        """Names under which exchangers would mean us (5321#5.1)."""
        self.resolver = resolver
        self.pool = pool
        self.clock = clock
        self.observers = observers
        self.inbox = inbox
        self.history = history
        self.random = random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._contexts: dict[tuple[bool, str | None], ssl.SSLContext] = {}
        self._unchunked: dict[str, None] = {}

    async def context(self, *, verify: bool, ca: str | None) -> ssl.SSLContext:
        """The TLS context for next hops, made once. Raises CertificateError."""
        context = self._contexts.get((verify, ca))
        if context is None:  # reads the system's authorities: off the loop
            context = await asyncio.to_thread(client_context, verify=verify, ca=Path(ca) if ca and verify else None)
            self._contexts[verify, ca] = context
        return context

    def forget_contexts(self) -> None:
        """Read certificate authorities anew."""
        self._contexts.clear()

    def chunks_with(self, host: str) -> bool:
        """Whether BDAT is used with ``host``."""
        return self.outbound.chunking and host not in self._unchunked

    def never_chunk_with(self, host: str) -> None:
        """``host`` offers CHUNKING and does not know BDAT: from now on DATA."""
        while len(self._unchunked) >= _REMEMBERED:
            del self._unchunked[next(iter(self._unchunked))]
        self._unchunked[host] = None
