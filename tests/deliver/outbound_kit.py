"""What the tests of delivery share: next hops that follow a script, a spool of prepared leases, a DNS of prepared answers."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from waypost.clock import SYSTEM
from waypost.deliver.settings import OutboundSettings
from waypost.deliver.worker import Deliverer
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Body, Envelope, Recipient
from waypost.mail.outcome import Action
from waypost.mail.path import Mailbox
from waypost.net.dns import NameMissingError
from waypost.observe.events import Observers
from waypost.route.settings import TransportSettings
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Lease, Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from waypost.history.transcript import Transcript
    from waypost.mail.outcome import Outcome
    from waypost.spool.spool import Notice, Settlement

CONTENT = b"Subject: hello\r\n\r\n.a dot\r\nthe end\r\n"
ALL = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 1000000")


class Wire:
    """The next hop's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.lines: list[bytes] = []

    def say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def hear(self, *starts: str) -> bytes:
        """One line for each of ``starts``, which it must begin with; gives the last."""
        line = b""
        for start in starts:
            line = await self.reader.readuntil(b"\r\n")
            self.lines.append(line[:-2])
            assert line.decode().startswith(start), f"expected {start}, got {line!r}"
        return line[:-2]

    async def octets(self, size: int) -> bytes:
        return await self.reader.readexactly(size)

    async def data(self) -> bytes:
        """Content by DATA, dots still stuffed."""
        return await self.reader.readuntil(b"\r\n.\r\n")

    async def ended(self) -> bytes:
        """What comes until the client closes."""
        return await self.reader.read()

    async def open(self, *offers: str, greeting: str = "220 hop.example ESMTP") -> None:
        self.say(greeting)
        await self.hear("EHLO ")
        lines = ("hop.example", *offers)
        self.say(*(f"250{'-' if number < len(lines) else ' '}{line}" for number, line in enumerate(lines, 1)))

    async def goodbye(self) -> None:
        await self.hear("QUIT")
        self.say("221 bye")


class ScriptedHop:
    """A server on loopback: the first connection follows the first script, and so on; the last script goes on for ever."""

    def __init__(self, *scripts: Callable[[Wire], Awaitable[None]]) -> None:
        self.scripts = scripts
        self.wires: list[Wire] = []
        self.faults: list[BaseException] = []
        self.port = 0

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        self.wires.append(wire)
        script = self.scripts[min(len(self.wires), len(self.scripts)) - 1]
        try:
            await script(wire)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except (AssertionError, asyncio.LimitOverrunError) as fault:
            self.faults.append(fault)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[ScriptedHop]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for wire in self.wires:
                wire.writer.close()
            await asyncio.sleep(0.01)
        if self.faults:
            raise self.faults[0]


class Pieces:
    """Content that is not at hand."""

    octets = None

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)

    async def chunks(self) -> AsyncIterator[bytes]:
        for at in range(0, self.size, 65_536):
            yield self.content[at : at + 65_536]


class Kept:
    """A history that keeps in a list."""

    def __init__(self) -> None:
        self.transcripts: list[Transcript] = []

    def keep(self, transcript: Transcript) -> None:
        self.transcripts.append(transcript)


class PreparedSpool:
    """Leases handed out once, in order; settlements remembered."""

    def __init__(self, *leases: Lease) -> None:
        self.waiting = list(leases)
        self.left = len(leases)
        self.settled: dict[str, list[Settlement]] = {}
        self.notices: list[Notice] = []
        self.done = asyncio.Event()
        self.order: list[str] = []

    async def lease(self, most: int, busy: object, *, wait: float) -> list[Lease]:
        taken = [lease for lease in self.waiting if lease.domain not in busy][:most]
        if not taken:
            await asyncio.sleep(min(wait, 0.02))
        self.waiting = [lease for lease in self.waiting if lease not in taken]
        return taken

    async def settle(self, lease: Lease, settlements: list[Settlement], notices: tuple[Notice, ...] = ()) -> bool:
        await asyncio.sleep(0)
        self.settled.setdefault(lease.envelope.id, []).extend(settlements)
        self.notices.extend(notices)
        self.order.append("settled")
        self.left -= 1
        if not self.left:
            self.done.set()
        return all(each.outcome.action is not Action.DEFERRED for each in settlements)


class PreparedNames:
    """A resolver that knows what it is told."""

    def __init__(self, mx: dict[str, object] | None = None, addresses: dict[str, object] | None = None) -> None:
        self.mx = mx or {}
        self.hosts = addresses or {}

    async def exchangers(self, domain: str) -> tuple[object, ...]:
        return self._answer(self.mx, domain)

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        if host[:1].isdigit():
            return (host,)
        return self._answer(self.hosts, host)

    @staticmethod
    def _answer(table: dict[str, object], name: str) -> tuple[object, ...]:
        answer = table.get(name, NameMissingError(name))
        if isinstance(answer, Exception):
            raise answer
        return answer


def mailbox(text: str) -> Mailbox:
    local, _, domain = text.rpartition("@")
    return Mailbox(local, domain, text)


_numbers = itertools.count(1)


def lease(
    *recipients: str | Recipient, content: object = CONTENT, attempts: int = 0, arrived: float | None = None, **fields: object
) -> Lease:
    """A lease of one message from ada@here.example."""
    number = next(_numbers)
    people = tuple(each if isinstance(each, Recipient) else Recipient(mailbox(each)) for each in recipients)
    content = MemoryContent(content) if isinstance(content, bytes) else content
    sender = fields.pop("sender", "ada@here.example")
    eight_bit = fields.pop("eight_bit", False)
    envelope = Envelope(
        id=f"{number:026}",
        reverse_path=mailbox(sender) if sender else None,
        recipients=people,
        arrived=SYSTEM.wall() if arrived is None else arrived,
        size=content.size,
        body=Body.EIGHT_BIT if eight_bit else Body.SEVEN_BIT,
        **fields,
    )
    waiting = tuple(Waiting(position=place, recipient=each, attempts=attempts, first_attempt=None) for place, each in enumerate(people))
    return Lease(token=number, envelope=envelope, domain=people[0].mailbox.domain, waiting=waiting, content=content)


def outbound(**changes: object) -> OutboundSettings:
    return OutboundSettings(**{"quit_seconds": 1, "connect_seconds": 2, "greeting_seconds": 2, "command_seconds": 2, **changes})


async def deliver(
    leases: list[Lease],
    *transports: TransportSettings,
    names: PreparedNames | None = None,
    settings: OutboundSettings | None = None,
    spool: PreparedSpool | None = None,
    seconds: float = 8.0,
    observers: Observers | None = None,
    **more: object,
) -> PreparedSpool:
    """Run a deliverer until every lease is settled, then drain it."""
    spool = spool or PreparedSpool(*leases)
    deliverer = Deliverer(
        spool,
        transports,
        resolver=names or PreparedNames(),
        outbound=settings or outbound(),
        queue=more.pop("queue", QueueSettings()),
        hostname="here.example",
        clock=SYSTEM,
        observers=observers or Observers(),
        **more,
    )
    running = asyncio.ensure_future(deliverer.run())
    try:
        async with asyncio.timeout(seconds):
            await spool.done.wait()
    finally:
        deliverer.drain(1.0)
        await running
    return spool


def results(spool: PreparedSpool, lease: Lease) -> list[Outcome]:
    """The outcomes of a lease by position."""
    return [each.outcome for each in sorted(spool.settled[lease.envelope.id], key=lambda each: each.position)]


def keys(spool: PreparedSpool, lease: Lease) -> list[str]:
    return [str(outcome.key) for outcome in results(spool, lease)]


def to(hop: ScriptedHop, **fields: object) -> TransportSettings:
    return TransportSettings(hosts=(hop.at,), **fields)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - looking is all that can be done from outside
            await asyncio.sleep(0.01)


async def messages(wire: Wire) -> None:
    """Takes what comes, message after message, until somebody goes."""
    while True:
        line = await wire.hear("")
        match line.split(b" ")[0]:
            case b"BDAT":
                await wire.octets(int(line.split()[1]))
                wire.say("250 2.0.0 taken")
            case b"DATA":
                wire.say("354 go")
                await wire.data()
                wire.say("250 2.0.0 taken")
            case b"QUIT":
                return wire.say("221 bye")
            case _:
                wire.say("250 ok")


async def taking(wire: Wire) -> None:
    """A next hop that offers everything and takes what comes."""
    await wire.open(*ALL)
    await messages(wire)


def saying(*offers: str, replies: tuple[str, ...], size: int = len(CONTENT)) -> Callable[[Wire], Awaitable[None]]:
    """A next hop that reads one flight with BDAT and then says ``replies``."""

    async def script(wire: Wire) -> None:
        await wire.open(*offers)
        while not (await wire.hear("")).startswith(b"BDAT"):
            pass
        await wire.octets(size)
        wire.say(*replies)
        await wire.goodbye()

    return script


def once(
    *scripts: Callable[[Wire], Awaitable[None]], people: tuple[object, ...] = ("bob@there.example",), **more: object
) -> tuple[ScriptedHop, list[str], PreparedSpool]:
    """One message to a scripted next hop: the hop, the keys of the outcomes, the spool."""
    fields = {name: more.pop(name) for name in ("content", "eight_bit", "smtputf8", "sender", "ret", "envid") if name in more}
    transport = {name: more.pop(name) for name in ("kind", "tls", "username", "password", "ca") if name in more}

    async def run() -> tuple[ScriptedHop, list[str], PreparedSpool]:
        async with ScriptedHop(*scripts).listening() as hop:
            message = lease(*people, **fields)
            spool = await deliver([message], to(hop, **transport), **more)
            return hop, keys(spool, message), spool

    return asyncio.run(run())


def mails(wire: Wire) -> int:
    return sum(line.startswith(b"MAIL") for line in wire.lines)


async def refusing(wire: Wire) -> None:
    await wire.open(*ALL)
    await wire.hear("MAIL", "RCPT", "BDAT")
    await wire.octets(len(CONTENT))
    wire.say("250 ok", "451 4.2.1 later", "503 no")
    await wire.goodbye()
