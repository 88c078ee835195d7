"""What every attempt is made with: settings, names, clocks, observers and the connections that are kept. Decides nothing."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.net.tls import client_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from waypost.clock import Clock
    from waypost.deliver.settings import OutboundSettings
    from waypost.deliver.share import Share
    from waypost.history.transcript import History
    from waypost.inbox.inbox import Inbox
    from waypost.net.dns import Resolver
    from waypost.observe.events import Observers

_REMEMBERED = 1000
"""Hosts of which something is remembered."""
UNREACHED_SECONDS = 60.0
"""How long an address that let a connection time out is tried after all others (5321#4.5.4.1)."""


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
        "random",
        "resolver",
        "share",
        "unreached",
    )

    def __init__(
        self,
        *,
        outbound: OutboundSettings,
        hostname: str,
        resolver: Resolver,
        share: Share,
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
        self.share = share
        self.clock = clock
        self.observers = observers
        self.inbox = inbox
        self.history = history
        self.random = random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._contexts: dict[tuple[bool, str | None], ssl.SSLContext] = {}
        self._unchunked: dict[str, float] = {}
        self.unreached = Unreached(clock.monotonic)

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
        _remember(self._unchunked, host, self.clock.monotonic())


class Unreached:
    """Addresses that let a connection time out a moment ago, and who is finding out whether they still do (5321#4.5.4.1)."""

    __slots__ = ("_now", "_probed", "_until")

    def __init__(self, now: Callable[[], float]) -> None:
        """``now``: monotonic seconds."""
        self._now = now
        self._until: dict[str, float] = {}
        self._probed: set[str] = set()

    def add(self, name: str) -> None:
        """Nobody answered at ``name`` until the deadline."""
        _remember(self._until, name, self._now() + UNREACHED_SECONDS)

    def discard(self, name: str) -> None:
        """Somebody did."""
        self._until.pop(name, None)

    def lately(self, name: str) -> bool:
        """Whether ``name`` is better tried last, so that not every message waits for it."""
        return bool(self._until) and self._until.get(name, 0.0) > self._now()

    def begin(self, name: str) -> bool:
        """Whether the caller may try ``name`` now: one at a time. Then ``end`` must follow."""
        if name in self._probed:
            return False
        self._probed.add(name)
        return True

    def end(self, name: str) -> None:
        """The caller has tried."""
        self._probed.discard(name)


def _remember(table: dict[str, float], name: str, value: float) -> None:
    table.pop(name, None)
    while len(table) >= _REMEMBERED:
        del table[next(iter(table))]
    table[name] = value
