"""How often one client may ask for what costs: tokens that come back with time. Pure but for the clock it is given."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_KNOWN = 4096
"""Clients remembered; the one that asked longest ago is forgotten first."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rate:
    """At most ``burst`` at once, and ``burst`` in ``seconds`` after that, for each client."""

    def __init__(self, burst: int, seconds: float, now: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = burst / seconds
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> bool:
        """Whether ``client`` may ask now."""
        now = self._now()
        bucket = self._buckets.pop(client, None) or _Bucket(float(self._burst), now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        allowed = bucket.tokens >= 1
        if allowed:
            bucket.tokens -= 1
        self._buckets[client] = bucket
        if len(self._buckets) > _KNOWN:
            self._buckets.popitem(last=False)
        return allowed
