"""check_host(): whether an address may send for a domain, by what the domain publishes. Asks the DNS by ``Ask``, within its limits.

RFC 7208 sections 4 (the function and its limits), 5 (what matches), 6 (redirect, exp).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from waypost.msgauth.spf import ASKING, Kind, Mechanism, Qualifier, Record, SpfSyntaxError, candidates, check_explanation, parse
from waypost.msgauth.spf_macro import Who, as_name, expand, uses_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from waypost.msgauth.asking import Answered, Ask

MOST_LOOKUPS = 10
"""Terms that ask the DNS in one evaluation (7208#4.6.4)."""
MOST_VOIDS = 2
"""Of those, answers without a record."""
MOST_NAMES = 10
"""Exchangers and reverse names whose addresses are asked for."""


class Result(StrEnum):
    """What check_host() says (7208#2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - no password, a result
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


_RESULTS = {
    Qualifier.PASS: Result.PASS,
    Qualifier.FAIL: Result.FAIL,
    Qualifier.SOFTFAIL: Result.SOFTFAIL,
    Qualifier.NEUTRAL: Result.NEUTRAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A result and how it came about."""

    result: Result
    explanation: str = ""
    """In the words of the domain's owner, made of printable ASCII; empty where there are none. Not to be trusted."""
    because: str = ""
    """The term that matched, or why there is no result."""
    lookups: int = 0
    voids: int = 0


class _StopError(Exception):
    """The evaluation ends here."""

    def __init__(self, result: Result, because: str) -> None:
        super().__init__(because)
        self.result = result
        self.because = because


async def check_host(address: str, domain: str, sender: str, helo: str, ask: Ask, *, receiver: str = "unknown", now: int = 0) -> Checked:
    """Whether ``address`` may send for ``domain``, which is that of ``sender``, or ``helo`` where the reverse-path is null.

    Raises ValueError for an address that is none.
    """
    client = ip_address(address)
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    local_part, _, sender_domain = sender.rpartition("@")
    who = Who(address=client, local_part=local_part or "postmaster", sender_domain=sender_domain or domain, helo=helo, receiver=receiver)
    check = _Check(who, ask, now)
    try:
        result, explanation, because = await check.domain(domain, explain=True)
    except _StopError as stop:
        return Checked(result=stop.result, because=stop.because, lookups=check.lookups, voids=check.voids)
    return Checked(result=result, explanation=explanation, because=because, lookups=check.lookups, voids=check.voids)


def is_domain(name: str) -> bool:
    """Whether a name can be asked for: two labels at least, each of 1 to 63 octets (7208#4.3)."""
    labels = name.removesuffix(".").split(".")
    return len(labels) > 1 and len(name) <= 254 and all(0 < len(label) <= 63 for label in labels) and not name.startswith("[")


@dataclass(slots=True)
class _Check:
    """One evaluation under way: whose mail, and what was spent so far."""

    who: Who
    dns: Ask
    now: int
    lookups: int = 0
    voids: int = 0
    names: list[str] | None = field(default=None)
    """The confirmed names of the address, once they were asked for."""

    async def domain(self, domain: str, *, explain: bool) -> tuple[Result, str, str]:
        """Result, explanation and what led to it."""
        if not is_domain(domain):
            return Result.NONE, "", f"{domain} is no domain that could publish a record"
        answer = await self.dns.ask(domain, "TXT")
        if not answer.definite:
            raise _StopError(Result.TEMPERROR, f"{domain} TXT could not be looked up")
        found = candidates(answer.records)
        if len(found) != 1:
            if not found:
                return Result.NONE, "", f"{domain} publishes no record"
            raise _StopError(Result.PERMERROR, f"{domain} publishes {len(found)} records")
        try:
            record = parse(found[0])
        except SpfSyntaxError as fault:
            raise _StopError(Result.PERMERROR, f"{domain}: {fault}") from fault
        return await self._evaluate(record, domain, explain=explain)

    async def _evaluate(self, record: Record, domain: str, *, explain: bool) -> tuple[Result, str, str]:
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, domain):
                result = _RESULTS[mechanism.qualifier]
                words = await self._explain(record, domain) if explain and result is Result.FAIL else ""
                return result, words, f"{domain}: {mechanism.text}"
        if not record.redirect:
            return Result.NEUTRAL, "", f"{domain}: no term matches"
        self._spend(f"redirect={record.redirect}")
        target = await self._name(record.redirect, domain)
        result, words, because = await self.domain(target, explain=explain)
        if result is Result.NONE:
            raise _StopError(Result.PERMERROR, f"{domain}: redirect={target} leads to no record")
        return result, words, because

    def _spend(self, term: str) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _StopError(Result.PERMERROR, f"{term}: more than {MOST_LOOKUPS} terms ask the DNS")

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        if mechanism.kind in ASKING:
            self._spend(mechanism.text)
        target = await self._name(mechanism.domain, domain) if mechanism.domain else domain
        match mechanism.kind:
            case Kind.ALL | Kind.IP4 | Kind.IP6:
                return mechanism.network is None or self.who.address in mechanism.network
            case Kind.INCLUDE:
                return await self._includes(target)
            case Kind.A:
                return self._within(await self._addresses(target), mechanism)
            case Kind.MX:
                return await self._exchanges(target, mechanism)
            case Kind.PTR:
                return any(name == target.lower() or name.endswith(f".{target.lower()}") for name in await self._own_names())
            case Kind.EXISTS:
                return bool((await self._ask(target, "A")).records)

    async def _includes(self, target: str) -> bool:
        result, _, because = await self.domain(target, explain=False)
        if result is Result.NONE:
            raise _StopError(Result.PERMERROR, f"include:{target}: {because}")
        return result is Result.PASS

    async def _exchanges(self, target: str, mechanism: Mechanism) -> bool:
        hosts = [record.partition(" ")[2].removesuffix(".") for record in (await self._ask(target, "MX")).records]
        if len(hosts) > MOST_NAMES:
            raise _StopError(Result.PERMERROR, f"{mechanism.text}: more than {MOST_NAMES} exchangers")
        for host in hosts:
            if host and self._within(await self._addresses(host), mechanism):
                return True
        return False

    async def _addresses(self, name: str) -> tuple[str, ...]:
        return (await self._ask(name, "A" if self.who.address.version == 4 else "AAAA")).records

    async def _ask(self, name: str, kind: str) -> Answered:
        """Raises where the DNS could not be asked, or said nothing too often."""
        answer = await self.dns.ask(name, kind)
        if not answer.definite:
            raise _StopError(Result.TEMPERROR, f"{name} {kind} could not be looked up")
        if not answer.records:
            self.voids += 1
            if self.voids > MOST_VOIDS:
                raise _StopError(Result.PERMERROR, f"{name} {kind}: more than {MOST_VOIDS} look-ups without an answer")
        return answer

    def _within(self, addresses: Iterable[str], mechanism: Mechanism) -> bool:
        length = mechanism.four if self.who.address.version == 4 else mechanism.six
        return any(self.who.address in ip_network(f"{each}/{length}", strict=False) for each in addresses)

    async def _own_names(self) -> list[str]:
        """Names of the client that lead back to it; a failure is no name (7208#5.5)."""
        if self.names is None:
            self.names = []
            pointers = await self.dns.ask(self.who.address.reverse_pointer, "PTR")
            kind = "A" if self.who.address.version == 4 else "AAAA"
            for name in pointers.records[:MOST_NAMES]:
                forward = await self.dns.ask(name.removesuffix("."), kind)
                if any(ip_address(each) == self.who.address for each in forward.records):
                    self.names.append(name.removesuffix(".").lower())
        return self.names

    async def _name(self, text: str, domain: str) -> str:
        return as_name(expand(text, self.who, domain, name=await self._best_name(text, domain)))

    async def _best_name(self, text: str, domain: str) -> str:
        """What ``%{p}`` stands for: the domain itself, else a name below it, else any (7208#7.3)."""
        if not uses_names(text):
            return "unknown"
        names, wanted = await self._own_names(), domain.lower()
        below = [name for name in names if name.endswith(f".{wanted}")]
        return wanted if wanted in names else next(iter([*below, *names]), "unknown")

    async def _explain(self, record: Record, domain: str) -> str:
        """The owner's explanation; any fault on the way to it means that there is none (7208#6.2)."""
        if not record.explanation:
            return ""
        answer = await self.dns.ask(await self._name(record.explanation, domain), "TXT")
        if len(answer.records) != 1:
            return ""
        try:
            text = check_explanation(answer.records[0])
        except SpfSyntaxError:
            return ""
        words = expand(text, self.who, domain, name=await self._best_name(text, domain), now=self.now)
        return words if words.isascii() and words.isprintable() else ""
