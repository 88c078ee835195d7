"""What probes share: the target, the means to reach it, and what earlier probes learned. Knows no probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from waypost.diagnose.dialling import dial, online
from waypost.diagnose.echo import echo
from waypost.diagnose.talk import NOTHING, Said, Talk
from waypost.net.dial import UnreachableError
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.clock import Clock
    from waypost.diagnose.dialling import Withheld
    from waypost.diagnose.lookup import Lookup
    from waypost.diagnose.plan import Limits, Options, Target
    from waypost.diagnose.tls import Look
    from waypost.net.stream import ClientStream


class Dial(Protocol):
    """How a connection is made."""

    async def __call__(self, address: str, port: int, *, seconds: float) -> ClientStream:
        """A connection to an IP address. Raises UnreachableError, whose cause tells why."""


class Echo(Protocol):
    """How a machine is asked whether it is there."""

    async def __call__(self, address: str, *, seconds: float) -> bool | None:
        """Whether it answered a ping; None where that may not be asked. Never raises."""


class Source(StrEnum):
    """How a server was come by."""

    EXCHANGER = "mx"
    IMPLICIT = "implicit"
    """A domain without MX is its own exchanger (5321#5.1), or a host was named."""
    GIVEN = "given"
    """By address, by a port, or by a name of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A host that mail for the target would go to."""

    host: str
    """Its name, or its address where it has none."""
    addresses: tuple[str, ...]
    preference: int = 0
    source: Source = Source.GIVEN
    published: bool = False
    """Whether its addresses come from the DNS: then names are held against them."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a server listens."""

    host: str
    address: str
    port: int

    @property
    def shown(self) -> str:
        """``mx.example.org [192.0.2.1]:25``."""
        if not self.port:
            return f"{self.host} {self.address}"  # a UNIX socket
        literal = f"[{self.address}]"
        return f"{literal}:{self.port}" if self.host == self.address else f"{self.host} {literal}:{self.port}"

    @property
    def sni(self) -> str | None:
        """The name to ask for in a TLS handshake; an address is none."""
        return None if is_ip(self.host) else self.host


class Way(StrEnum):
    """How an attempt to connect ended."""

    OPEN = "open"
    REFUSED = "refused"
    DROPPED = "dropped"
    """No answer in time."""
    RESET = "reset"
    NETWORK = "network"
    """No route to the network."""
    HOST = "host"
    """A router says that the host cannot be reached, or nobody answers for it on its own network."""
    PROHIBITED = "prohibited"
    """A firewall says so, on the way or here."""
    FAILED = "failed"
    """Something else, named by the system."""
    WITHHELD = "withheld"
    """Nobody tried: whoever runs the check does not let it connect there."""


UNREACHED = {
    Way.REFUSED: "connection-refused",
    Way.DROPPED: "connection-dropped",
    Way.RESET: "connection-reset",
    Way.NETWORK: "network-unreachable",
    Way.HOST: "host-unreachable",
    Way.PROHIBITED: "connection-prohibited",
    Way.FAILED: "connection-failed",
}
"""The finding that tells of each way but the open one, and the one that was never gone: why not, names its own (``Withheld``)."""


class Speech(StrEnum):
    """What was heard on an open port."""

    SMTP = "smtp"
    """A line with a reply code, or what was meant as one."""
    SILENT = "silent"
    CLOSED = "closed"
    """It hung up without a word."""
    RESET = "reset"
    """The same, with a reset."""
    TLS = "tls"
    """It waits for a TLS handshake where plain text was expected."""
    PLAIN = "plain"
    """It speaks plain text where TLS was expected."""
    NO_TLS = "no-tls"
    """TLS was expected, and no handshake came about."""
    HTTP = "http"
    SSH = "ssh"
    IMAP = "imap"
    POP3 = "pop3"
    FTP = "ftp"
    OTHER = "other"
    """Octets that are no protocol known here."""


@dataclass(slots=True, kw_only=True)
class Contact:
    """What came of connecting to a place: filled by the probe of reachability, read by all behind it."""

    place: Place
    way: Way
    seconds: float = 0.0
    """Until the connection stood, or failed."""
    detail: str = ""
    """In the system's words why not, or which handshake failed."""
    withheld: Withheld | None = None
    """Why nobody tried."""
    implicit_tls: bool = False
    """Whether TLS comes before the greeting."""
    speech: Speech | None = None
    greeting: Said = NOTHING
    talk: Talk | None = None
    """The connection on which the greeting came, still open: whoever talks on takes it."""

    spare: tuple[Talk, Said] | None = None
    """Of a server that greets slowly a second connection that waited along with the first, and its greeting: nobody need wait again."""

    @property
    def open(self) -> bool:
        """Whether something listens there."""
        return self.way is Way.OPEN

    @property
    def greeted(self) -> bool:
        """Whether it speaks SMTP and bids welcome."""
        return self.speech is Speech.SMTP and self.greeting.code == 220 and not self.greeting.ended

    def take(self) -> Talk | None:
        """The open connection, for whoever asks first."""
        talk, self.talk = self.talk, None
        return talk

    def close(self) -> None:
        """End the connections that nobody took."""
        for talk in (self.take(), self.spare[0] if self.spare is not None else None):
            if talk is not None:
                talk.close()
        self.spare = None


@dataclass(slots=True, kw_only=True)
class Hello:
    """What a server answered to EHLO, or HELO where it knows no other."""

    said: Said
    command: str = "EHLO"
    usable: bool = False
    """Whether mail could go on from here."""
    refusal: Said | None = None
    """What was answered to EHLO, where HELO had to do."""
    secured: Said | None = None
    """Its answer to EHLO under TLS, where STARTTLS was gone through."""

    @property
    def keywords(self) -> dict[str, str]:
        """What it offers: keyword in upper case to the rest of the line."""
        if self.command != "EHLO" or not self.said.positive:
            return {}
        return offered(self.said)


def offered(said: Said) -> dict[str, str]:
    """The extensions in a reply to EHLO; of a keyword that stands twice, the first."""
    found: dict[str, str] = {}
    for text in said.texts[1:]:
        keyword, _, rest = text.strip().partition(" ")
        found.setdefault(keyword.upper(), rest.strip())
    return found


@dataclass(slots=True, kw_only=True)
class Scene:
    """One check under way. Probes read what those before them wrote, and write what is theirs."""

    target: Target
    options: Options
    limits: Limits
    lookup: Lookup
    clock: Clock
    dial: Dial = dial
    echo: Echo = echo
    online: Callable[[], bool] = online
    servers: list[Server] = field(default_factory=list)
    """Written by ``names``: best first."""
    contacts: list[Contact] = field(default_factory=list)
    """Written by ``reach``: each place that was tried."""
    hellos: dict[Place, Hello] = field(default_factory=dict)
    """Written by ``dialogue``."""
    looks: list[Look] = field(default_factory=list)
    """Written by ``tls``: what was seen at each place that it looked at."""

    @property
    def domain(self) -> str | None:
        """The domain whose mail policy is asked for; None where only an address or a machine's own name was given."""
        published = any(server.published or server.source is Source.EXCHANGER for server in self.servers)
        return None if is_ip(self.target.name) or not (published or "." in self.target.name) else self.target.name

    def own_name(self, talk: Talk) -> str:
        """What we call ourselves on this connection."""
        return self.options.hostname or talk.literal

    def server(self, place: Place) -> Server | None:
        """The server that listens at a place."""
        return next((each for each in self.servers if each.host == place.host), None)

    def greeted(self) -> list[Contact]:
        """The places that bid welcome, the best first, as many as are talked to: one of each host and port before another of the same."""
        welcome = [contact for contact in self.contacts if contact.greeted]
        first: dict[tuple[str, int], Contact] = {}
        for contact in welcome:
            first.setdefault((contact.place.host, contact.place.port), contact)
        rest = [contact for contact in welcome if contact not in first.values()]
        return [*first.values(), *rest][: self.limits.talks]

    def is_own(self, place: Place) -> bool:
        """Whether the caller named this host as his own, and asked for probes that a stranger would resent."""
        return self.options.intrusive and bool({place.host.lower(), place.address.lower(), self.target.name} & self.options.own)

    async def connect(self, place: Place, *, seconds: float | None = None) -> Talk:
        """A new connection. Raises UnreachableError."""
        stream = await self.dial(place.address, place.port, seconds=self.limits.connect if seconds is None else seconds)
        return Talk(stream, self.limits, self.clock)

    async def meet(self, contact: Contact) -> tuple[Talk, Said]:
        """A new connection to a place that was reached before, TLS where it begins with it, and its greeting.

        Raises UnreachableError: the same where TLS fails.
        """
        if contact.spare is not None:
            spare, contact.spare = contact.spare, None
            return spare
        talk = await self.connect(contact.place)
        if contact.implicit_tls:
            try:
                await talk.start_tls(client_context(verify=False), contact.place.sni, seconds=self.limits.connect)
            except HandshakeError as fault:
                talk.close()
                raise UnreachableError(f"TLS: {fault}") from fault
        return talk, await talk.reply(seconds=self.limits.greeting)


def is_ip(text: str) -> bool:
    """Whether ``text`` is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
