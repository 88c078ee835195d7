"""Who may go where at once: one lane for each destination, a limit for each and one for all. Knows no connection.

Leases that found their lane full wait in it, so that a slow destination fills its own lane and nobody else's.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from waypost.route.route import Route
from waypost.route.settings import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.route.route import Unroutable
    from waypost.spool.spool import Lease

_NETWORK = frozenset({Kind.SMTP, Kind.LMTP})
AHEAD = 2
"""Leases that may wait in a lane, for each runner it may have: enough that none idles while more are fetched."""

AT_HAND = 5000
"""Leases held in memory at most, running ones and waiting ones."""


class Job:
    """A lease with its route, and when it was taken."""

    __slots__ = ("lease", "route", "taken", "wall")

    def __init__(self, lease: Lease, route: Route | Unroutable, taken: float, wall: float) -> None:
        self.lease = lease
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

    __slots__ = ("_lanes", "_plan", "parked", "per_destination", "running", "total")

    def __init__(self, plan: Callable[[str], Route | Unroutable], *, total: int, per_destination: int) -> None:
        self._plan = plan
        self._lanes: dict[str, Lane] = {}
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
        return max(0, AT_HAND - self.running - self.parked)

    def enter(self, job: Job) -> tuple[str, Lane] | None:
        """The lane in which ``job`` may run at once; None: it waits there for a runner."""
        name = destination(job.route, job.lease.domain)
        lane = self._lanes.get(name)
        limit = self._limit(job.route)
        if lane is None:
            lane = self._lanes[name] = Lane(limit)
        lane.limit = limit  # a reload may have moved it
        if lane.running < lane.limit and self.running < self.total:
            lane.running += 1
            self.running += 1
            return name, lane
        lane.parked.append(job)
        self.parked += 1
        return None

    def next(self, name: str, lane: Lane) -> Job | None:
        """What the runner of ``lane`` does next; None: nothing, and it has left."""
        if lane.parked and lane.running <= lane.limit:
            self.parked -= 1
            return lane.parked.popleft()
        self.leave(name, lane)
        return None

    def leave(self, name: str, lane: Lane) -> None:
        """A runner is gone."""
        lane.running -= 1
        self.running -= 1
        if not lane.running and not lane.parked:
            self._lanes.pop(name, None)

    def stranded(self) -> tuple[str, Lane, Job] | None:
        """A job that waits although it could run: its lane has room again, or there is room for all again."""
        if not self.parked or self.running >= self.total:
            return None
        for name, lane in self._lanes.items():
            if lane.parked and lane.running < lane.limit:
                self.parked -= 1
                lane.running += 1
                self.running += 1
                return name, lane, lane.parked.popleft()
        return None

    def _limit(self, route: Route | Unroutable) -> int:
        if isinstance(route, Route) and route.transport.kind in _NETWORK:
            return min(self.per_destination, self.total)
        return self.total  # no connection is spared by holding back what rests on this machine


def destination(route: Route | Unroutable, domain: str) -> str:
    """By what leases are counted together."""
    return route.destination if isinstance(route, Route) else domain
