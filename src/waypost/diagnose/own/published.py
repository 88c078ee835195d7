"""The DNS as it is published against what this server needs: its own name, and each local domain. Asks the DNS; talks to no mail server.

RFC 5321 sections 2.3.5 and 5.1, RFC 1912 section 2.1 (names and addresses), RFC 7208 (SPF), RFC 9989 (DMARC), RFC 8461, RFC 7672.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose import tlsa
from waypost.diagnose.lookup import Outcome, reverse
from waypost.diagnose.own import records
from waypost.diagnose.own.domain import survey
from waypost.diagnose.own.records import with_record
from waypost.diagnose.plan import SMTP
from waypost.diagnose.probes.names import Host, judge_host, judge_reverse
from waypost.diagnose.shown import found
from waypost.net.held import here, outward
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.lookup import Answer
    from waypost.diagnose.own.view import View
    from waypost.diagnose.scene import Scene

MOST_DOMAINS = 5
"""Local domains whose records are looked at."""


async def probe_name(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """Whether the hostname leads here, and its addresses lead back to it."""
    own = view.own
    if "." not in own.hostname or own.dev:
        return
    ask = scene.lookup.ask
    view.four, view.six = await asyncio.gather(ask(own.hostname, "A"), ask(own.hostname, "AAAA"))
    outside = [each for each in (outward(4), outward(6)) if each]
    view.senders = senders(view.addresses, outside)
    for finding in judge_name(view, outside):
        yield finding
    for address in [each for each in view.senders if ip_address(each).is_global]:
        pointers = await reverse(scene.lookup, address)
        forward = await asyncio.gather(*(ask(name, "AAAA" if ":" in address else "A") for name in pointers.records[:5]))
        for finding in judge_pointers(view, address, pointers, forward):
            yield finding


async def probe_domains(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """Each local domain, as many as are looked at, and DANE of the hostname; nothing where no resolver answers, which is told already."""
    own = view.own
    if own.dev or view.four.outcome is Outcome.SILENT:
        return
    for finding in await _dane(view, scene):
        yield finding
    wanted = False
    for task in [asyncio.ensure_future(survey(view, scene, domain)) for domain in own.local[:MOST_DOMAINS]]:
        for finding in await task:
            wanted = wanted or finding.key == "own-mx-here"
            yield finding
    for finding in judge_heard(view, wanted=wanted):
        yield finding
    left = len(own.local) - MOST_DOMAINS
    if left > 0:
        yield found("own-domains-left-out", "domains.local", *own.local[MOST_DOMAINS:], count=left, most=MOST_DOMAINS)


def senders(published: Sequence[str], outside: Sequence[str]) -> tuple[str, ...]:
    """Public addresses from which mail leaves: those that this machine speaks from, or those of the name where a router stands in front."""
    direct = [each for each in outside if ip_address(each).is_global]
    return tuple(dict.fromkeys(direct or [each for each in published if ip_address(each).is_global]))


# ---- the name -------------------------------------------------------------------------------------------------


def judge_name(view: View, outside: Sequence[str]) -> Iterator[Finding]:
    """What the addresses of the hostname come to. ``outside``: those from which this machine speaks to the internet."""
    own, evidence = view.own, (*view.four.evidence, *view.six.evidence)
    facts = {"hostname": own.hostname, "addresses": ", ".join(view.addresses) or "-", "outside": ", ".join(outside) or "-"}
    if not (view.four.definite and view.six.definite):
        reason = view.four.reason or view.six.reason
        yield found("own-name-unasked", own.hostname, *evidence, **facts, reason=reason)
        return
    if not view.addresses:
        yield with_record("own-name-missing", own.hostname, records.address(own.hostname, view.senders), *evidence, **facts)
        return
    yield from (each for each in judge_host(Host(name=own.hostname, preference=0, four=view.four, six=view.six), exchanger=False))
    if any(here(address) for address in view.addresses):
        yield found("own-name-here", own.hostname, *evidence, **facts)
    elif any(ip_address(each).is_global for each in outside):
        yield with_record("own-name-elsewhere", own.hostname, records.address(own.hostname, view.senders), *evidence, **facts)
    else:
        yield found("own-name-behind", own.hostname, *evidence, **facts)


def judge_pointers(view: View, address: str, pointers: Answer, forward: Sequence[Answer]) -> Iterator[Finding]:
    """Whether the address leads back to the very name with which the server greets."""
    hostname = view.own.hostname
    judged = judge_reverse(address, pointers, forward)
    if judged is None:
        return
    facts = {"address": address, "names": ", ".join(pointers.records) or "-", "hostname": hostname}
    record = records.pointer(address, hostname)
    if judged.key != "reverse-confirmed":
        yield with_record("own-reverse-missing", address, record, *judged.evidence, **facts)
    elif hostname not in pointers.records:
        yield with_record("own-reverse-differs", address, record, *judged.evidence, **facts)
    else:
        yield judged


# ---- who hears it ---------------------------------------------------------------------------------------------


def judge_heard(view: View, *, wanted: bool) -> Iterator[Finding]:
    """Whether a listener hears what comes to each address of the name. ``wanted``: MX records lead mail here."""
    own = view.own
    heard = [door.place for door in own.doors if door.role is Role.RELAY and door.place.port == SMTP]
    facts = {"hostname": own.hostname, "listens": ", ".join(map(str, heard)) or "-"}
    if not heard:
        if wanted:
            yield found("own-port-25-absent", "listeners", *(str(door.place) for door in own.doors), **facts)
        return
    for address in view.addresses:
        everywhere = "::" if ":" in address else "0.0.0.0"  # noqa: S104 - compared, not bound
        if here(address) and not any(place.address in (address, everywhere) for place in heard):
            yield found("own-address-unheard", address, *map(str, heard), **facts, address=address, everywhere=everywhere)


# ---- DANE -----------------------------------------------------------------------------------------------------


async def _dane(view: View, scene: Scene) -> list[Finding]:
    """TLSA records of the hostname against the certificate on disk."""
    own, host = view.own, view.own.hostname
    if "." not in host or not view.addresses:
        return []
    answer, vouching = await asyncio.gather(scene.lookup.ask(f"_{SMTP}._tcp.{host}", "TLSA"), scene.lookup.vouching())
    signed = [(await scene.lookup.ask(domain, "MX")).secure for domain in own.local[:MOST_DOMAINS]]
    met = tlsa.Met(
        host=host,
        answer=answer,
        chain=view.chain,
        reached=bool(view.chain),
        mx_secure=any(signed) if signed else None,
        vouching=vouching,
    )
    return list(judge_dane(view, met))


def judge_dane(view: View, met: tlsa.Met) -> Iterator[Finding]:
    """As for any host, and with the record to publish."""
    for finding in tlsa.judge(met):
        match finding.key:
            case "dane-mismatch":
                record = records.association(met.host, view.chain[0])
                yield with_record("own-tlsa-wrong", finding.about, record, *finding.evidence, hostname=met.host)
            case "dane-absent":
                if view.chain and view.four.secure:
                    yield with_record("own-tlsa-absent", finding.about, records.association(met.host, view.chain[0]), hostname=met.host)
            case _:
                yield finding
