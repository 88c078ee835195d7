"""The process of the web: serves pages on one socket and asks the workers by the control socket. Opens no store and knows no page.

It is a process of its own so that workers load nothing of it and a fault in it reaches no mail; the inbox is given to the application
only where nobody but this machine can connect: elsewhere there is nothing that could be shown by mistake.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from waypost.clock import SYSTEM
from waypost.daemon.link import Drain, Ready, receive, send
from waypost.net.listen import place_of
from waypost.observe.library import bridge
from waypost.observe.log import Printer
from waypost.operate.fleet import Remote
from waypost.web.app import Given, make
from waypost.web.security import Hosts
from waypost.web.serving import serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from waypost.config.settings import Settings
    from waypost.net.control import Link
    from waypost.net.listen import Listening

_NICE = 5
"""How much the process stands back: mail goes first on a busy machine."""
_ORPHANED = 1


def web(settings: Settings, listener: Listening, link: Link) -> int:
    """Serve until drained; the exit code. Called once, in a fresh fork."""
    os.nice(_NICE)
    bridge(Printer(settings.log, hostname=settings.hostname).tell)
    app = make(given(settings, listener))
    gc.collect()
    gc.freeze()
    with asyncio.Runner() as runner:
        runner.run(_Web(app, listener, link).run())
    return 0


def given(settings: Settings, listener: Listening) -> Given:
    """What the application may know; mail only for a socket that this machine alone can reach, and if the operator wants that."""
    local = place_of(listener).is_loopback
    url = settings.web.url.rstrip("/")
    named = {name.lower() for name in (*settings.web.hosts, urlsplit(url).hostname or "") if name}
    return Given(
        hosts=Hosts(names=frozenset(named), anyone=not local and not named),
        url=url,
        desk=Remote(settings.data / "control.sock") if local and settings.web.inbox else None,
        clock=SYSTEM,
    )


class _Web:
    """From the fork to the drain."""

    def __init__(self, app: ASGIApp, listener: Listening, link: Link) -> None:
        self._app = app
        self._listener = listener
        self._link = link
        self._stopping = asyncio.Event()

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
        if any(isinstance(message, Drain) for message in messages):
            self._stopping.set()
