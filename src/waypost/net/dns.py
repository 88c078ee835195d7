"""Names: exchangers and addresses of hosts, over a cache with single flight. Knows no SMTP (RFC 5321 section 5.1 is ``route``).

Answers are kept as long as they say (RFC 2308 for those that say no), within bounds; of many who ask for the same name at once
only one asks the network. Names without a dot, and those in /etc/hosts, are the machine's own affair.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from waypost.clock import Clock
    from waypost.net.settings import DnsSettings

SHORTEST = 5.0
"""Seconds that any answer is kept, a failure too: a burst for one name asks once."""
LONGEST_MISSING = 900.0
"""Seconds that a name is taken not to exist, at most (2308#5 lets it be three hours; mail is worth asking sooner)."""
HOSTS = Path("/etc/hosts")
_SYSTEM, _SYSTEM_IPV4 = "addresses by the system", "IPv4 addresses by the system"
"""Questions that no DNS server is asked: the system's own resolver answers them."""


class NameLookupError(Exception):
    """The answer could not be had now (timeout, SERVFAIL): temporary."""


class NameMissingError(Exception):
    """The name does not exist, authoritatively (NXDOMAIN)."""


@dataclass(frozen=True, slots=True)
class Exchanger:
    """One MX record."""

    preference: int
    host: str
    """Lower case, no trailing dot; empty for a null MX (RFC 7505)."""


class Resolver(Protocol):
    """What routing asks of the DNS."""

    async def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        """MX records, unsorted; empty when the name exists without any. Raises NameMissingError, NameLookupError."""

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        """IP addresses of ``host``; empty when it has none. Raises NameMissingError, NameLookupError."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a question brought: records as text, or why not."""

    records: tuple[str, ...] = ()
    missing: bool = False
    failure: str = ""


class CachingResolver:
    """The body of ``Resolver``: dnspython underneath, a cache of its own above."""

    def __init__(self, settings: DnsSettings, *, clock: Clock, hosts: Path = HOSTS) -> None:
        """Raises ValueError for a resolver that is no address."""
        self._settings = settings
        self._now = clock.monotonic
        self._cache: dict[tuple[str, str], tuple[float, _Answer]] = {}
        self._flights: dict[tuple[str, str], asyncio.Future[_Answer]] = {}
        self._hosts = read_hosts(hosts)
        self._resolver = resolver_of(settings.resolvers)

    async def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        """See ``Resolver``."""
        found = []
        for record in _records(domain, await self._ask(domain, "MX")):
            preference, _, host = record.partition(" ")
            found.append(Exchanger(int(preference), host.rstrip(".").lower()))
        return tuple(found)

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        """See ``Resolver``. The families take turns, so that the second try already reaches the other one."""
        if is_address(host):
            return (host,)
        own = self._hosts.get(host.lower())
        if own is not None:
            return tuple(address for address in own if ipv6 or ":" not in address)
        if "." not in host or host.lower().endswith(".localhost"):
            return _records(host, await self._ask(host, _SYSTEM if ipv6 else _SYSTEM_IPV4))
        if not ipv6:
            return _records(host, await self._ask(host, "A"))
        six, four = await asyncio.gather(self._ask(host, "AAAA"), self._ask(host, "A"))
        if six.records or four.records:
            pairs = chain.from_iterable(zip_longest(six.records, four.records))
            return tuple(address for address in pairs if address is not None)
        return _records(host, six if six.failure else four)

    async def _ask(self, name: str, kind: str) -> _Answer:
        question = (name.lower(), kind)
        while True:
            kept = self._cache.get(question)
            if kept is not None and kept[0] > self._now():
                return kept[1]
            flight = self._flights.get(question)
            if flight is None:
                return await self._fly(question)
            await asyncio.wait((flight,))
            if not flight.cancelled():
                return flight.result()

    async def _fly(self, question: tuple[str, str]) -> _Answer:
        """Ask the network for everyone who waits for this."""
        flight = self._flights[question] = asyncio.get_running_loop().create_future()
        try:
            answer, seconds = await self._query(*question)
            self._keep(question, answer, seconds)
            flight.set_result(answer)
            return answer
        finally:
            del self._flights[question]
            if not flight.done():
                flight.cancel()  # whoever waited asks anew

    def _keep(self, question: tuple[str, str], answer: _Answer, seconds: float) -> None:
        room = self._settings.cache_entries
        if not room:
            return
        cache = self._cache
        cache.pop(question, None)
        while len(cache) >= room:
            del cache[next(iter(cache))]
        cache[question] = (self._now() + max(SHORTEST, min(seconds, self._settings.cache_seconds)), answer)

    async def _query(self, name: str, kind: str) -> tuple[_Answer, float]:
        """The answer and for how many seconds it may be kept."""
        if kind in (_SYSTEM, _SYSTEM_IPV4):
            return await _system_addresses(name, ipv6=kind == _SYSTEM), SHORTEST
        try:
            asked = dns.name.from_text(name)  # absolute: no search list (5321#5.1)
            answer = await self._resolver.resolve(asked, kind, lifetime=self._settings.seconds)
        except dns.resolver.NXDOMAIN as error:
            return _Answer(missing=True), _negative_ttl(error.kwargs["responses"].values())
        except dns.resolver.NoAnswer as error:
            response: dns.message.Message = error.kwargs["response"]
            return _Answer(), _negative_ttl((response,))
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.resolver.YXDOMAIN):
            return _Answer(missing=True), LONGEST_MISSING
        except (dns.exception.DNSException, OSError) as error:
            return _Answer(failure=_reason(error)), SHORTEST
        rrset = answer.rrset
        return _Answer(tuple(record.to_text() for record in rrset or ())), float(rrset.ttl if rrset is not None else 0)


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def read_hosts(path: Path) -> Mapping[str, tuple[str, ...]]:
    """The names of /etc/hosts; none where it cannot be read."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and is_address(words[0]):
            for name in words[1:]:
                found.setdefault(name.lower(), []).append(words[0])
    return {name: tuple(dict.fromkeys(addresses)) for name, addresses in found.items()}


def resolver_address(text: str) -> tuple[str, int]:
    """``address``, ``address:port`` or ``[IPv6]:port``. Raises ValueError."""
    host, port = text, "53"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not is_address(host) or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r} is no address of a resolver: write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53")
    return host, int(port)


def resolver_of(servers: Sequence[str]) -> dns.asyncresolver.Resolver:
    """A resolver that asks ``servers`` (addresses, with ports where they differ), or those of the system where none are named."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*resolver_address(text)) for text in servers]
        return resolver
    try:
        resolver.read_resolv_conf("/etc/resolv.conf")
    except dns.exception.DNSException:
        resolver.nameservers = ["127.0.0.1"]  # what a machine without the file means (resolv.conf(5))
    return resolver


def _records(name: str, answer: _Answer) -> tuple[str, ...]:
    if answer.failure:
        raise NameLookupError(f"{name}: {answer.failure}")
    if answer.missing:
        raise NameMissingError(name)
    return answer.records


def _negative_ttl(responses: Iterable[dns.message.Message]) -> float:
    """How long an answer that says no may be kept: the lesser of the SOA's own lifetime and its minimum (2308#5)."""
    for response in responses:
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA and len(rrset):
                return min(LONGEST_MISSING, float(rrset.ttl), float(rrset[0].minimum))
    return SHORTEST


def _reason(error: Exception) -> str:
    match error:
        case dns.exception.Timeout():
            return "no resolver answered in time"
        case dns.resolver.NoNameservers():
            return "no resolver could answer"
        case _:
            return str(error) or type(error).__name__


async def _system_addresses(host: str, *, ipv6: bool) -> _Answer:
    """By the system's own resolver, off the loop: plain names of the machine's network."""
    family = socket.AF_UNSPEC if ipv6 else socket.AF_INET
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    except UnicodeError:  # no name of a host: a label is empty, or longer than 63 octets
        return _Answer(missing=True)
    except socket.gaierror as error:
        return _Answer(missing=True) if error.errno == socket.EAI_NONAME else _Answer(failure=error.strerror or "no answer")
    return _Answer(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))
