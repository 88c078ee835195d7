"""From what was given, a server or the recipients' domain, to the addresses that are tried. Speaks to the DNS alone.

RFC 5321 section 5.1 and RFC 7505, as ``route.exchangers`` knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.net.dns import NameLookupError, NameMissingError
from waypost.replies.keys import Key
from waypost.route.exchangers import exchangers
from waypost.route.route import Unroutable

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.net.dns import Resolver

MOST = 16
"""Addresses that are tried in all."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect."""

    host: str
    """The name that the certificate is held against."""
    address: str
    """An IP address, the path of a UNIX socket, or a command line."""
    port: int
    """0: a UNIX socket or a program."""

    def __str__(self) -> str:
        if not self.port:
            return self.address
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{shown}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where the session is to go."""

    server: str = ""
    """A name or IP address; empty: the exchangers of ``domain``."""
    socket: str = ""
    """The path of a UNIX socket."""
    program: str = ""
    """A command line whose input and output speak SMTP."""
    domain: str = ""
    port: int = 25
    family: int = 0
    """4 or 6: addresses of that version alone; 0: both."""
    local: tuple[str, int] | None = None
    """Address and port to connect from; empty and 0 leave them to the system."""


class NoWayError(Exception):
    """There is nowhere to connect to; ``finding`` explains it."""

    def __init__(self, text: str, finding: Finding | None = None) -> None:
        super().__init__(text)
        self.finding = finding


async def places(given: Given, resolver: Resolver, *, shuffle: Callable[[list[str]], None]) -> tuple[Place, ...]:
    """The places to try, in order, ``MOST`` at the most. Raises NoWayError."""
    if given.socket or given.program:
        return (Place("localhost", given.socket or given.program, 0),)
    hosts = [given.server] if given.server else await _exchangers(given.domain, resolver, shuffle)
    found: list[Place] = []
    fault: NoWayError | None = None
    for host in hosts:
        try:
            found += [Place(host, address, given.port) for address in await _addresses(host, given.family, resolver)]
        except NoWayError as why:
            fault = fault or why
    if not found:
        raise fault or NoWayError(f"{' and '.join(hosts)}: no address")
    return tuple(dict.fromkeys(found))[:MOST]


async def _exchangers(domain: str, resolver: Resolver, shuffle: Callable[[list[str]], None]) -> list[str]:
    found = await exchangers(domain, resolver, ourselves=frozenset(), shuffle=shuffle)
    if isinstance(found, Unroutable):
        raise NoWayError(found.detail, _finding(_UNROUTABLE.get(found.key, "name-servfail"), domain, found.detail, kind="MX"))
    return [hop.host for hop in found]


async def _addresses(host: str, family: int, resolver: Resolver) -> list[str]:
    try:
        found = await resolver.addresses(host, ipv6=family != 4)
    except NameMissingError as error:
        raise NoWayError(f"{host} does not exist", _finding("name-missing", host)) from error
    except NameLookupError as error:
        raise NoWayError(str(error), _finding("name-servfail", host, str(error))) from error
    usable = [address for address in found if family != 6 or ":" in address]
    if not usable:
        raise NoWayError(f"{host} has no address{f' of IPv{family}' if family else ''}", _finding("address-missing", host))
    return usable


_UNROUTABLE = {Key.DOMAIN_UNKNOWN: "name-missing", Key.DOMAIN_NO_MAIL: "mx-null"}
"""What explains that a domain has no exchangers."""


def _finding(key: str, name: str, reason: str = "", *, kind: str = "A") -> Finding:
    if key == "name-servfail" and reason.endswith("in time"):
        key = "resolver-silent"
    facts = {"name": name, "host": name, "kind": kind, "reason": reason.removeprefix(f"{name}: ")}
    return Finding(key=key, about=name, facts=facts)
