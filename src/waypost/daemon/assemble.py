"""The only place that picks bodies for protocols: the parts of one worker, put together and taken apart. Knows no fork."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from waypost.accept.drop import Drop
from waypost.accept.gate import Gate
from waypost.accept.rules import Plan, Services
from waypost.clock import SYSTEM
from waypost.daemon.about import about
from waypost.daemon.shards import Shard, folder, open_shard, owned_by
from waypost.daemon.watchdog import Watchdog
from waypost.deliver.share import Share
from waypost.deliver.worker import Deliverer
from waypost.directory.credentials import AnyCredentials, Verifier
from waypost.directory.domains import Domains
from waypost.net.control import ControlError, ControlServer
from waypost.net.dns import CachingResolver
from waypost.net.tls import server_context
from waypost.observe.events import Observers, ServerChanged
from waypost.observe.library import bridge
from waypost.observe.lines import Lines
from waypost.observe.live import Live
from waypost.observe.log import STDERR, Log, wants_colour
from waypost.observe.settings import LogFormat, LogLevel
from waypost.operate.failing import Voice
from waypost.operate.fleet import Fleet, Remote
from waypost.operate.following import Following
from waypost.operate.operator import Operator
from waypost.operate.verbs import OperatorError
from waypost.route.route import Route
from waypost.route.settings import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from waypost.config.settings import Settings
    from waypost.daemon.worker import Work
    from waypost.deliver.settings import OutboundSettings
    from waypost.directory.credentials import Credentials
    from waypost.directory.settings import AuthSettings
    from waypost.net.dns import Resolver
    from waypost.observe.events import Observer
    from waypost.operate.verbs import Verbs
    from waypost.store.database import StoreError

_STDOUT = 1
STORE_FAILED = 74
"""Exit code of a worker whose disk failed a sync (EX_IOERR)."""


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything a worker runs."""

    settings: Settings
    dev: bool
    index: int
    observers: Observers
    log: Log | None
    """None where the screen shows conversations instead."""
    sinks: tuple[Lines, ...]
    shards: tuple[Shard, ...]
    credentials: Credentials
    operator: Operator
    gate: Gate
    drop: Drop | None
    """The first worker's alone."""
    deliverers: tuple[Deliverer, ...]
    controls: tuple[ControlServer, ...]
    watchdog: Watchdog

    async def start(self, given: Work) -> None:
        """Begin to take connections and questions. Raises OSError when a control socket cannot be made."""
        self.watchdog.start()
        for control in self.controls:
            await control.start()
        self.gate.start(list(zip(given.sockets, self.settings.listeners, strict=True)))
        if self.drop is not None:
            self.drop.start()

    def apply(self, settings: Settings) -> None:
        """New settings for what begins from now on. Only the first step can fail, so that it is all of them or none."""
        plan = _plan(settings, dev=self.dev)
        self.gate.apply(plan)
        if self.drop is not None:
            self.drop.apply(plan, settings.drop)
        for deliverer in self.deliverers:
            deliverer.apply(
                transports=settings.transports,
                outbound=_share(settings.outbound, settings.workers),
                queue=settings.queue,
                hostname=settings.hostname,
                postmaster=_postmaster(settings),
                notices=settings.notices,
            )
        self.operator.apply(queue=settings.queue, voice=voice(settings))
        self.credentials.apply(_auth(settings))
        for shard in self.shards:
            shard.apply(settings)
        if self.log is not None:
            self.log.apply(settings.log)
        self.observers.want_openings(wanted=_openings(settings, live=self.observers.always_live))
        self.settings = settings

    def flush(self) -> None:
        """Write the log lines that wait."""
        for sink in self.sinks:
            sink.close()

    async def close(self) -> None:
        """Let go of everything; idempotent."""
        for control in self.controls:
            await control.stop()
        self.watchdog.stop()
        await asyncio.to_thread(self.credentials.close)
        for shard in self.shards:
            await shard.close()
        self.flush()


async def assemble(given: Work) -> Parts:
    """Open the shards and put the parts together. Raises store.database.StoreError."""
    settings = given.settings
    observers, log, sinks = _observers(settings, live=given.dev and os.isatty(_STDOUT))
    bridge(observers.tell)
    shards = await _open_shards(given, lambda error: _store_failed(observers, sinks, error))
    credentials = await asyncio.to_thread(_credentials, settings, observers)
    services = Services(spool=shards[0].spool, credentials=credentials, history=shards[0].history, observers=observers, clock=SYSTEM)
    operator = Operator([shard.stores for shard in shards], queue=settings.queue, voice=voice(settings), clock=SYSTEM)
    plan = _plan(settings, dev=given.dev)
    gate = Gate(services, plan)
    return Parts(
        settings=settings,
        dev=given.dev,
        index=given.index,
        observers=observers,
        log=log,
        sinks=sinks,
        shards=shards,
        credentials=credentials,
        operator=operator,
        gate=gate,
        drop=Drop(settings.data, services, plan, settings.drop) if given.index == 0 else None,
        deliverers=_deliverers(settings, shards, observers),
        controls=_controls(settings, given.index, operator, Following(observers, SYSTEM), gate),
        watchdog=Watchdog(asyncio.get_running_loop(), lambda detail: _blocked(observers, detail), SYSTEM),
    )


async def _open_shards(given: Work, failed: Callable[[StoreError], None]) -> tuple[Shard, ...]:
    shards: list[Shard] = []
    try:
        for index in owned_by(given.index, given.settings.workers, given.settings.data):
            shards.append(await open_shard(given.settings, index, SYSTEM, failed=failed))  # noqa: PERF401 - what was opened is closed if the next fails
    except BaseException:
        for shard in shards:
            await shard.close()
        raise
    return tuple(shards)


def _observers(settings: Settings, *, live: bool) -> tuple[Observers, Log | None, tuple[Lines, ...]]:
    """The log; and on a terminal of the dev profile the conversations, which say more than log lines on the same screen would."""
    terminal = os.isatty(STDERR)
    told: list[Observer] = []
    sinks: list[Lines] = []
    log = None
    if live:
        sinks.append(Lines(_STDOUT))
        told.append(Live(sinks[-1].put, colour=wants_colour(_STDOUT), width=_width).tell)
    if not (live and terminal):
        sinks.append(Lines(STDERR))
        log = Log(settings.log, sinks[-1].put, SYSTEM, terminal=terminal, colour=wants_colour(STDERR), hostname=settings.hostname)
        sinks[-1].lost = log.lost
        told.append(log.tell)
    return Observers(told, live=live, openings=_openings(settings, live=live)), log, tuple(sinks)


def _openings(settings: Settings, *, live: bool) -> bool:
    """Whether sessions that were simply greeted are told of."""
    return live or settings.log.level is LogLevel.DEBUG or settings.log.format is LogFormat.POSTFIX


def _width() -> int:
    return shutil.get_terminal_size().columns


def _credentials(settings: Settings, observers: Observers) -> Credentials:
    if settings.auth.anyone:
        return AnyCredentials()
    return Verifier(settings.data, _auth(settings), SYSTEM, observers)


def _auth(settings: Settings) -> AuthSettings:
    """This worker's part of the checks of the whole host."""
    return replace(settings.auth, parallel=_part(settings.auth.parallel, settings.workers))


def _plan(settings: Settings, *, dev: bool) -> Plan:
    tls = settings.tls
    return Plan(
        hostname=settings.hostname,
        software=settings.software,
        limits=settings.limits,
        relay=settings.relay,
        directory=Domains(settings.domains, settings.hostname),
        context=server_context(tls.certificate, tls.key) if tls.certificate and tls.key else None,
        anyone=settings.auth.anyone,
        keep_all=dev,
        share=settings.workers,
    )


def _deliverers(settings: Settings, shards: tuple[Shard, ...], observers: Observers) -> tuple[Deliverer, ...]:
    """One for each shard; what a shard was adopted with counts against the limits of this worker like its own."""
    resolver = CachingResolver(settings.dns, clock=SYSTEM)
    Share(SYSTEM.monotonic)
    return tuple(_deliverer(settings, shard, observers, resolver) for shard in shards)


def _deliverer(settings: Settings, shard: Shard, observers: Observers, resolver: Resolver) -> Deliverer:
    deliverer = Deliverer(
        shard.spool,
        settings.transports,
        resolver=resolver,
        outbound=_share(settings.outbound, settings.workers),
        queue=settings.queue,
        hostname=settings.hostname,
        clock=SYSTEM,
        observers=observers,
        inbox=shard.inbox,
        history=shard.history,
        postmaster=_postmaster(settings),
        notices=settings.notices,
    )

    def rests(domain: str) -> bool:
        """Mail whose transport is ``hold`` waits for an operator from the first: no attempt needs to find that out."""
        route = deliverer.route(domain)
        return isinstance(route, Route) and route.transport.kind is Kind.HOLD

    shard.spool.rests = rests
    return deliverer


def _controls(settings: Settings, index: int, operator: Operator, following: Following, gate: Gate) -> tuple[ControlServer, ...]:
    """A socket at the shard, where its worker's conversations can be followed; the first worker's at the data directory answers for all."""
    own = ControlServer(folder(settings.data, index) / "control.sock", _answering(operator, following))
    if index != 0:
        return (own,)
    others = [Remote(folder(settings.data, other) / "control.sock") for other in range(1, settings.workers)]
    itself = partial(about, gate, settings.workers)
    return own, ControlServer(settings.data / "control.sock", _answering(Fleet([operator, *others]), itself=itself))


def _answering(verbs: Verbs, following: Following | None = None, itself: Callable[[], dict[str, Any]] | None = None) -> Any:
    async def perform(verb: str, args: dict[str, Any]) -> Any:
        if verb == "ping":
            return "here"
        if verb == "about" and itself is not None:
            return itself()
        try:
            if verb == "follow" and following is not None:
                return await following.call(args)
            return await verbs.call(verb, args)
        except OperatorError as error:
            raise ControlError(str(error)) from error

    return perform


def _share(outbound: OutboundSettings, workers: int) -> OutboundSettings:
    """This worker's part of the limits of the whole host."""
    return replace(
        outbound,
        connections=_part(outbound.connections, workers),
        destination_connections=_part(outbound.destination_connections, workers),
    )


def _part(limit: int, workers: int) -> int:
    return max(1, limit // workers)


def voice(settings: Settings) -> Voice:
    """In whose name notices are written."""
    return Voice(hostname=settings.hostname, postmaster=_postmaster(settings), notices=settings.notices)


def _postmaster(settings: Settings) -> str:
    given = settings.domains.postmaster
    return given if given and "@" in given else f"postmaster@{settings.hostname}"


def _blocked(observers: Observers, detail: str) -> None:
    observers.tell(ServerChanged(what="loop-blocked", detail=detail, severity="warning"))


def _store_failed(observers: Observers, sinks: tuple[Lines, ...], error: StoreError) -> None:
    """A shard that failed a sync must be opened anew (C17), which only a new process can do cleanly: the parent forks one."""
    observers.tell(ServerChanged(what="store-failed", detail=str(error), severity="error"))
    for sink in sinks:
        sink.close()
    os._exit(STORE_FAILED)
