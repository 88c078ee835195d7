"""Names: from the target to the servers that take its mail, and whether the DNS holds together. Talks to no mail server.

RFC 5321 section 5.1 (MX, implicit MX), RFC 7505 (null MX), RFC 2181 section 10.3 (no alias behind MX), RFC 1912 section 2.1 (reverse
names), RFC 4035 sections 3.2.3 and 4.9.3 (what a resolver says of DNSSEC).
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.lookup import Answer, Outcome, Word, reverse
from waypost.diagnose.scene import Server, Source, is_ip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from waypost.diagnose.lookup import Lookup, Vouching
    from waypost.diagnose.scene import Scene

_FAULTS = {
    Outcome.SILENT: "resolver-silent",
    Outcome.FAILED: "name-servfail",
    Outcome.BOGUS: "dnssec-bogus",
    Outcome.MISSING: "name-missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host and what the DNS says of its addresses."""

    name: str
    preference: int
    four: Answer
    six: Answer

    @property
    def addresses(self) -> tuple[str, ...]:
        """Both families in turn, IPv6 first."""
        return _turns(self.six.records, self.four.records)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names that CNAMEs led to."""
        return self.four.aliases or self.six.aliases


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Find the servers of the target, and what is wrong with their names."""
    target = scene.target
    own = await scene.lookup.local(target.name)
    if own:
        scene.servers = [Server(host=target.name, addresses=own)]
        for finding in await _reverse(scene, own if is_ip(target.name) else ()):
            yield finding
        return
    exchangers, host, vouching, root = await asyncio.gather(
        scene.lookup.ask(target.name, "MX"), _host(scene.lookup, target.name), scene.lookup.vouching(), scene.lookup.ask(".", "SOA")
    )
    above = await _above(scene.lookup, exchangers)
    for finding in judge_domain(exchangers, host, vouching, root) if above is None else judge_below(exchangers, above):
        yield finding
    hosts = await _hosts(scene, exchangers, host)
    for finding in judge_exchangers(exchangers, hosts):
        yield finding
    by_mx = bool(_mx(exchangers)) and target.port is None
    source = Source.EXCHANGER if by_mx else Source.IMPLICIT if target.port is None else Source.GIVEN
    scene.servers = [
        Server(host=each.name, addresses=each.addresses, preference=each.preference, source=source, published=True)
        for each in hosts
        if each.addresses
    ][: scene.limits.hosts]
    for each in hosts:
        for finding in judge_host(each, exchanger=by_mx):
            yield finding
    usable = len([each for each in hosts if each.addresses])
    unasked = len({name for _, name in _mx(exchangers) if name}) - len(hosts) if by_mx else 0
    left_out = usable - len(scene.servers) + unasked
    if left_out > 0:
        yield Finding(key="exchangers-left-out", about=f"{target.name} MX", facts={"count": str(left_out), "most": str(scene.limits.hosts)})
    for finding in await _reverse(scene, [address for server in scene.servers for address in server.addresses]):
        yield finding


async def _host(lookup: Lookup, name: str, preference: int = 0) -> Host:
    four, six = await asyncio.gather(lookup.ask(name, "A"), lookup.ask(name, "AAAA"))
    return Host(name=name, preference=preference, four=four, six=six)


async def _hosts(scene: Scene, exchangers: Answer, host: Host) -> list[Host]:
    """The hosts that mail is taken to, best first: those of MX, else the name itself (5321#5.1)."""
    records = _mx(exchangers)
    if scene.target.port is not None or (not records and exchangers.outcome is Outcome.EMPTY):
        return [host]
    names = {name: preference for preference, name in reversed(records) if name}
    best = sorted(names, key=lambda name: (names[name], name))[: 2 * scene.limits.hosts]
    found = await asyncio.gather(*(_exchanger(scene.lookup, name, names[name]) for name in best))
    return sorted(found, key=lambda each: (each.preference, each.name))


async def _exchanger(lookup: Lookup, name: str, preference: int) -> Host:
    if not is_ip(name):
        return await _host(lookup, name, preference)
    kind = "AAAA" if ":" in name else "A"  # what many wrote who did not know; some servers even deliver there
    empty = Answer(name=name, kind=kind, outcome=Outcome.EMPTY)
    return Host(name=name, preference=preference, four=empty, six=empty)


def _mx(answer: Answer) -> list[tuple[int, str]]:
    """Preference and host of each MX record, best first; an empty host is a null MX."""
    found = []
    for record in answer.records:
        preference, _, host = record.partition(" ")
        found.append((int(preference), "" if host == "." else host.rstrip(".")))
    return sorted(found)


def _turns(*several: Sequence[str]) -> tuple[str, ...]:
    longest = max((len(each) for each in several), default=0)
    return tuple(each[number] for number in range(longest) for each in several if number < len(each))


def judge_domain(exchangers: Answer, host: Host, vouching: Vouching, root: Answer | None = None) -> Iterator[Finding]:
    """What the first answers say of the domain as such: whether it is there, signed, and takes mail at all.

    ``root``: the answer about the root, which every resolver knows; where that came, silence is the fault of the domain's name servers.
    """
    about = exchangers.name
    fault = _FAULTS.get(exchangers.outcome)
    if fault is not None:
        if exchangers.outcome is Outcome.SILENT and root is not None and root.outcome is not Outcome.SILENT:
            fault = "name-servers-silent"
        elif exchangers.outcome is Outcome.FAILED and exchangers.reason == "REFUSED":  # a resolver's own word: it asked nobody
            fault = "resolver-refuses"
        facts = {"name": about, "kind": "MX", "reason": exchangers.reason, "resolver": vouching.resolver}
        yield Finding(key=fault, about=about, evidence=exchangers.evidence, facts=facts)
        return
    yield Finding(key=_dnssec(exchangers, vouching), about=about, facts={"name": about, "resolver": vouching.resolver})
    if exchangers.aliases:
        facts = {"name": about, "target": exchangers.aliases[-1]}
        yield Finding(key="domain-alias", about=about, evidence=_chain(about, exchangers.aliases), facts=facts)
    records = _mx(exchangers)
    if not records and host.addresses:
        yield Finding(key="mx-implicit", about=about, evidence=(*exchangers.evidence, *host.four.evidence), facts={"name": about})


async def _above(lookup: Lookup, exchangers: Answer) -> Answer | None:
    """Of a name that does not exist the exchangers of the domain above it, where that one takes mail: then the name is misspelt."""
    above = exchangers.name.partition(".")[2]
    if exchangers.outcome is not Outcome.MISSING or "." not in above:
        return None
    found = await lookup.ask(above, "MX")
    return found if any(name for _, name in _mx(found)) else None


def judge_below(missing: Answer, above: Answer) -> Iterator[Finding]:
    """A name that does not exist, below a domain that does."""
    order = ", ".join(name for _, name in _mx(above))
    facts = {"name": missing.name, "domain": above.name, "order": order}
    yield Finding(key="name-missing-below", about=missing.name, evidence=(*missing.evidence, *above.evidence), facts=facts)


def _dnssec(answer: Answer, vouching: Vouching) -> str:
    """A word that does not count proves nothing, nor does the silence of a resolver that does not validate (4035#4.9.3)."""
    if answer.secure:
        return "dnssec-signed"
    if answer.claimed:
        return "dnssec-unproven"
    return "dnssec-unknown" if vouching.word is Word.NONE else "dnssec-unsigned"


def judge_exchangers(exchangers: Answer, hosts: Sequence[Host]) -> Iterator[Finding]:
    """What is to say of the MX records together."""
    about, records = f"{exchangers.name} MX", _mx(exchangers)
    name = exchangers.name
    if any(not host for _, host in records):
        key = "mx-null" if len(records) == 1 else "mx-null-mixed"  # 7505#3: a null MX stands alone
        yield Finding(key=key, about=about, evidence=exchangers.evidence, facts={"name": name})
    elif records:
        order = ", ".join(f"{host} ({preference})" for preference, host in records)
        yield Finding(
            key="mx-found", about=about, evidence=exchangers.evidence, facts={"name": name, "count": str(len(records)), "order": order}
        )
    shared = _shared([each for each in hosts if len(hosts) > 1])
    if shared:
        yield Finding(key="mx-same-address", about=about, evidence=shared, facts={"name": name})


def _shared(hosts: Sequence[Host]) -> tuple[str, ...]:
    """Addresses that several exchangers have in common."""
    names: dict[str, list[str]] = {}
    for host in hosts:
        for address in host.addresses:
            names.setdefault(address, []).append(host.name)
    return tuple(f"{address}: {', '.join(found)}" for address, found in names.items() if len(found) > 1)


def judge_host(host: Host, *, exchanger: bool) -> Iterator[Finding]:
    """What is to say of one host; ``exchanger``: it stands behind MX."""
    facts = {"host": host.name}
    if is_ip(host.name):
        yield Finding(key="mx-address-literal", about=host.name, evidence=(f"MX {host.preference} {host.name}",), facts=facts)
        return
    if exchanger and host.aliases:
        target = host.aliases[-1]
        yield Finding(key="mx-alias", about=host.name, evidence=_chain(host.name, host.aliases), facts={**facts, "target": target})
    if not host.addresses:
        yield from _without_addresses(host, exchanger=exchanger)
        return
    yield from _judge_addresses(host)


def _without_addresses(host: Host, *, exchanger: bool) -> Iterator[Finding]:
    evidence = (*host.four.evidence, *host.six.evidence)
    facts = {"host": host.name, "reason": host.four.reason or host.six.reason}
    if not (host.four.definite and host.six.definite):
        if exchanger:
            yield Finding(key="mx-lookup-failed", about=host.name, evidence=evidence, facts=facts)
        return
    yield Finding(key="mx-unresolvable" if exchanger else "address-missing", about=host.name, evidence=evidence, facts=facts)


def _judge_addresses(host: Host) -> Iterator[Finding]:
    evidence = (*host.four.evidence, *host.six.evidence)
    unusable = tuple(address for address in host.addresses if not ip_address(address).is_global)
    if unusable:
        facts = {"host": host.name, "addresses": ", ".join(unusable)}
        yield Finding(key="address-private", about=host.name, evidence=evidence, facts=facts)
    if not host.four.records:
        yield Finding(key="no-ipv4", about=host.name, evidence=evidence, facts={"host": host.name})
    if not host.six.records and host.six.definite:
        yield Finding(key="no-ipv6", about=host.name, evidence=host.six.evidence, facts={"host": host.name})
    failed = next((answer for answer in (host.four, host.six) if not answer.definite), None)
    if failed is not None:
        facts = {"host": host.name, "kind": failed.kind, "reason": failed.reason}
        yield Finding(key="family-lookup-failed", about=host.name, evidence=failed.evidence, facts=facts)


def _chain(name: str, aliases: Iterable[str]) -> tuple[str, ...]:
    steps = [name, *aliases]
    return tuple(f"{left} CNAME {right}" for left, right in itertools.pairwise(steps))


async def _reverse(scene: Scene, addresses: Sequence[str]) -> list[Finding]:
    """Whether each address has a name, and that name the address (RFC 1912 section 2.1); a local one belongs to no public tree."""
    wanted = [each for each in dict.fromkeys(addresses) if ip_address(each).is_global][: scene.limits.addresses]
    found = await asyncio.gather(*(_reverse_of(scene.lookup, address) for address in wanted))
    return [finding for finding in found if finding is not None]


async def _reverse_of(lookup: Lookup, address: str) -> Finding | None:
    pointers = await reverse(lookup, address)
    kind = "AAAA" if ":" in address else "A"
    forward = await asyncio.gather(*(lookup.ask(name, kind) for name in pointers.records[:5]))
    return judge_reverse(address, pointers, forward)


def judge_reverse(address: str, pointers: Answer, forward: Sequence[Answer]) -> Finding | None:
    """What the PTR records of an address, and the addresses of the names in them, come to; None where they could not be had."""
    if not pointers.definite:
        return None
    facts = {"address": address, "names": ", ".join(pointers.records)}
    if not pointers.records:
        return Finding(key="reverse-missing", about=address, evidence=pointers.evidence, facts=facts)
    evidence = (*pointers.evidence, *(line for answer in forward for line in answer.evidence))
    if any(_same(address, answer.records) for answer in forward):
        return Finding(key="reverse-confirmed", about=address, evidence=evidence, facts=facts)
    if any(not answer.definite for answer in forward):
        return None
    return Finding(key="reverse-mismatch", about=address, evidence=evidence, facts=facts)


def _same(address: str, records: Sequence[str]) -> bool:
    return any(ip_address(address) == ip_address(record) for record in records)
