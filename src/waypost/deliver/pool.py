"""Connections that wait a moment for the next message to the same next hop. Knows no message."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.deliver.hop import Hop, HopKey


class Pool:
    """Idle connections by what they are good for: next hop, TLS, name. The one used last is used first, so that few stay warm."""

    __slots__ = ("_idle", "_now")

    def __init__(self, now: Callable[[], float]) -> None:
        self._idle: dict[HopKey, deque[Hop]] = {}
        self._now = now

    def __len__(self) -> int:
        return sum(len(hops) for hops in self._idle.values())

    def take(self, key: HopKey, *, seconds: float) -> Hop | None:
        """A connection that was idle for at most ``seconds`` and on which nothing has happened since; stale ones are closed."""
        hops = self._idle.get(key)
        while hops:
            hop = hops.pop()
            if not hops:
                del self._idle[key]
            if hop.stream.quiet and self._now() - hop.idle_since <= seconds:
                return hop
            hop.stream.close()
        return None

    def give(self, hop: Hop) -> None:
        """Keep ``hop`` for the next message."""
        hop.idle_since = self._now()
        hop.stream.deadline(None)
        self._idle.setdefault(hop.key, deque()).append(hop)

    def oldest(self) -> Hop:
        """Take out the connection that has been idle longest. Raises ValueError when there is none."""
        key = min(self._idle, key=lambda each: self._idle[each][0].idle_since)
        hop = self._idle[key].popleft()
        if not self._idle[key]:
            del self._idle[key]
        return hop

    def stale(self, *, seconds: float) -> list[Hop]:
        """Take out the connections that were idle for longer than ``seconds``: somebody is to say goodbye on them."""
        before = self._now() - seconds
        gone: list[Hop] = []
        for key in list(self._idle):
            hops = self._idle[key]
            while hops and (hops[0].idle_since < before or not hops[0].stream.quiet):
                gone.append(hops.popleft())
            if not hops:
                del self._idle[key]
        return gone
