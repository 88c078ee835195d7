"""The outbound loop on one page: lease, plan, attempt, report, settle. Knows no protocol and no storage engine.

A result is durable before anything else is done with it: before the connection is used again, said goodbye on, or the lease ends
(I2 in the docs). What a stop leaves unfinished is not settled at all, so that the next owner of the spool attempts it again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.deliver import settling
from waypost.deliver.attempt import all_failed
from waypost.deliver.journal import Journal
from waypost.deliver.lanes import Job, Lanes
from waypost.deliver.local import CaptureWay, DiscardWay, HoldWay
from waypost.deliver.maildir import MaildirWay
from waypost.deliver.means import Means
from waypost.deliver.network import NetworkWay
from waypost.deliver.share import Share
from waypost.replies.keys import Key
from waypost.report.settings import NoticeSettings
from waypost.route.plan import plan
from waypost.route.route import Unroutable
from waypost.route.settings import Kind
from waypost.route.transports import read_transports
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from waypost.clock import Clock
    from waypost.deliver.attempt import Attempted, Way
    from waypost.deliver.hop import Hop
    from waypost.deliver.lanes import Lane
    from waypost.deliver.settings import OutboundSettings
    from waypost.history.transcript import History
    from waypost.inbox.inbox import Inbox
    from waypost.net.dns import Resolver
    from waypost.observe.events import Observers
    from waypost.route.route import Route
    from waypost.route.settings import TransportSettings
    from waypost.spool.settings import QueueSettings
    from waypost.spool.spool import Lease, Notice, Settlement, Spool

LEASES = 256
"""Leases asked for at once."""
IDLE_WAIT = 1.0
"""Seconds one ``lease`` waits for something that is due."""
CROWDED_WAIT = 0.05
"""The same while a lane is full: it may have room again before anything new comes."""
SWEEP = 1.0
"""Seconds between looks at idle connections."""
AGAIN = 1.0
"""Seconds until the spool is asked again after it failed."""
SETTLE_SECONDS = 1.0
"""How long results that are there may take to be written once a stop has run out of patience, and goodbyes after it."""
_ROUTES = 10_000
"""Domains whose route is remembered."""


class Deliverer:
    """Delivers what one spool holds, until drained."""

    def __init__(  # noqa: PLR0913 - the joiner hands over every seam by name
        self,
        spool: Spool,
        transports: Sequence[TransportSettings],
        *,
        resolver: Resolver,
        outbound: OutboundSettings,
        queue: QueueSettings,
        hostname: str,
        clock: Clock,
        observers: Observers,
        inbox: Inbox | None = None,
        history: History | None = None,
        postmaster: str = "",
        notices: NoticeSettings | None = None,
        share: Share | None = None,
    ) -> None:
        """``outbound`` holds this process's part of host-wide limits, ``share`` what its deliverers have used of it. Raises
        TransportError for transports that cannot work.
        """
        share = share if share is not None else Share(clock.monotonic)
        self._spool = spool
        self._clock = clock
        self._means = Means(
            outbound=outbound,
            hostname=hostname,
            resolver=resolver,
            share=share,
            clock=clock,
            observers=observers,
            inbox=inbox,
            history=history,
        )
        self._journal = Journal(clock, observers, history)
        self._lanes = Lanes(self.route, share, total=outbound.connections, per_destination=outbound.destination_connections)
        self._draining = asyncio.Event()
        self._freed = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._runners: dict[asyncio.Task[None], Job] = {}
        self._settling: set[Job] = set()
        self._patience = 0.0
        self._routes: dict[str, Route | Unroutable] = {}
        self._transports = read_transports(transports)
        self._rules = _rules(queue, hostname, postmaster, notices)
        self._ways = _ways(self._means)

    # ---- what daemon calls ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until ``drain`` is called; raises nothing of its own."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._means.share.watch(self._resume)
            leasing = group.create_task(self._lease())
            sweeping = group.create_task(self._sweep())
            await self._draining.wait()
            leasing.cancel()  # what it has taken and not handed on goes back to the next owner of the spool
            sweeping.cancel()
            await self._finish()
            for hop in self._means.share.pool.stale(seconds=-1.0):
                self._part(hop)

    def drain(self, seconds: float) -> None:
        """Take no more leases and end within ``seconds``: attempts that take longer are broken off and not settled."""
        self._patience = max(seconds - 2 * SETTLE_SECONDS, seconds / 2)
        self._draining.set()

    def apply(
        self,
        *,
        transports: Sequence[TransportSettings],
        outbound: OutboundSettings,
        queue: QueueSettings,
        hostname: str,
        postmaster: str = "",
        notices: NoticeSettings | None = None,
    ) -> None:
        """New settings for attempts that begin from now on. Raises TransportError; then nothing has changed."""
        self._transports = read_transports(transports)
        self._routes.clear()
        self._rules = _rules(queue, hostname, postmaster, notices)
        self._lanes.total, self._lanes.per_destination = outbound.connections, outbound.destination_connections
        means = self._means
        means.outbound, means.hostname, means.ourselves = outbound, hostname, frozenset((hostname.lower(),))
        means.forget_contexts()
        self._resume()

    def route(self, domain: str) -> Route | Unroutable:
        """The route for ``domain`` as the settings are now."""
        route = self._routes.get(domain)
        if route is None:
            if len(self._routes) >= _ROUTES:
                self._routes.clear()
            route = self._routes[domain] = plan(domain, self._transports)
        return route

    # ---- lease ------------------------------------------------------------------------------------------------

    async def _lease(self) -> None:
        """Take what is due and there is room for, for ever."""
        lanes = self._lanes
        while True:
            if not lanes.room:
                self._freed.clear()
                await self._freed.wait()
                continue
            try:
                wait = CROWDED_WAIT if lanes.parked else IDLE_WAIT
                leases = await self._spool.lease(min(lanes.room, LEASES), lanes, wait=wait)
            except (SpoolUnavailableError, SpoolFullError):
                await asyncio.sleep(AGAIN)
                continue
            if not leases:
                await asyncio.sleep(0)  # whatever a spool does, the loop is never held
            taken, wall = self._clock.monotonic(), self._clock.wall()
            for lease in leases:
                job = Job(lease, self.route(lease.domain), taken, wall)
                entered = lanes.enter(job)
                if entered is not None:
                    self._start(*entered, job)

    def _start(self, name: str, lane: Lane, job: Job) -> None:
        if self._group is not None:
            task = self._group.create_task(self._run_lane(name, lane, job))
            self._runners[task] = job
            task.add_done_callback(self._runners.pop)

    async def _run_lane(self, name: str, lane: Lane, first: Job) -> None:
        """One job after the other, as long as the lane has any."""
        task = asyncio.current_task()
        job: Job | None = first
        try:
            while job is not None:
                if task is not None:
                    self._runners[task] = job
                await self._do(job)
                self._freed.set()
                job = None if self._draining.is_set() else self._lanes.next(name, lane)
                if job is None and self._draining.is_set():
                    self._lanes.leave(name, lane)
        except BaseException:
            self._lanes.leave(name, lane)
            raise
        self._means.share.tell()

    def _resume(self) -> None:
        """Start what waits and has room now."""
        while not self._draining.is_set() and (stranded := self._lanes.stranded()) is not None:
            self._start(*stranded)

    # ---- attempt and settle -----------------------------------------------------------------------------------

    async def _do(self, job: Job) -> None:
        started = self._clock.monotonic()
        attempted = await self._attempt(job)
        ended = self._clock.monotonic()
        now = self._clock.wall()
        self._settling.add(job)
        try:
            settled, owed = await settling.conclude(
                job.lease, attempted, self._rules, now=now, random=self._means.random.random, fault=self._journal.fault
            )
            finished = await self._settle(job.lease, settled, settling.queued(owed))
        except BaseException:
            if attempted.hop is not None:
                attempted.hop.stream.close()
            raise
        finally:
            self._settling.discard(job)
        if attempted.hop is not None:
            self._release(attempted.hop)
        connecting = min(attempted.connecting, ended - started)
        seconds = (max(0.0, job.wall - job.lease.envelope.arrived), started - job.taken, connecting, ended - started - connecting)
        if finished is not None:
            self._journal.record(job.lease, attempted, settled, owed, seconds, finished=finished)

    async def _attempt(self, job: Job) -> Attempted:
        route = self.route(job.lease.domain)  # as the settings are now: what waited in its lane may have been planned before a reload
        if isinstance(route, Unroutable):
            return all_failed(job.lease, route.key, next_hop=job.lease.domain, detail=route.detail)
        try:
            return await self._ways[route.transport.kind].attempt(job.lease, route)
        except Exception as error:  # noqa: BLE001 - a fault of ours must defer the message, not end all deliveries; it is told
            self._journal.fault(job.lease, error)
            return all_failed(job.lease, Key.DELIVERY_INTERRUPTED, next_hop=route.transport.name, detail=type(error).__name__)

    async def _settle(self, lease: Lease, settled: Sequence[Settlement], notices: Sequence[Notice]) -> bool | None:
        """Again and again until it is durable: the mail is out, and only this keeps it from going out twice.

        Whether the message left the spool with it; None: it could not be recorded at all.
        """
        while True:
            try:
                return await self._spool.settle(lease, settled, notices)
            except (SpoolUnavailableError, SpoolFullError):
                await asyncio.sleep(AGAIN)
            except Exception as error:  # noqa: BLE001 - it stays leased, so it is not sent again before a restart; it is told
                self._journal.fault(lease, error)
                return None

    # ---- connections ------------------------------------------------------------------------------------------

    def _release(self, hop: Hop) -> None:
        outbound = self._means.outbound
        if hop.session.over:
            hop.stream.close()
        elif self._draining.is_set() or not outbound.reuse_seconds or hop.messages >= outbound.connection_messages:
            self._part(hop)
        else:
            self._means.share.pool.give(hop)

    def _part(self, hop: Hop) -> None:
        if self._group is None:
            hop.stream.close()
        else:
            hop.listen(None)
            seconds = float(self._means.outbound.quit_seconds)
            self._group.create_task(hop.farewell(seconds=min(seconds, SETTLE_SECONDS) if self._draining.is_set() else seconds))

    async def _sweep(self) -> None:
        """Say goodbye on connections that nobody needed."""
        while True:
            await asyncio.sleep(SWEEP)
            for hop in self._means.share.pool.stale(seconds=self._means.outbound.reuse_seconds):
                self._part(hop)

    # ---- the end ----------------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Let attempts end in time, break off the rest; results that are there are still written down."""
        runners = self._runners
        if runners:
            await asyncio.wait(runners, timeout=self._patience)
        for task, job in list(runners.items()):
            if job not in self._settling:
                task.cancel()
        if runners:
            await asyncio.wait(runners, timeout=SETTLE_SECONDS)
        for task in list(runners):
            task.cancel()


def _ways(means: Means) -> Mapping[Kind, Way]:
    """How each kind of transport is gone."""
    network = NetworkWay(means)
    return {
        Kind.SMTP: network,
        Kind.LMTP: network,
        Kind.MAILDIR: MaildirWay(means),
        Kind.CAPTURE: CaptureWay(means),
        Kind.HOLD: HoldWay(),
        Kind.DISCARD: DiscardWay(),
    }


def _rules(queue: QueueSettings, hostname: str, postmaster: str, notices: NoticeSettings | None) -> settling.Rules:
    return settling.Rules(
        queue=queue, hostname=hostname, postmaster=postmaster or f"postmaster@{hostname}", notices=notices or NoticeSettings()
    )
