"""Runs a script against the network: connects, sends, listens, begins TLS, and tells every line. Knows no order of commands."""

from __future__ import annotations

import contextlib
import shlex
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cryptography import x509

from waypost.diagnose.finding import Finding
from waypost.diagnose.plan import Limits
from waypost.diagnose.probes.reach import way_of
from waypost.diagnose.scene import UNREACHED
from waypost.diagnose.send.binding import SecretLog, bindings
from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Security
from waypost.diagnose.send.script import conversation
from waypost.diagnose.send.steps import Fault, Listen, Note, Secure, Send, Shaken
from waypost.diagnose.send.tapped import Tapped
from waypost.diagnose.send.transcript import Line, Secrets, Who, explain_fault, hexadecimal, lines_of, readable, replied
from waypost.diagnose.send.transfer import transfer
from waypost.diagnose.send.way import NoWayError, places
from waypost.diagnose.talk import Talk
from waypost.net.dial import UnreachableError, dial, dial_unix
from waypost.net.program import running
from waypost.net.stream import HandshakeError, StreamError
from waypost.net.tls import client_context, speak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.diagnose.send.errand import Errand
    from waypost.diagnose.send.steps import Answer, Step
    from waypost.diagnose.send.way import Given, Place
    from waypost.net.dns import Resolver
    from waypost.net.stream import ClientStream

_PIECE = 262_144
"""Octets of content that are handed to the connection at a time."""

Tell: TypeAlias = "Callable[[Line], None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What TLS is held against, and what is shown."""

    verify: bool
    ca: Path | None = None
    certificate: Path | None = None
    """Our own, for servers that ask for one."""
    key: Path | None = None
    name: str = ""
    """The server's name, where it is not the one that was connected to."""
    versions: frozenset[ssl.TLSVersion] = frozenset()
    """Those that are spoken, old ones too; empty: 1.2 and newer."""
    ciphers: str = ""
    """In OpenSSL's words; empty: those that it holds for safe."""

    def context(self) -> ssl.SSLContext:
        """A fresh one. Raises CertificateError, OSError (ssl.SSLError among them)."""
        folder = self.ca is not None and self.ca.is_dir()
        context = client_context(verify=self.verify, ca=None if folder else self.ca)
        if folder:
            context.load_verify_locations(capath=self.ca)
        if self.versions:
            speak(context, self.versions)
        if self.ciphers:
            context.set_ciphers(self.ciphers)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """With what the world is reached."""

    resolver: Resolver
    clock: Clock
    nonce: Callable[[], str]
    shuffle: Callable[[list[str]], None]
    seconds: float = 30.0
    """For a connection, and for each reply."""
    context: ssl.SSLContext | None = None
    """None: TLS is not spoken."""
    trust: Trust = Trust(verify=False)
    lang: str = "en"
    secrets: Secrets = Secrets.HIDDEN
    """How the transcript shows what logs in."""
    hexadecimal: bool = False
    """Whether it shows every octet too."""
    show_certificate: bool = False
    """Whether it shows the server's certificate."""
    keep_certificate: Callable[[str], None] | None = None
    """Gets the server's certificate in PEM, once TLS stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it."""

    ending: Ending
    place: Place | None = None
    tls: str = ""
    seconds: float = 0.0


async def send(errand: Errand, given: Given, means: Means, tell: Tell) -> Result:
    """Do the errand, and tell each line as it happens. Never raises for what a server or the network does."""
    runner = _Runner(means, tell)
    async with contextlib.AsyncExitStack() as held:
        reached = await runner.connect(given, held)
        if reached is None:
            return runner.result(Ending.CONNECT, None)
        place, stream = reached
        runner.begin(place, stream)
        try:
            ending = await runner.run(errand)
        finally:
            stream.close()
    runner.note("Connection closed with remote host.")
    return runner.result(ending, place)


class _Runner:
    def __init__(self, means: Means, tell: Tell) -> None:
        self._means = means
        self._tell = tell
        self._began = means.clock.monotonic()
        self._limits = Limits(connect=means.seconds, greeting=means.seconds, reply=means.seconds)
        self._stream: ClientStream
        self._talk: Talk
        self._place: Place
        self._tls = ""

    # ---- telling ----------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._means.clock.monotonic() - self._began

    def note(self, text: str) -> None:
        self._tell(Line(at=self._now(), who=Who.NOTE, text=text))

    def fault(self, text: str, finding: Finding | None = None) -> None:
        told = explain_fault(finding, self._means.lang) if finding is not None else None
        self._tell(Line(at=self._now(), who=Who.FAULT, text=text, expected=False, explained=told))

    def result(self, ending: Ending, place: Place | None) -> Result:
        return Result(ending=ending, place=place, tls=self._tls, seconds=self._now())

    # ---- connecting -------------------------------------------------------------------------------------------

    async def connect(self, given: Given, held: contextlib.AsyncExitStack) -> tuple[Place, ClientStream] | None:
        """The first of the places that answers; None where none does. Why each did not is told. What must end stands in ``held``."""
        try:
            found = await places(given, self._means.resolver, shuffle=self._means.shuffle)
        except NoWayError as fault:
            self.fault(str(fault), fault.finding)
            return None
        for place in found:
            self.note(f"Trying {'pipe to ' if given.program else ''}{place}...")
            try:
                return place, await self._reach(place, given, held)
            except UnreachableError as why:
                self.fault(f"Error connecting to {place}: {why}", _unreachable(place, why))
        return None

    async def _reach(self, place: Place, given: Given, held: contextlib.AsyncExitStack) -> ClientStream:
        seconds = self._means.seconds
        if given.program:
            return await held.enter_async_context(running(shlex.split(given.program)))
        if not place.port:
            return await dial_unix(place.address, seconds=seconds)
        local = given.local and (given.local[0] or ("::" if ":" in place.address else "0.0.0.0"), given.local[1])  # noqa: S104 - any of ours
        return await dial(place.address, place.port, seconds=seconds, local=local)

    def begin(self, place: Place, stream: ClientStream) -> None:
        """The connection stands."""
        self._place = place
        self._stream = Tapped(stream, self._octets) if self._means.hexadecimal else stream
        self._talk = Talk(self._stream, self._limits, self._means.clock)
        named = place.host if place.host in (place.address, "localhost") else f"{place.host} ({place.address})"
        self.note(f"Connected to {named if place.port else place.address}.")

    # ---- running ----------------------------------------------------------------------------------------------

    async def run(self, errand: Errand) -> Ending:
        """Take every step."""
        steps = conversation(errand, nonce=self._means.nonce, transfer=transfer)
        answer: Answer = None
        implicit = errand.security is Security.IMPLICIT
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                ending: Ending = end.value
                return ending
            answer = await self._take(step, implicit=implicit)

    async def _take(self, step: Step, *, implicit: bool) -> Answer:
        match step:
            case Send():
                await self._send(step)
            case Listen():
                return await self._listen(step)
            case Secure():
                return await self._secure(implicit=implicit)
            case Note(text):
                self.note(text)
            case Fault(text, finding):
                self.fault(text, finding)
        return None

    def _octets(self, octets: bytes, who: Who) -> None:
        """What went over the network, before TLS or behind it."""
        for text in hexadecimal(octets):
            self._tell(Line(at=self._now(), who=who, text=text, secured=bool(self._tls), raw=True))

    def _shown(self, step: Send) -> list[str]:
        if step.secret and self._means.secrets is not Secrets.HIDDEN:
            return [readable(text) for text in lines_of(step.octets)] if self._means.secrets is Secrets.READABLE else lines_of(step.octets)
        return [step.shown] if step.shown else lines_of(step.octets)

    async def _send(self, step: Send) -> None:
        for text in self._shown(step):
            self._tell(Line(at=self._now(), who=Who.CLIENT, text=text, secured=bool(self._tls), content=step.content))
        for start in range(0, len(step.octets), _PIECE):
            self._stream.send(step.octets[start : start + _PIECE])
            self._stream.deadline(self._means.seconds)
            try:
                await self._stream.drain()
            except StreamError:
                return  # the next reply, or its absence, tells why

    async def _listen(self, step: Listen) -> Answer:
        said = await self._talk.reply()
        for line in replied(said, step.good, at=self._now(), secured=bool(self._tls), lang=self._means.lang):
            self._tell(line)
        return said

    async def _secure(self, *, implicit: bool) -> Shaken:
        """The handshake; octets that came before it in the clear are somebody else's (3207#6)."""
        context = self._means.context
        if context is None:
            return Shaken(fault="there is no context for it")
        if self._talk.pending:
            return Shaken(fault="octets in the clear came before the handshake")
        secrets = SecretLog(context)
        try:
            self._stream.deadline(self._means.seconds)
            name = self._means.trust.name or self._place.host
            await self._stream.start_tls(context, server_side=False, server_name=name)
        except HandshakeError as fault:
            secrets.close()
            distrusted = "certificate verify failed" in str(fault) or isinstance(fault.__cause__, ssl.CertificateError)
            return Shaken(fault=f"{fault}{_hint(str(fault), implicit=implicit)}", distrusted=distrusted)
        self._tls = self._stream.tls
        found = bindings(self._stream.certificate, secrets.exporter())
        secrets.close()
        self._tell_tls()
        return Shaken(verified=self._means.trust.verify, bindings=found)

    def _tell_tls(self) -> None:
        trust = self._means.trust
        self.note(f"TLS started with cipher {self._tls.replace(' ', ':')}")
        self.note(f"TLS local certificate {trust.certificate}" if trust.certificate else "TLS no local certificate set")
        with contextlib.suppress(ValueError):
            subject = x509.load_der_x509_certificate(self._stream.certificate).subject.rfc4514_string()
            self.note(f'TLS peer DN="{subject}"')
        self._tell_certificate(ssl.DER_cert_to_PEM_cert(self._stream.certificate))
        name = trust.name or self._place.host
        self.note(f"TLS peer verified as {name}" if trust.verify else "TLS peer not verified")

    def _tell_certificate(self, pem: str) -> None:
        if self._means.keep_certificate is not None:
            self._means.keep_certificate(pem)
        if self._means.show_certificate:
            for line in pem.splitlines():
                self.note(line)


def _hint(fault: str, *, implicit: bool) -> str:
    """What most often lies behind a failed handshake."""
    if "wrong version number" in fault or "record layer failure" in fault:
        return " (it does not speak TLS here: is this a port for STARTTLS?)" if implicit else " (what came was no TLS)"
    return ""


def _unreachable(place: Place, why: UnreachableError) -> Finding | None:
    """None for a UNIX socket, of which the words know nothing."""
    if not place.port:
        return None
    facts = {"host": place.host, "address": place.address, "port": str(place.port), "detail": str(why)}
    return Finding(key=UNREACHED[way_of(why)], about=str(place), facts=facts)
