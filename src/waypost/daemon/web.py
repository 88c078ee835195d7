"""The process of the web: serves pages on one socket and asks the workers by the control socket. Opens no store and knows no page.

It is a process of its own so that workers load nothing of it and a fault in it reaches no mail; the inbox is given to the application
only where nobody but this machine can connect: elsewhere there is nothing that could be shown by mistake.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from waypost.clock import SYSTEM
from waypost.daemon.link import Apply, Drain, Ready, receive, send
from waypost.net.listen import parse, place_of
from waypost.observe.library import bridge
from waypost.observe.log import Printer
from waypost.operate.fleet import Remote
from waypost.smtp.terms import Role, TlsMode
from waypost.web.app import Given, make
from waypost.web.check.gate import Rules
from waypost.web.check.runs import Checks, Plan
from waypost.web.security import Hosts
from waypost.web.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

    from waypost.accept.settings import ListenerSettings
    from waypost.config.settings import Settings
    from waypost.net.control import Link
    from waypost.net.listen import Listening
    from waypost.observe.events import ServerChanged
    from waypost.observe.log import Log

_NICE = 5
"""How much the process stands back: mail goes first on a busy machine."""
_ORPHANED = 1


def web(settings: Settings, listener: Listening, link: Link) -> int:
    """Serve until drained; the exit code. Called once, in a fresh fork."""
    os.nice(_NICE)
    log = Printer(settings.log, hostname=settings.hostname)
    bridge(log.tell)
    known = given(settings, listener, log.tell)
    app = make(known)
    gc.collect()
    gc.freeze()
    with asyncio.Runner() as runner:
        runner.run(_Web(app, listener, link, known.ending, log).run())
    return 0


def given(settings: Settings, listener: Listening, tell: Callable[[ServerChanged], None] = lambda _: None) -> Given:
    """What the application may know; mail only for a socket that this machine alone can reach, and if the operator wants that.

    ``tell`` takes what the log shall know.
    """
    local = place_of(listener).is_loopback
    url = settings.web.url.rstrip("/")
    named = {name.lower() for name in (*settings.web.hosts, urlsplit(url).hostname or "") if name}
    return Given(
        hosts=Hosts(names=frozenset(named), anyone=not local and not named),
        url=url,
        desk=Remote(settings.data / "control.sock") if local and settings.web.inbox else None,
        clock=SYSTEM,
        smtp=_door(settings.listeners),
        checks=Checks(_plan(settings), SYSTEM, tell) if settings.web.check else None,
    )


def _plan(settings: Settings) -> Plan:
    """How checks are made for visitors."""
    web = settings.web
    places = [parse(one.bind) for one in settings.listeners]
    return Plan(
        rules=Rules(
            inside=tuple(ip_network(text) for text in web.check_networks),
            never=tuple(ip_network(text) for text in web.check_never),
            ports=frozenset(place.port for place in places if place.port),
        ),
        hourly=web.check_hourly,
        at_once=web.check_at_once,
        again=web.check_again,
        hostname=settings.hostname if "." in settings.hostname else "",
        resolvers=web.check_resolvers or settings.dns.resolvers,
        behind_proxy=web.proxy,
    )


def _door(listeners: Sequence[ListenerSettings]) -> str:
    """The first listener to which this machine can speak in the clear."""
    for one in listeners:
        place = parse(one.bind)
        if one.role is Role.RELAY and one.tls is not TlsMode.IMPLICIT and place.port and not place.path:
            anywhere = ip_address(place.address).is_unspecified
            address = ("127.0.0.1" if "." in place.address else "::1") if anywhere else place.address
            return f"[{address}]:{place.port}" if ":" in address else f"{address}:{place.port}"
    return ""


class _Web:
    """From the fork to the drain."""

    def __init__(self, app: ASGIApp, listener: Listening, link: Link, stopping: asyncio.Event, log: Log) -> None:
        self._app = app
        self._listener = listener
        self._link = link
        self._stopping = stopping
        self._log = log

    async def run(self) -> None:
        """Serve."""
        loop = asyncio.get_running_loop()
        self._link.nonblocking()
        loop.add_reader(self._link.fileno(), self._hear)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        send(self._link, Ready())
        try:
            await serve(self._app, self._listener, self._stopping)
        finally:
            loop.remove_reader(self._link.fileno())

    def _hear(self) -> None:
        messages = receive(self._link)
        if messages is None:
            os._exit(_ORPHANED)  # the parent is gone: hold no port a moment longer
        for message in messages:
            if isinstance(message, Apply):
                self._log.apply(message.settings.log)
            if isinstance(message, Drain):
                self._stopping.set()
