"""Gathers what a check of the own server is told: by configuration, data directory, kernel and the running server. Judges nothing.

Opens no port and changes nothing; the shards of a server that is stopped are opened as ``queue list`` opens them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.clock import SYSTEM
from waypost.config.check import check
from waypost.config.problem import Severity
from waypost.daemon.about import account_name
from waypost.daemon.access import access, disk, existing, newest, synchronised
from waypost.daemon.offline import opened
from waypost.diagnose.own.facts import Door, Hop, Own, Presence, Queue, Running, Times, Trouble, Waiting
from waypost.directory.domains import ANY
from waypost.net.control import ControlError, NobodyThereError, ask
from waypost.net.held import listening
from waypost.net.listen import EVERYWHERE, ListenError, Place, parse
from waypost.operate.verbs import OperatorError
from waypost.route.settings import Kind, OutboundTls
from waypost.route.transports import TransportError, read_transport
from waypost.smtp.terms import Role, TlsMode
from waypost.spool.spool import SpoolUnavailableError
from waypost.store.database import StoreError
from waypost.store.lock import holder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from waypost.config.load import Loaded
    from waypost.config.settings import Settings
    from waypost.net.held import Held

_PATIENCE = 2.0
"""Seconds for each answer of the running server."""
_LATE = 14_400
"""Seconds after which mail is late where senders are never told."""
_MOST = 1000
"""Messages of the queue that are looked at."""
_TOLD_BETTER = frozenset({"tls", "tls.certificate", "tls.key", "data"})
"""Settings whose files are looked at by themselves."""


def gather(loaded: Loaded, *, command: str) -> Own:
    """Everything that can be known from inside. ``command``: how this server is started."""
    settings = loaded.settings
    with asyncio.Runner() as runner:
        presence, process, running = _presence(settings, runner)
        account = running.account if running is not None else _account(settings, presence)
        doors, strange, web = _doors(settings, presence, process, running)
        certificate, key = _files(loaded)
        return Own(
            hostname=settings.hostname,
            data=settings.data,
            command=command,
            dev=loaded.dev,
            account=account,
            presence=presence,
            holder=process,
            running=running,
            doors=doors,
            strange=strange,
            web=web,
            certificate=None if certificate is None else access(certificate, account, "r"),
            key=None if key is None else access(key, account, "r"),
            hops=tuple(_hops(settings, account)),
            local=tuple(name for name in settings.domains.local if name != ANY and not name.startswith("[")),
            takes_all=ANY in settings.domains.local or settings.auth.anyone,
            networks=settings.relay.networks,
            postmaster=settings.domains.postmaster or "",
            folder=access(settings.data, account, "wx"),
            shared=settings.drop.everyone,
            disk=disk(settings.data, settings.queue.free_space),
            queue=_queue(settings, presence, runner),
            patience=settings.queue.delay_notice or _LATE,
            times=Times(synchronised=synchronised(), newest=newest(settings.data)),
            troubles=tuple(_troubles(loaded)),
            wanted=settings.limits.connections,
        )


def _troubles(loaded: Loaded) -> Iterator[Trouble]:
    for problem in check(loaded):
        if problem.setting not in _TOLD_BETTER or (problem.setting == "data" and loaded.settings.data.is_file()):
            grave = problem.severity is Severity.ERROR
            yield Trouble(setting=problem.setting, says=problem.says, place=str(problem.place), grave=grave)


def _account(settings: Settings, presence: Presence) -> str:
    """As whom the server runs, or would: of one that may not be asked, the owner of its data."""
    with contextlib.suppress(OSError):
        if presence is not Presence.STOPPED:
            return account_name(settings.data.stat().st_uid)
    return settings.user if settings.user is not None and os.geteuid() == 0 else account_name(os.geteuid())


def _hops(settings: Settings, account: str) -> Iterator[Hop]:
    """Where transports lead; what cannot be read is told by the configuration's own rules."""
    for position, each in enumerate(settings.transports):
        try:
            transport = read_transport(each, f"transports.{position}")
        except TransportError:
            continue
        folder = None
        if transport.kind is Kind.MAILDIR:
            folder = access(existing(Path(transport.path.partition("{")[0])), account, "wx")
        if transport.hosts or folder is not None:
            implicit = transport.tls is OutboundTls.IMPLICIT
            match = ", ".join(transport.match)
            yield Hop(setting=f"transports.{position}", match=match, hosts=transport.hosts, implicit=implicit, folder=folder)


def _files(loaded: Loaded) -> tuple[Path | None, Path | None]:
    """Those of the configuration; in the dev profile those that the server made."""
    tls, settings = loaded.settings.tls, loaded.settings
    if tls.certificate is not None and tls.key is not None:
        return tls.certificate, tls.key
    if loaded.dev and any(listener.tls is not TlsMode.NONE for listener in settings.listeners):
        return settings.data / "tls/server.pem", settings.data / "tls/server.key"
    return None, None


# ---- the process ----------------------------------------------------------------------------------------------


def _presence(settings: Settings, runner: asyncio.Runner) -> tuple[Presence, int, Running | None]:
    """Whether the data directory is held, and what its holder says."""
    try:
        process = holder(settings.data / "lock")
    except OSError:
        return Presence.HIDDEN, 0, None
    if process is None:
        return Presence.STOPPED, 0, None
    try:
        said = runner.run(ask(settings.data / "control.sock", "about", {}, seconds=_PATIENCE))
    except ControlError as error:  # no permission; or a server that is older than this command
        older = "no verb" in str(error)
        return (Presence.RUNNING if older else Presence.HIDDEN), process, None
    except (NobodyThereError, TimeoutError, OSError):
        return Presence.MUTE, process, None
    return Presence.RUNNING, process, _running(said)


def _running(said: dict[str, Any]) -> Running:
    return Running(
        process=said["process"],
        account=said["account"],
        root=said["root"],
        places=tuple(said["listeners"]),
        descriptors=said["descriptors"],
        connections=said["connections"],
    )


# ---- ports ----------------------------------------------------------------------------------------------------


def _doors(
    settings: Settings, presence: Presence, process: int, running: Running | None
) -> tuple[tuple[Door, ...], tuple[str, ...], Door | None]:
    """The listeners; places of the running server beside them; the web's."""
    sockets = listening()
    said = list(running.places) if running is not None else []
    doors = []
    for position, listener in enumerate(settings.listeners):
        place = _place(listener.bind)
        if place is None:
            continue  # the configuration's own rules tell of it
        if not (place.port or place.path):
            place = _given(place, said, settings)
        doors.append(Door(setting=f"listeners.{position}.bind", place=place, role=listener.role, tls=listener.tls))
    strange = tuple(each for each in said if each not in {str(door.place) for door in doors})
    judged = tuple(_held(door, sockets, presence, process, said, settings) for door in doors)
    place = _place(settings.web.bind) if settings.web.bind else None
    if place is None or not place.port:
        return judged, strange, None
    web = Door(setting="web.bind", place=place, role=Role.RELAY, tls=TlsMode.NONE)
    return judged, strange, _held(web, sockets, presence, process, said, settings)


def _place(spec: str) -> Place | None:
    try:
        return parse(spec)
    except ListenError:
        return None


def _given(place: Place, said: Sequence[str], settings: Settings) -> Place:
    """The port that the running server got where any would do."""
    named = {str(_place(listener.bind)) for listener in settings.listeners}
    others = [_place(each) for each in said if each not in named]
    return next((each for each in others if each is not None and each.address == place.address), place)


def _held(door: Door, sockets: tuple[Held, ...] | None, presence: Presence, process: int, said: Sequence[str], settings: Settings) -> Door:
    """With who listens there."""
    if sockets is None:
        return replace(door, ours=str(door.place) in said)
    there = [held for held in sockets if _same(held.place, door.place)]
    if not there:
        return replace(door, bound=False)
    ours = str(door.place) in said or any(_is_ours(held, process) for held in there)
    if not ours and presence is not Presence.STOPPED and not any(_is_foreign(held, settings) for held in there):
        return door  # nobody tells whose it is: it may be ours
    return replace(door, bound=True, ours=ours, holder="" if ours else _named(there))


def _same(held: Place, wanted: Place) -> bool:
    """Whether a socket stands in the way of a listener: at its place, or at every address of its port."""
    if wanted.path or held.path:
        return held.path == wanted.path
    if held.port != wanted.port:
        return False
    if held.address == "0.0.0.0":  # noqa: S104 - compared, not bound
        return ":" not in wanted.address
    return held.address in (wanted.address, "::") or (wanted.address in EVERYWHERE and (":" in held.address) == (":" in wanted.address))


def _is_ours(held: Held, process: int) -> bool:
    """Whether the server's first process, or one that it started, holds the socket."""
    return bool(process) and any(process in (each.number, each.parent) for each in held.processes)


def _is_foreign(held: Held, settings: Settings) -> bool:
    """Whether somebody else surely holds it: a process that can be seen, or an account that is neither root nor the data's owner."""
    if held.processes:
        return True
    try:
        return held.account not in (-1, 0, settings.data.stat().st_uid)
    except OSError:
        return False


def _named(there: Sequence[Held]) -> str:
    """``nginx[812]``, or the account where the process may not be seen."""
    processes = dict.fromkeys(f"{each.name or '?'}[{each.number}]" for held in there for each in held.processes)
    accounts = dict.fromkeys(f"uid {held.account} ({account_name(held.account)})" for held in there if held.account >= 0)
    return ", ".join(processes or accounts)


# ---- the queue ------------------------------------------------------------------------------------------------


def _queue(settings: Settings, presence: Presence, runner: asyncio.Runner) -> Queue:
    """What waits, at most ``_MOST`` messages."""
    match presence:
        case Presence.RUNNING:
            return _read(runner, lambda verb, args: ask(settings.data / "control.sock", verb, args, seconds=_PATIENCE))
        case Presence.STOPPED:
            try:
                with opened(settings, runner) as offline:
                    return _read(runner, offline.call)
            except (StoreError, SpoolUnavailableError, OSError) as error:
                return Queue(unread=str(error))
        case _:
            return Queue(unread=f"{settings.data / 'control.sock'}")


def _read(runner: asyncio.Runner, call: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> Queue:
    async def pages() -> Queue:
        rows: list[dict[str, Any]] = []
        after = ""
        until = SYSTEM.monotonic() + _PATIENCE
        while len(rows) < _MOST and SYSTEM.monotonic() < until:
            page = await call("queue.list", {"filter": [], "limit": _MOST, "after": after})
            rows += page["rows"]
            after = page["after"]
            if after is None:
                return Queue(messages=tuple(map(_waiting, rows)))
        return Queue(messages=tuple(map(_waiting, rows)), more=True)

    try:
        return runner.run(pages())
    except (ControlError, OperatorError, NobodyThereError, TimeoutError) as error:
        return Queue(unread=str(error) or type(error).__name__)


def _waiting(row: dict[str, Any]) -> Waiting:
    recipients = row["recipients"]
    first: dict[str, Any] = next((each for each in recipients if each["state"] in ("deferred", "held", "queued", "leased")), {})
    return Waiting(
        arrived=row["arrived"],
        states=tuple(each["state"] for each in recipients),
        domain=first.get("domain") or "",
        reply=first.get("reply") or first.get("detail") or "",
    )
