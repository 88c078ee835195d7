"""Mail servers that are broken in one way each: rows of (name, what it does, the key of the finding). All on loopback.

A row says in what it differs from a server that is in order. They are seen under names and ports of a pretended network: ``Network`` has
the zone and leads connections to the real sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.diagnose.check import PROBES, check
from waypost.diagnose.finding import Stage
from waypost.diagnose.lookup import Answer, Outcome, Vouching, Word
from waypost.diagnose.plan import Limits, Options, target
from waypost.net.dial import UnreachableError, dial

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.verdict import Diagnosis
    from waypost.net.stream import ClientStream

DOMAIN, HOST, ADDRESS = "broken.example", "mx.broken.example", "44.128.0.25"
QUICK = Limits(dns=1, connect=1.5, greeting=1.2, reply=0.7, mistake=0.8, late=0.4, suspicion=0.3, whole=10)

TALKING = tuple(step for step in PROBES if step.stage in (Stage.NAMES, Stage.REACH, Stage.GREETING, Stage.DIALOGUE, Stage.MAILBOX))
"""The probes that these servers are for: certificates and policies are other servers' affair."""

SILENCE, CLOSE, RESET, TLS = "silence", "close", "reset", "tls"


@dataclass(frozen=True, slots=True)
class Slow:
    """Octets, a pause, more octets."""

    first: bytes
    seconds: float
    rest: bytes = b""


Reply = bytes | str | Slow
"""What is sent: octets as they are, or one of the words above."""

EHLO = b"250-mx.broken.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 HELP\r\n"
ORDINARY: Mapping[str, Reply] = {
    "": b"220 mx.broken.example ESMTP ready\r\n",
    "EHLO": EHLO,
    "HELO": b"250 mx.broken.example\r\n",
    "HELP": b"214 2.0.0 Commands: HELO EHLO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP\r\n",
    "MAIL": b"250 2.1.0 Sender taken\r\n",
    "RCPT TO:<POSTMASTER": b"250 2.1.5 Recipient taken\r\n",
    "RCPT TO:<ADA": b"250 2.1.5 Recipient taken\r\n",
    "RCPT": b"550 5.1.1 No such mailbox\r\n",
    "DATA": b"354 Go on\r\n",
    ".": b"250 2.0.0 Queued\r\n",
    "RSET": b"250 2.0.0 Reset\r\n",
    "NOOP": b"250 2.0.0 Fine\r\n",
    "VRFY": b"252 2.5.0 Cannot say\r\n",
    "EXPN": b"502 5.5.1 Not here\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
    "*": b"500 5.5.1 What?\r\n",
}


def without(*keywords: str) -> bytes:
    """An answer to EHLO that lacks these."""
    lines = [line for line in EHLO.decode().splitlines() if line[4:].split()[0] not in keywords]
    return with_lines(*(line[4:] for line in lines[1:]))


def with_lines(*offers: str) -> bytes:
    """An answer to EHLO with exactly these offers."""
    lines = ["mx.broken.example", *offers]
    return "".join(f"250{'-' if number < len(lines) - 1 else ' '}{line}\r\n" for number, line in enumerate(lines)).encode()


def and_lines(*offers: str) -> bytes:
    """An ordinary answer to EHLO with more."""
    return with_lines(*(line[4:] for line in EHLO.decode().splitlines()[1:]), *offers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One server and the finding that it must bring."""

    name: str
    key: str
    says: Mapping[str, Reply] = field(default_factory=dict)
    """Commands (by their beginning, upper case; empty: the greeting) to replies, where they are not ordinary."""
    port: int = 25
    implicit_tls: bool = False
    whole_lines: bool = False
    """Whether a packet with several commands is taken for one."""
    lf_commands: bool = False
    """Whether LF alone ends a command."""
    ends: tuple[bytes, ...] = (b"\r\n.\r\n",)
    """What ends content."""
    to: str = ""
    """The target, where it is not the domain."""
    way: int | None = None
    """The errno of connecting; 0: no answer."""
    intrusive: bool = False
    account: str | None = None
    besides: frozenset[str] = frozenset()
    """Other faults that it cannot be without."""


class Frame:
    """A server on a free port of loopback: whoever connects meets ``converse``."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """``tls``: with it every connection begins."""
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> int:
        """Listen on a free port, which it gives."""
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Leave nothing behind."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first octet to its last."""
        raise NotImplementedError

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self.converse(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()


async def say(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    """Send it; whether the conversation goes on."""
    if reply == SILENCE:
        return True
    if reply == RESET:
        await asyncio.sleep(0.05)  # so that the client has connected before
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False
    if reply == CLOSE:
        return False
    if isinstance(reply, Slow):
        writer.write(reply.first)
        await writer.drain()
        await asyncio.sleep(reply.seconds)
        reply = reply.rest
    assert isinstance(reply, bytes)
    writer.write(reply)
    await writer.drain()
    return True


class Server(Frame):
    """A row at work."""

    def __init__(self, row: Broken, context: ssl.SSLContext | None) -> None:
        super().__init__(context if row.implicit_tls else None)
        self.row = row
        self._context = context
        self.heard: list[bytes] = []

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        says = {**ORDINARY, **self.row.says}
        if not await say(writer, says[""]):
            return
        while line := await self._command(reader):
            self.heard.append(line)
            asked = line.strip().upper().decode("latin-1")
            reply = next((says[name] for name in sorted(says, key=len, reverse=True) if name and asked.startswith(name)), says["*"])
            if not await say(writer, reply):
                return
            if asked.startswith("QUIT"):
                return
            if reply == ORDINARY["DATA"]:
                await self._content(reader)
                await say(writer, says["."])
            if asked == "STARTTLS" and reply == b"220 2.0.0 Go on\r\n":
                assert self._context is not None
                await writer.start_tls(self._context)

    async def _command(self, reader: asyncio.StreamReader) -> bytes:
        if self.row.whole_lines:
            octets = await reader.read(4096)
            return octets.split(b"\r\n")[0]
        if self.row.lf_commands:
            return await reader.readline()
        return await reader.readuntil(b"\r\n")

    async def _content(self, reader: asyncio.StreamReader) -> None:
        octets = b""
        while not any(end in octets for end in self.row.ends):
            more = await reader.read(4096)
            if not more:
                raise ConnectionResetError
            octets += more


Zone = dict[tuple[str, str], tuple[str, ...] | Outcome]

SOUND: Zone = {
    (DOMAIN, "MX"): (f"10 {HOST}",),
    (HOST, "A"): (ADDRESS,),
    ("25.0.128.44.in-addr.arpa", "PTR"): (HOST,),
}
"""A zone that is in order; what is not there is empty."""


class FakeLookup:
    """Answers from a table."""

    def __init__(self, zone: Zone, *, local: Mapping[str, tuple[str, ...]] | None = None, word: Word = Word.COUNTS) -> None:
        self.zone = zone
        self.word = word
        self.asked: list[tuple[str, str]] = []
        self._local = local or {}

    async def ask(self, name: str, kind: str) -> Answer:
        """See ``Lookup``."""
        self.asked.append((name, kind))
        found = self.zone.get((name, kind), ())
        if isinstance(found, Outcome):
            return Answer(name=name, kind=kind, outcome=found, reason=found.name)
        aliases = self.zone.get((name, "CNAME"), ()) if kind != "CNAME" else ()
        assert not isinstance(aliases, Outcome)
        return Answer(name=name, kind=kind, outcome=Outcome.FOUND if found else Outcome.EMPTY, records=found, aliases=aliases)

    async def vouching(self) -> Vouching:
        """See ``Lookup``."""
        return Vouching(word=self.word, resolver="192.0.2.53")

    async def local(self, host: str) -> tuple[str, ...]:
        """See ``Lookup``."""
        return self._local.get(host) or ((host,) if host.replace(".", "").isdigit() or ":" in host else ())


class Network:
    """A pretended network: (address, port) leads to a socket on loopback, or to the errno of a failure."""

    def __init__(self, places: Mapping[tuple[str, int], int], ways: Mapping[tuple[str, int], int]) -> None:
        self._places = places
        self._ways = ways

    async def dial(self, address: str, port: int, *, seconds: float) -> ClientStream:
        """See ``Dial``. What is nowhere is refused."""
        real = self._places.get((address, port))
        if real is not None:
            return await dial("127.0.0.1", real, seconds=seconds)
        number = self._ways.get((address, port), errno.ECONNREFUSED)
        if number == 0:
            raise UnreachableError(f"no connection within {seconds:g} seconds") from TimeoutError()
        raise UnreachableError(f"error {number}") from OSError(number, "as the test wants it")


def diagnose(
    row: Broken, *, context: ssl.SSLContext | None = None, zone: Zone | None = None, limits: Limits = QUICK, options: Options | None = None
) -> tuple[Diagnosis, Server]:
    """Start the server of a row and check it."""

    async def run() -> tuple[Diagnosis, Server]:
        server = Server(row, context)
        await server.start()
        places = {(address, row.port): server.port for address in (ADDRESS, "127.0.0.1")} if row.way is None else {}
        ways = {(ADDRESS, row.port): row.way} if row.way is not None else {}
        own = frozenset({HOST}) if row.intrusive else frozenset()
        wanted = options or Options(intrusive=row.intrusive, own=own, account=row.account, password="secret")
        where = target(row.to or DOMAIN, port=row.port if row.port not in (25, 465, 587) else None)
        try:
            found = await check(
                where,
                wanted,
                limits=limits,
                lookup=FakeLookup(SOUND if zone is None else zone),
                dial=Network(places, ways).dial,
                probes=TALKING,
            )
            return found, server
        finally:
            await server.stop()

    return asyncio.run(run())


def faults(diagnosis: Diagnosis) -> list[Finding]:
    """Warnings and errors."""
    return [finding for finding in diagnosis.findings if finding.severity in ("warning", "error")]
