"""Records of any kind, asked of the recursive resolvers, with what a diagnosis needs beside them: aliases, DNSSEC, why not. Knows no SMTP.

RFC 2308 (answers that say no), RFC 4035 sections 3.2.3 (the AD bit) and 4.9.3 (whose word counts), RFC 6840 section 5.7 (asking for it),
RFC 8914 (why a resolver fails).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import dns.asyncresolver
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.reversename

from waypost.net.dns import HOSTS, is_address, read_hosts, resolver_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


RESOLV_CONF = Path("/etc/resolv.conf")
_EXTENDED = {
    dns.edns.EDECode.UNSUPPORTED_DNSKEY_ALGORITHM: "algorithm not supported",
    dns.edns.EDECode.DNSSEC_INDETERMINATE: "DNSSEC indeterminate",
    dns.edns.EDECode.DNSSEC_BOGUS: "DNSSEC bogus",
    dns.edns.EDECode.SIGNATURE_EXPIRED: "signature expired",
    dns.edns.EDECode.SIGNATURE_NOT_YET_VALID: "signature not yet valid",
    dns.edns.EDECode.DNSKEY_MISSING: "no key fits the DS record",
    dns.edns.EDECode.RRSIGS_MISSING: "signatures missing",
    dns.edns.EDECode.NO_ZONE_KEY_BIT_SET: "no zone key",
    dns.edns.EDECode.NSEC_MISSING: "no proof of absence",
    dns.edns.EDECode.PROHIBITED: "this resolver does not serve us",
    dns.edns.EDECode.NO_REACHABLE_AUTHORITY: "no name server of the zone can be reached",
    dns.edns.EDECode.NETWORK_ERROR: "its name servers cannot be reached",
}
"""Reasons that a resolver gives beside SERVFAIL or REFUSED (8914#4)."""
_PAYLOAD = 1232
"""Octets of a UDP answer that pass everywhere."""


class Outcome(StrEnum):
    """How a question ended."""

    FOUND = "found"
    EMPTY = "empty"
    """The name exists and has no such record."""
    MISSING = "missing"
    """The name does not exist (NXDOMAIN)."""
    FAILED = "failed"
    """A resolver said that it could not answer (SERVFAIL, REFUSED)."""
    BOGUS = "bogus"
    """It could not answer because DNSSEC signatures do not hold: with checking off it answers."""
    SILENT = "silent"
    """No resolver answered in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a question brought."""

    name: str
    kind: str
    outcome: Outcome
    records: tuple[str, ...] = ()
    """As text; the strings of TXT joined, names in lower case without their last dot."""
    aliases: tuple[str, ...] = ()
    """The names that CNAMEs led to, in order."""
    secure: bool = False
    """Whether DNSSEC holds, by the word (the AD bit) of a resolver whose word counts here."""
    claimed: bool = False
    """Whether the resolver says so, whether or not its word counts."""
    reason: str = ""
    """Why it failed, in a few words."""

    @property
    def evidence(self) -> tuple[str, ...]:
        """As lines to show."""
        if self.records:
            return tuple(f"{self.name} {self.kind} {record}" for record in self.records)
        return (f"{self.name} {self.kind}: {self.reason or 'no record'}",)

    @property
    def definite(self) -> bool:
        """Whether this is what the DNS says, not a failure to ask it."""
        return self.outcome in (Outcome.FOUND, Outcome.EMPTY, Outcome.MISSING)


class Word(StrEnum):
    """What the resolver's silence about DNSSEC, and its word for it, are worth."""

    COUNTS = "counts"
    """It validates, and whoever runs the check trusts the way to it: on this machine, named by the caller, or by ``trust-ad``."""
    FAR = "far"
    """It validates, but its answers come over a network on which anybody may have set the bit."""
    NONE = "none"
    """It does not validate: nothing can be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouching:
    """Who says what of DNSSEC."""

    word: Word
    resolver: str = ""
    """Its address, or theirs."""


class Lookup(Protocol):
    """What probes ask of the DNS."""

    async def vouching(self) -> Vouching:
        """What the resolver's word about DNSSEC is worth. Never raises."""

    async def ask(self, name: str, kind: str) -> Answer:
        """Records of ``kind`` (``A``, ``MX``, ``TXT``, ``TLSA``, ``PTR`` ...) of ``name``. Never raises."""

    async def local(self, host: str) -> tuple[str, ...]:
        """Addresses of a name that is this machine's own affair (/etc/hosts, names without a dot); empty for all others."""


async def reverse(lookup: Lookup, address: str) -> Answer:
    """The PTR records of an IP address."""
    return await lookup.ask(dns.reversename.from_address(address).to_text(omit_final_dot=True), "PTR")


class DnsLookup:
    """The body of ``Lookup``: each question is asked once; where none is answered from the first, no other is waited for."""

    def __init__(self, resolvers: tuple[str, ...] = (), *, seconds: float = 3.0, hosts: Path = HOSTS, system: Path = RESOLV_CONF) -> None:
        """``resolvers`` as ``address:port``; empty: those of /etc/resolv.conf. Raises ValueError.

        ``system`` is where the operator may say that those are trusted.
        """
        self._seconds = seconds
        self._resolvers = resolvers
        self._servers = _servers(resolver_of(resolvers))
        self._counts = bool(resolvers) or _at_home(self._servers) or trusts_ad(system)
        self._hosts: Mapping[str, tuple[str, ...]] = read_hosts(hosts)
        self._flights: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._alive = self._dead = False

    async def ask(self, name: str, kind: str) -> Answer:
        """See ``Lookup``."""
        question = (name.lower().rstrip("."), kind)
        flight = self._flights.get(question)
        if flight is None:
            flight = self._flights[question] = asyncio.get_running_loop().create_task(self._ask(*question))
        return await asyncio.shield(flight)

    async def vouching(self) -> Vouching:
        """See ``Lookup``. The root is signed: a resolver that does not vouch for it validates nothing."""
        root = await self.ask(".", "SOA")
        word = Word.NONE if not root.claimed else Word.COUNTS if self._counts else Word.FAR
        return Vouching(word=word, resolver=", ".join(self._servers))

    async def local(self, host: str) -> tuple[str, ...]:
        """See ``Lookup``."""
        if is_address(host):
            return (host,)
        own = self._hosts.get(host.lower())
        if own is not None:
            return own
        if "." in host and not host.lower().endswith(".localhost"):
            return ()
        try:
            return await asyncio.wait_for(_by_the_system(host), self._seconds)
        except (OSError, TimeoutError):
            return ()

    async def _ask(self, name: str, kind: str) -> Answer:
        if self._dead:
            return Answer(name=name, kind=kind, outcome=Outcome.SILENT, reason="no resolver answered the question before")
        answer = await self._query(name, kind)
        self._alive = self._alive or answer.outcome is not Outcome.SILENT
        if answer.outcome is Outcome.SILENT:
            self._dead = not self._alive  # a resolver that answers others is not dead: the name servers behind this name are
        elif answer.outcome is Outcome.FAILED and (await self._query(name, kind, checked=False)).definite:
            return Answer(name=name, kind=kind, outcome=Outcome.BOGUS, reason=f"{answer.reason}, and an answer with checking disabled")
        return answer

    async def _query(self, name: str, kind: str, *, checked: bool = True) -> Answer:
        def failed(outcome: Outcome, reason: str) -> Answer:
            return Answer(name=name, kind=kind, outcome=outcome, reason=reason)

        try:
            resolver = self._resolver(checked=checked)
            found = await resolver.resolve(dns.name.from_text(name), kind, lifetime=self._seconds, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            claimed = any(response.flags & dns.flags.AD for response in error.kwargs["responses"].values())
            counts = claimed and self._counts
            return Answer(name=name, kind=kind, outcome=Outcome.MISSING, reason="NXDOMAIN", claimed=claimed, secure=counts)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.resolver.YXDOMAIN) as error:
            return failed(Outcome.MISSING, str(error) or type(error).__name__)
        except dns.exception.Timeout:
            return failed(Outcome.SILENT, f"no answer within {self._seconds:g} seconds")
        except dns.resolver.NoNameservers as error:
            return _no_servers(name, kind, error)
        except (dns.exception.DNSException, OSError) as error:
            return failed(Outcome.FAILED, str(error) or type(error).__name__)
        return _answer(name, kind, found, counts=self._counts)

    def _resolver(self, *, checked: bool) -> dns.asyncresolver.Resolver:
        resolver = resolver_of(self._resolvers)
        resolver.flags = dns.flags.RD | dns.flags.AD | (0 if checked else dns.flags.CD)
        resolver.use_edns(0, 0, _PAYLOAD)
        return resolver


def _servers(resolver: dns.asyncresolver.Resolver) -> tuple[str, ...]:
    """Addresses of the resolvers that are asked."""
    return tuple(server if isinstance(server, str) else server.answer_nameserver() for server in resolver.nameservers)


def _at_home(servers: Sequence[str]) -> bool:
    """Whether all of them are on this machine."""
    return all(is_address(server) and ip_address(server).is_loopback for server in servers)


def trusts_ad(path: Path) -> bool:
    """Whether the system is told to trust what its resolvers say of DNSSEC (``options trust-ad``, resolv.conf(5))."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.split()[:1] == ["options"] and "trust-ad" in line.split() for line in lines)


def _by_the_system(host: str) -> asyncio.Future[tuple[str, ...]]:
    """Addresses by the system's resolver, in a thread that nobody has to wait for: it may hang for half a minute. OSError where none."""
    loop = asyncio.get_running_loop()
    coming: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def settle(found: tuple[str, ...] | OSError) -> None:
        if coming.done():
            return
        if isinstance(found, OSError):
            coming.set_exception(found)
        else:
            coming.set_result(found)

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found: tuple[str, ...] | OSError = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except OSError as fault:
            found = fault
        with contextlib.suppress(RuntimeError):  # the loop is gone, and whoever asked with it
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=ask, daemon=True, name="names of this machine").start()
    return coming


def _answer(name: str, kind: str, found: dns.resolver.Answer, *, counts: bool) -> Answer:
    response: dns.message.Message = found.response
    claimed = bool(response.flags & dns.flags.AD)
    aliases = tuple(_name(rrset[0].target) for rrset in response.answer if rrset.rdtype == dns.rdatatype.CNAME)
    return Answer(
        name=name,
        kind=kind,
        outcome=Outcome.FOUND if found.rrset else Outcome.EMPTY,
        records=tuple(_text(record) for record in found.rrset or ()),
        aliases=aliases if kind != "CNAME" else (),
        claimed=claimed,
        secure=claimed and counts,
    )


def _no_servers(name: str, kind: str, error: dns.resolver.NoNameservers) -> Answer:
    """Every resolver answered with a failure, or none could be reached at all."""
    responses = [entry[4] for entry in error.kwargs["errors"]]
    codes = [_failure(response) for response in responses if response is not None]
    if codes:
        return Answer(name=name, kind=kind, outcome=Outcome.FAILED, reason=", ".join(dict.fromkeys(codes)))
    return Answer(name=name, kind=kind, outcome=Outcome.SILENT, reason="no resolver can be reached")


def _failure(response: dns.message.Message) -> str:
    """Its code, and why, where the resolver says so (8914#4); what it adds in words of its own is not repeated."""
    why = [_EXTENDED[option.code] for option in response.options if isinstance(option, dns.edns.EDEOption) and option.code in _EXTENDED]
    code = dns.rcode.to_text(response.rcode())
    return f"{code} ({', '.join(why)})" if why else code


def _text(record: dns.rdata.Rdata) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "backslashreplace")
    text = record.to_text()
    if record.rdtype in (dns.rdatatype.MX, dns.rdatatype.PTR, dns.rdatatype.CNAME, dns.rdatatype.NS):
        return text.lower() if text.endswith(" .") else text.lower().rstrip(".")
    return text


def _name(target: dns.name.Name) -> str:
    return target.to_text(omit_final_dot=True).lower()
