"""Who may go where at once: one lane for each destination, a limit for each and one for all. Knows no connection.

Leases that found their lane full wait in it, so that a slow destination fills its own lane and nobody else's. While there is no room
for all, lanes take turns: a runner whose lane has more to do makes way for a lane that waits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from waypost.route.route import Route
from waypost.route.settings import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.deliver.share import Share
    from waypost.route.route import Unroutable
    from waypost.spool.spool import Lease

_NETWORK = frozenset({Kind.SMTP, Kind.LMTP})
AHEAD = 2
"""Leases that may wait in a lane, for each runner it may have: enough that none idles while more are fetched."""

AT_HAND = 5000
"""Leases held in memory at most, running ones and waiting ones."""
OCTETS_AT_HAND = 128 * 1024 * 1024
"""Octets of content that may wait in memory with them."""


class Job:
    """A lease with its route, and when it was taken."""

    __slots__ = ("lease", "octets", "route", "taken", "wall")

    def __init__(self, lease: Lease, route: Route | Unroutable, taken: float, wall: float) -> None:
        self.lease = lease
        self.octets = len(lease.content.octets or b"")
        """Of content in memory."""
        self.route = route
        self.taken = taken
        self.wall = wall


class Lane:
    """One destination: how many run, and who waits."""

    __slots__ = ("limit", "parked", "running")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.running = 0
        self.parked: deque[Job] = deque()


class Lanes:
    """All lanes. As a container of domains it holds those for which no further lease is wanted: ``busy`` of ``Spool.lease``."""

    __slots__ = ("_lanes", "_octets", "_plan", "_share", "_waiting", "parked", "per_destination", "running", "total")

    def __init__(self, plan: Callable[[str], Route | Unroutable], share: Share, *, total: int, per_destination: int) -> None:
        """``share`` counts for the other deliverers of this process too."""
        self._plan = plan
        self._share = share
        self._lanes: dict[str, Lane] = {}
        self._octets = 0
        self._waiting: dict[str, Lane] = {}
        """Lanes in which somebody waits, in the order of their turns."""
        self.total = total
        """Runners in all."""
        self.per_destination = per_destination
        self.running = 0
        self.parked = 0

    def __contains__(self, domain: object) -> bool:
        if not self._lanes or not isinstance(domain, str):
            return False
        lane = self._lanes.get(destination(self._plan(domain), domain))
        return lane is not None and len(lane.parked) >= lane.limit * AHEAD

    @property
    def room(self) -> int:
        """How many more leases may be taken. Far more than may run: what waits for a slow destination must not use it up."""
        return max(0, AT_HAND - self.running - self.parked) if self._octets < OCTETS_AT_HAND else 0

    def enter(self, job: Job) -> tuple[str, Lane] | None:
        """The lane in which ``job`` may run at once; None: it waits there for a runner."""
        name = destination(job.route, job.lease.domain)
        lane = self._lanes.get(name)
        limit = self._limit(job.route)
        if lane is None:
            lane = self._lanes[name] = Lane(limit)
        lane.limit = limit  # a reload may have moved it
        if self._is_open(name, lane):
            self._begin(name, lane)
            return name, lane
        if not lane.parked:
            self._waiting[name] = lane
            self._share.wait(name)
        lane.parked.append(job)
        self._octets += job.octets
        self.parked += 1
        return None

    def next(self, name: str, lane: Lane) -> Job | None:
        """What the runner of ``lane`` does next; None: nothing, or others wait longer, and it has left."""
        if lane.parked and not self._makes_way(name, lane):
            return self._take(name, lane)
        self.leave(name, lane)
        return None

    def _makes_way(self, name: str, lane: Lane) -> bool:
        """Whether limits were lowered, or what fills them has waited longer elsewhere than the next job of ``lane``."""
        share = self._share
        here, running = share.at(name), share.running
        if here > lane.limit or running > self.total:
            return True
        return (here == lane.limit and share.waiting[name] > 1) or (running == self.total and len(share.waiting) > 1)

    def leave(self, name: str, lane: Lane) -> None:
        """A runner is gone."""
        lane.running -= 1
        self.running -= 1
        self._share.give(name)
        if not lane.running and not lane.parked:
            self._lanes.pop(name, None)

    def stranded(self) -> tuple[str, Lane, Job] | None:
        """A job that waits although it could run: its lane has room again, or there is room for all again. Lanes take turns."""
        if self._share.running >= self.total:
            return None
        for name, lane in self._waiting.items():
            if self._is_open(name, lane):
                self._begin(name, lane)
                job = self._take(name, lane)
                if lane.parked:
                    self._waiting[name] = self._waiting.pop(name)  # behind the others
                return name, lane, job
        return None

    def _is_open(self, name: str, lane: Lane) -> bool:
        return self._share.running < self.total and self._share.at(name) < lane.limit

    def _begin(self, name: str, lane: Lane) -> None:
        lane.running += 1
        self.running += 1
        self._share.take(name)

    def _take(self, name: str, lane: Lane) -> Job:
        self.parked -= 1
        job = lane.parked.popleft()
        self._octets -= job.octets
        if not lane.parked:
            del self._waiting[name]
            self._share.served(name)
        return job

    def _limit(self, route: Route | Unroutable) -> int:
        if isinstance(route, Route) and route.transport.kind in _NETWORK:
            return min(self.per_destination, self.total)
        return self.total  # no connection is spared by holding back what rests on this machine


def destination(route: Route | Unroutable, domain: str) -> str:
    """By what leases are counted together."""
    return route.destination if isinstance(route, Route) else domain
