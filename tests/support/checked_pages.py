"""The pages of checks over a pretended network: a zone, and mail servers on loopback that are seen under public addresses.

The application runs in a loop of its own, in a thread, on a real socket; what the checks dial is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.broken_servers import ADDRESS, HOST, SOUND, Broken, FakeLookup, Network, Server
from waypost.clock import SYSTEM
from waypost.diagnose.plan import Limits
from waypost.net.listen import bind
from waypost.web.app import Given, make
from waypost.web.check.gate import Rules
from waypost.web.check.runs import Checks, Plan
from waypost.web.security import Hosts
from waypost.web.serving import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.broken_servers import Zone
    from waypost.net.stream import ClientStream
    from waypost.observe.events import ServerChanged

SWIFT = Limits(dns=1, connect=1.5, greeting=1.5, reply=0.7, suspicion=0.3, whole=10)


@dataclass
class Stage:
    """What the pages see of the world, and what was seen of them."""

    port: int = 0
    zone: Zone = field(default_factory=lambda: dict(SOUND))
    dialled: list[tuple[str, int]] = field(default_factory=list)
    noted: list[ServerChanged] = field(default_factory=list)
    places: dict[tuple[str, int], int] = field(default_factory=dict)
    ways: dict[tuple[str, int], int] = field(default_factory=dict)

    async def dial(self, address: str, port: int, *, seconds: float) -> ClientStream:
        """See ``Dial``."""
        self.dialled.append((address, port))
        return await Network(self.places, self.ways).dial(address, port, seconds=seconds)

    def checks(self, plan: Plan, *, limits: Limits = SWIFT) -> Checks:
        """Checks of this world."""
        return Checks(
            plan, SYSTEM, self.noted.append, lookup=lambda: FakeLookup(self.zone), dial=self.dial, own=lambda _: False, limits=limits
        )


@contextlib.contextmanager
def playing(plan: Plan | None = None, *, row: Broken | None = None, local_port: int = 25) -> Iterator[Stage]:
    """Pages on a port of loopback; the mail server of ``row`` stands at ``broken.example`` and at 127.0.0.1."""
    stage = Stage()
    ready, over = threading.Event(), threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stopping = asyncio.Event()
        server = Server(row or Broken(name="sound", key="", says={}), None)
        await server.start()
        stage.places = {(ADDRESS, 25): server.port, ("127.0.0.1", local_port): server.port, ("127.0.0.1", 25): server.port}
        rules = Rules(inside=()) if plan is None else plan.rules
        checks = stage.checks(plan or Plan(rules=rules, again=0, hourly=1000))
        with bind("127.0.0.1:0") as listener:
            stage.port = listener.getsockname()[1]
            app = make(Given(hosts=Hosts(), url="", desk=None, clock=SYSTEM, checks=checks, ending=stopping))
            loops.append((asyncio.get_running_loop(), stopping))
            asyncio.get_running_loop().call_soon(ready.set)
            await serve(app, listener, stopping)
        checks.end()
        await server.stop()

    def play() -> None:
        asyncio.run(run())
        over.set()

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    assert ready.wait(20)
    yield stage
    loop, stopping = loops[0]
    loop.call_soon_threadsafe(stopping.set)
    thread.join(20)
    assert over.is_set()


__all__ = ["ADDRESS", "HOST", "SWIFT", "Stage", "playing"]
