"""Mail servers whose TLS, or what their domain says of it, is broken in one way each. The rows are in ``broken_tls_rows``."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from support.broken_servers import ADDRESS, DOMAIN, HOST, QUICK, SILENCE, SOUND, FakeLookup, Frame, Network, Zone, say, with_lines
from support.chains import Leaf, make, root_file, serving
from waypost.diagnose.check import Step, check
from waypost.diagnose.finding import Finding, Stage
from waypost.diagnose.lookup import Word
from waypost.diagnose.plan import Options, target
from waypost.diagnose.probes import names, reach, tls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.broken_servers import Reply
    from waypost.diagnose.lookup import Answer

STEPS = (Step(Stage.NAMES, names.probe), Step(Stage.REACH, reach.probe, (Stage.NAMES,)), Step(Stage.TLS, tls.probe, (Stage.REACH,)))
WEB = "44.128.0.80"
TLSA = (f"_25._tcp.{HOST}", "TLSA")
GO = b"220 2.0.0 Go on\r\n"
FIT = "FIT"
"""Stands for the hash of the key that the server shows."""
POLICY = f"version: STSv1\nmode: enforce\nmx: {HOST}\nmax_age: 604800\n"


def alert(number: int) -> bytes:
    """A fatal alert as a TLS record."""
    return bytes((21, 3, 3, 0, 2, 2, number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the web server of a policy answers."""

    body: str = POLICY
    status: str = "200 OK"
    fields: tuple[str, ...] = ("Content-Type: text/plain",)
    leaf: Leaf = field(default_factory=lambda: Leaf(names=(f"mta-sts.{DOMAIN}",)))
    raw: bytes = b""
    """In place of a response."""

    def octets(self) -> bytes:
        """The whole response."""
        head = "\r\n".join((f"HTTP/1.1 {self.status}", *self.fields))
        return self.raw or f"{head}\r\n\r\n{self.body}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenTls:
    """One server and the finding that it must bring."""

    name: str
    key: str
    port: int = 25
    offers: tuple[str, ...] = ("PIPELINING", "STARTTLS")
    reply: Reply = GO
    instead: bytes | str = b""
    """What comes in place of a handshake, once the client said hello; empty: the handshake."""
    after: bytes | str = b"250 mx.broken.example\r\n"
    """What EHLO is answered with under TLS."""
    leaf: Leaf = field(default_factory=Leaf)
    newest: str = ""
    old: bool = False
    """Whether versions before 1.2 are spoken beside newer ones."""
    ciphers: str = "DEFAULT:@SECLEVEL=0"
    forgets: bool = True
    """Whether what was sent before the handshake is thrown away."""
    own: bool = False
    zone: Zone = field(default_factory=dict)
    signed: bool = True
    """Whether the resolver says that its answers hold: of MX where ``signed_mx`` says so too."""
    signed_mx: bool = True
    word: Word = Word.COUNTS
    """What the resolver's word is worth; where it does not count, what is signed is only claimed to be."""
    page: Page | None = None
    besides: frozenset[str] = frozenset()


class Server(Frame):
    """A row at work."""

    def __init__(self, row: BrokenTls, context: ssl.SSLContext) -> None:
        super().__init__(context if row.port == 465 and not row.instead else None)
        self._row = row
        self._context = context

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        row = self._row
        if row.port == 465 and row.instead:
            await self._break(reader, writer)
            return
        writer.write(b"220 mx.broken.example ESMTP\r\n")
        secured = row.port == 465
        while line := (await reader.readuntil(b"\r\n")).strip().upper():
            reply = self._reply(line, secured=secured)
            if not await say(writer, reply) or line == b"QUIT":
                return
            if line == b"STARTTLS" and reply == GO:
                if row.instead:
                    await self._break(reader, writer)
                    return
                if row.forgets:
                    reader._buffer.clear()
                await writer.start_tls(self._context)
                secured = True

    def _reply(self, line: bytes, *, secured: bool) -> Reply:
        row = self._row
        if line.startswith(b"EHLO"):
            return row.after if secured and row.port != 465 else with_lines(*row.offers)
        if line == b"STARTTLS":
            return row.reply
        return b"221 2.0.0 Bye\r\n" if line == b"QUIT" else b"250 2.0.0 Fine\r\n"

    async def _break(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        if self._row.instead == SILENCE:
            await asyncio.sleep(20)
        elif isinstance(self._row.instead, bytes):
            writer.write(self._row.instead)
            await writer.drain()
            await reader.read(4096)


class PolicyHost(Frame):
    """The web server of a policy."""

    def __init__(self, page: Page, folder: Path) -> None:
        super().__init__(serving(*make(page.leaf), folder))
        self._page = page

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its response."""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._page.octets())
        await writer.drain()


class SignedLookup(FakeLookup):
    """Answers from a table, with the AD bit where the row wants it."""

    def __init__(self, zone: Zone, row: BrokenTls) -> None:
        super().__init__(zone, word=row.word)
        self._row = row

    async def ask(self, name: str, kind: str) -> Answer:
        """See ``Lookup``."""
        claimed = self._row.signed_mx if kind == "MX" else self._row.signed
        return replace(await super().ask(name, kind), claimed=claimed, secure=claimed and self._row.word is Word.COUNTS)


def context_of(row: BrokenTls, folder: Path) -> tuple[ssl.SSLContext, str]:
    """What the server shows, and the hash of its key."""
    chain, key = make(row.leaf)
    context = serving(chain, key, folder)
    context.set_ciphers(row.ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that such versions are old is the point
        if row.old:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        if row.newest:
            context.maximum_version = ssl.TLSVersion[row.newest]
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return context, hashlib.sha256(public).hexdigest()


def zone_of(row: BrokenTls, fit: str) -> Zone:
    """The sound zone, what the row has of its own, and where the policy is served."""
    zone: Zone = {**SOUND, (f"_smtp._tls.{DOMAIN}", "TXT"): (f"v=TLSRPTv1; rua=mailto:tls@{DOMAIN}",)}
    if row.page is not None:
        zone |= {(f"_mta-sts.{DOMAIN}", "TXT"): ("v=STSv1; id=20261123",), (f"mta-sts.{DOMAIN}", "A"): (WEB,)}
    for question, answer in row.zone.items():
        zone[question] = tuple(text.replace(FIT, fit) for text in answer) if isinstance(answer, tuple) else answer
    return zone


def look(row: BrokenTls, folder: Path) -> list[Finding]:
    """Start the servers of a row, check the domain, and give the findings about TLS."""
    pages = folder / "web"
    pages.mkdir()

    async def run() -> list[Finding]:
        context, fit = context_of(row, folder)
        server = Server(row, context)
        places: Mapping[tuple[str, int], int] = {(ADDRESS, row.port): await server.start()}
        web = PolicyHost(row.page, pages) if row.page is not None else None
        if web is not None:
            places = {**places, (WEB, 443): await web.start()}
        own = frozenset({HOST}) if row.own else frozenset()
        options = Options(intrusive=row.own, own=own, authorities=root_file(folder))
        try:
            found = await check(
                target(DOMAIN),
                options,
                limits=QUICK,
                lookup=SignedLookup(zone_of(row, fit), row),
                dial=Network(places, {}).dial,
                probes=STEPS,
            )
        finally:
            await server.stop()
            if web is not None:
                await web.stop()
        return [finding for finding in found.findings if finding.stage == "tls" or finding.key in ("probe-broke", "cut-short")]

    return asyncio.run(run())
