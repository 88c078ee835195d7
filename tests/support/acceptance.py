"""A gate on loopback with a memory spool, and a raw client that shows every octet: what the tests of acceptance share."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from waypost.accept.gate import Gate
from waypost.accept.rules import Plan, Services
from waypost.accept.settings import LimitSettings, ListenerSettings
from waypost.clock import SYSTEM
from waypost.directory.credentials import Busy, Verdict, Verified, Wrong
from waypost.directory.domains import Domains
from waypost.directory.settings import DomainSettings
from waypost.net import tls
from waypost.net.listen import bind
from waypost.net.tls import local_certificate
from waypost.observe.events import Observers
from waypost.policy.settings import RelaySettings
from waypost.smtp.terms import Role, TlsMode
from waypost.spool.memory import MemorySpool
from waypost.spool.spool import Filter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from waypost.clock import Clock
    from waypost.history.transcript import Transcript
    from waypost.observe.events import Event
    from waypost.policy.check import Check
    from waypost.spool.spool import Found

HOSTNAME = "mx.test"
LOCAL = "local.test"
PASSWORDS = {"ada": "right", "slow": "right"}


class Keys:
    """Credentials of one account; ``busy`` cannot be checked."""

    async def verify(self, name: str, password: str) -> Verdict:
        if name == "busy":
            return Busy()
        return Verified(name) if PASSWORDS.get(name) == password else Wrong()

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Shelf:
    """A history that keeps everything in a list."""

    kept: list[Transcript] = field(default_factory=list)

    def keep(self, transcript: Transcript) -> None:
        self.kept.append(transcript)

    async def read(self, session: str) -> Transcript | None:
        return next((one for one in self.kept if one.session == session), None)

    async def recent(self, *, refused: bool, limit: int) -> list[Transcript]:
        return [one for one in self.kept if one.refused or not refused][:limit]


class Talk:
    """A client that sends octets and reads replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def reply(self) -> bytes:
        """One whole reply, all its lines."""
        lines = b""
        async with asyncio.timeout(8):
            while True:
                line = await self.reader.readline()
                lines += line
                if not line or line[3:4] != b"-":
                    return lines

    async def ask(self, line: bytes) -> bytes:
        """Send a command line and give the reply."""
        self.send(line + b"\r\n")
        return await self.reply()

    async def code(self, line: bytes) -> int:
        """The code of the reply to ``line``."""
        return int((await self.ask(line))[:3] or b"0")

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(8):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def secure(self, trust: Path) -> None:
        """The handshake after STARTTLS."""
        await self.writer.start_tls(trusting(trust), server_hostname="localhost")

    async def message(self, content: bytes, sender: bytes = b"a@src.test", to: bytes = b"b@local.test") -> bytes:
        """A whole transaction; the last reply."""
        for line in (b"MAIL FROM:<" + sender + b">", b"RCPT TO:<" + to + b">", b"DATA"):
            answer = await self.ask(line)
            if answer[:1] not in (b"2", b"3"):
                return answer
        self.send(content + b"\r\n.\r\n")
        return await self.reply()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


def trusting(ca: Path) -> ssl.SSLContext:
    """A client's context that trusts the CA in ``ca``."""
    return ssl.create_default_context(cafile=str(ca))


@dataclass
class Place:
    """A running gate."""

    gate: Gate
    spool: MemorySpool
    history: Shelf
    events: list[Event]
    plan: Plan
    talks: list[Talk] = field(default_factory=list)

    async def connect(self, listener: int = 0, *, context: ssl.SSLContext | None = None, source: str = "127.0.0.1") -> Talk:
        """A connection whose greeting is not read yet."""
        where = self.gate.places[listener]
        if where.path:
            reader, writer = await asyncio.open_unix_connection(where.path)
        else:
            name = "localhost" if context is not None else None
            local = (source, 0) if ":" not in where.address else None
            reader, writer = await asyncio.open_connection(where.address, where.port, ssl=context, server_hostname=name, local_addr=local)
        talk = Talk(reader, writer)
        self.talks.append(talk)
        return talk

    async def greeted(self, listener: int = 0, hello: bytes = b"EHLO c.test", source: str = "127.0.0.1") -> Talk:
        """A connection that was greeted and said hello."""
        talk = await self.connect(listener, source=source)
        assert (await talk.reply())[:3] == b"220"
        assert await talk.code(hello) == 250
        return talk

    async def found(self) -> list[Found]:
        """What the spool holds."""
        return list(await self.spool.find(Filter()))

    async def contents(self) -> list[bytes]:
        """The content of each message."""
        return [one.content.octets or b"" for one in await self.found()]

    async def settled(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds."""
        async with asyncio.timeout(8):
            while not condition():  # noqa: ASYNC110 - a test looks at states that signal nothing
                await asyncio.sleep(0.005)


def limits(**changed: int) -> LimitSettings:
    """Limits with some changed, bounds of configuration aside."""
    return LimitSettings(**changed)  # type: ignore[arg-type]  # every limit is a number


def domains(**settings: object) -> Domains:
    """A directory of local.test, where b, c and postmaster live."""
    given = {
        "local": (LOCAL,),
        "relay": ("relay.test",),
        "mailboxes": (f"b@{LOCAL}", f"c@{LOCAL}"),
        "aliases": {f"all@{LOCAL}": (f"b@{LOCAL}", f"c@{LOCAL}", "far@away.test"), f"one@{LOCAL}": (f"b@{LOCAL}",)},
        **settings,
    }
    return Domains(DomainSettings(**given), HOSTNAME)  # type: ignore[arg-type]  # rows of tests name any setting


@contextlib.asynccontextmanager
async def opened(
    *listeners: ListenerSettings,
    checks: tuple[Check, ...] = (),
    networks: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    normalize: bool = False,
    limit: LimitSettings | None = None,
    context: ssl.SSLContext | None = None,
    directory: Domains | None = None,
    spool: MemorySpool | None = None,
    clock: Clock = SYSTEM,
    live: bool = False,
    anyone: bool = False,
    keep_all: bool = False,
    descriptors: int | None = 1000,
) -> AsyncIterator[Place]:
    """A gate with these listeners (one plain relay if none), drained at the end."""
    events: list[Event] = []
    history = Shelf()
    held = spool if spool is not None else MemorySpool(clock)
    services = Services(spool=held, credentials=Keys(), history=history, observers=Observers((events.append,), live=live), clock=clock)
    plan = Plan(
        hostname=HOSTNAME,
        limits=limit or LimitSettings(),
        relay=RelaySettings(networks=networks, refused=refused, normalize=normalize),
        directory=directory or domains(),
        context=context,
        checks=checks,
        anyone=anyone,
        keep_all=keep_all,
    )
    gate = Gate(services, plan, descriptors=descriptors)
    settings = listeners or (listener(),)
    gate.start([(bind(one.bind), one) for one in settings])
    place = Place(gate, held, history, events, plan)
    try:
        yield place
    finally:
        for talk in place.talks:
            await talk.close()
        await gate.drain(2.0)
        await asyncio.sleep(0)


def listener(role: Role = Role.RELAY, tls: TlsMode = TlsMode.NONE, where: str = "127.0.0.1:0") -> ListenerSettings:
    """Settings of one listener."""
    return ListenerSettings(role=role, bind=where, tls=tls)


def running(body: Callable[[], Coroutine[object, object, None]], *, factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Run a test's coroutine function on a loop of its own, that of production if no other is named; callbacks may not fail either."""
    troubles: list[object] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
        await body()

    with asyncio.Runner(loop_factory=factory or uvloop.new_event_loop) as runner:
        runner.run(watched())
    assert troubles == []


@cache
def certificates() -> Path:
    """A folder with a CA (ca.pem) and a certificate for localhost (server.pem, server.key)."""
    folder = Path(tempfile.mkdtemp(prefix="waypost-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    local_certificate(folder, HOSTNAME)
    return folder


@cache
def server_context() -> ssl.SSLContext:
    """A listener's context with that certificate."""
    return tls.server_context(certificates() / "server.pem", certificates() / "server.key")
