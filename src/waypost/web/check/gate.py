"""The gate that every connection of a check passes: it judges the very address that is dialled, at the moment it is dialled.

Names never come here: what is judged is an address, and its canonical text is what goes to the system, so that no answer of the DNS
between judging and dialling can change it. What may not be reached is kept out of the answer too: ``Names`` shows its range instead.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from waypost.diagnose.dialling import Withheld, WithheldError
from waypost.diagnose.dialling import dial as open_eyed
from waypost.diagnose.echo import echo
from waypost.diagnose.lookup import Answer, Outcome
from waypost.diagnose.plan import LOCAL, PORTS
from waypost.web.check.special import Address, Network, block_of, client_network, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.diagnose.lookup import Lookup, Vouching
    from waypost.diagnose.scene import Dial, Echo
    from waypost.net.stream import ClientStream
    from waypost.web.rate import Rate

HTTPS = 443
_HOST = re.compile(r"[A-Za-z0-9_.-]+")
"""Names of hosts; others would end up in handshakes and commands."""
_POLICY = "mta-sts."
_FOREIGN = {4: "240.17.17.17", 6: "100::1717"}
"""Addresses that no machine has: one that can bind them lets everybody bind anything."""


def is_own(address: Address) -> bool:
    """Whether it is an address of this machine, as its own routes say; nothing is sent."""
    if _routed_home(address):
        return True
    return _binds(str(address), address.version) and not _binds(_FOREIGN[address.version], address.version)


def _routed_home(address: Address) -> bool:
    """Whether packets to it would leave from that very address."""
    with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((str(address), 9))
        except OSError:  # no route: it is elsewhere, if anywhere
            return False
        return parsed(asking.getsockname()[0]) == address


def _binds(address: str, version: int) -> bool:
    """Whether this machine could listen there: it holds the address, as its second one too."""
    with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as trying:
        try:
            trying.bind((address, 0))
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What checks may reach."""

    inside: tuple[Network, ...] = ()
    """Networks that may be reached though they are not public, or this machine's own."""
    never: tuple[Network, ...] = ()
    """Networks that may not be reached though they are public; they win over ``inside``."""
    ports: frozenset[int] = frozenset()
    """Those of this server's own listeners, which may be reached ``inside``."""
    home: bool = False
    """Whether it is somebody at this machine who asks: its loopback is nobody else's, even where it was listed."""

    @property
    def further(self) -> frozenset[int]:
        """Every port that may be asked beside those of mail; where nothing inside was listed there is none."""
        return self.ports | frozenset(LOCAL) if self.inside else frozenset()

    def admits_inside(self, address: Address) -> bool:
        """Whether it is one that was listed."""
        block = block_of(address)
        if (block is not None and block.nowhere) or (address.is_loopback and not self.home):
            return False
        return _among(address, self.inside) and not _among(address, self.never)


@dataclass(slots=True, kw_only=True)
class Gate:
    """One check's way out."""

    rules: Rules
    often: Rate | None = None
    """How many checks an address takes; None: any number."""
    inner: Dial = open_eyed
    ping: Echo = echo
    own: Callable[[Address], bool] = is_own
    refused: dict[str, Withheld] = field(default_factory=dict)
    """Addresses to which nobody was let through, and why."""
    passed: set[str] = field(default_factory=set)
    """Addresses that were dialled."""
    policies: set[str] = field(default_factory=set)
    """Addresses of the host that serves the domain's policy, where HTTPS may be spoken."""

    async def dial(self, address: str, port: int, *, seconds: float) -> ClientStream:
        """A connection, as ``diagnose.dialling.dial``. Raises WithheldError where none may be made, UnreachableError where none can."""
        judged = parsed(address)
        why = Withheld.NOT_PUBLIC if judged is None else self.forbids(judged) or self._forbids_port(judged, port)
        if judged is None or why is not None:
            why = why or Withheld.NOT_PUBLIC
            self.refused[address if why is not Withheld.PORT else f"{address} port {port}"] = why
            raise WithheldError(why, "no connection was tried: this check does not reach there")
        place = str(judged)
        if place not in self.passed and not self._has_room(judged):
            self.refused[address] = Withheld.OFTEN
            raise WithheldError(Withheld.OFTEN, "no connection was tried: too many checks went there of late")
        self.passed.add(place)
        return await self.inner(place, port, seconds=seconds)

    async def echo(self, address: str, *, seconds: float) -> bool | None:
        """A ping, as ``diagnose.echo.echo``; to an address alone that could be dialled before, else None."""
        return await self.ping(address, seconds=seconds) if address in self.passed else None

    def forbids(self, address: Address) -> Withheld | None:
        """Why it may not be reached at any port; None where it may."""
        if _among(address, self.rules.never):
            return Withheld.NEVER
        if self.rules.admits_inside(address):
            return None
        if block_of(address) is not None:
            return Withheld.NOT_PUBLIC
        return Withheld.OWN if self.own(address) else None

    def _forbids_port(self, address: Address, port: int) -> Withheld | None:
        known = port in PORTS or (port in self.rules.further and self.rules.admits_inside(address))
        return None if known or (port == HTTPS and str(address) in self.policies) else Withheld.PORT

    def _has_room(self, address: Address) -> bool:
        if self.often is None or self.rules.admits_inside(address):
            return True
        return self.often.take(client_network(str(address)))


@dataclass(slots=True, kw_only=True)
class Names:
    """The DNS as a stranger may see it through us: an inner address is shown as the first of its range, and no name of this machine's own.

    Resolvers of a house often know more than the world does. Whoever asks here learns that a name leads inside, not where to.
    Loopback is the same everywhere, and what block lists answer with: it is shown.
    """

    lookup: Lookup
    gate: Gate
    inner: dict[str, str] = field(default_factory=dict)
    """Addresses that were not shown, each with the name that led there: for the log."""

    async def ask(self, name: str, kind: str) -> Answer:
        """See ``diagnose.lookup.Lookup``."""
        if kind not in ("A", "AAAA"):
            return await self.lookup.ask(name, kind)
        if not _HOST.fullmatch(name):
            return Answer(name=name, kind=kind, outcome=Outcome.MISSING, reason="that is no name of a host")
        answer = await self.lookup.ask(name, kind)
        if name.lower().startswith(_POLICY):
            self.gate.policies.update(str(address) for record in answer.records if (address := parsed(record)) is not None)
        return replace(answer, records=tuple(dict.fromkeys(self._shown(record, name) for record in answer.records)))

    async def vouching(self) -> Vouching:
        """See ``diagnose.lookup.Lookup``: which resolver it is, strangers learn of public ones alone."""
        vouching = await self.lookup.vouching()
        if self.gate.rules.home:
            return vouching
        return replace(vouching, resolver=", ".join(_range(each) for each in vouching.resolver.split(", ")))

    async def local(self, host: str) -> tuple[str, ...]:
        """See ``diagnose.lookup.Lookup``: of names of this machine those that lead where one may go."""
        if parsed(host) is not None:
            return (host,)
        if not self.gate.rules.inside:
            return ()
        found = await self.lookup.local(host)
        return tuple(each for each in found if (address := parsed(each)) is not None and self.gate.rules.admits_inside(address))

    def _shown(self, record: str, name: str) -> str:
        address = parsed(record)
        block = None if address is None else block_of(address)
        if address is None or block is None or address.is_loopback or self.gate.rules.admits_inside(address):
            return record
        self.inner[record] = name
        return str(block.network.network_address)


def _range(resolver: str) -> str:
    """A public address, or the range of an inner one."""
    address = parsed(resolver)
    block = None if address is None else block_of(address)
    return str(address) if address is not None and block is None else str(block.network) if block is not None else "-"


def _among(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
