"""The sending domain: what it publishes so that others believe its mail, and what is said of the addresses. Talks to no mail server."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose import dkim, dmarc, lists, spf
from waypost.diagnose.lookup import Outcome, reverse
from waypost.diagnose.plan import Given
from waypost.diagnose.reverse import looks_generated
from waypost.diagnose.scene import Source, is_ip
from waypost.diagnose.shown import found
from waypost.msgauth.dmarc import discover
from waypost.msgauth.spf_check import Result, check_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Scene


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """SPF, DKIM, DMARC and BIMI of the domain; generated names and block lists of its servers' addresses."""
    domain = await mail_domain(scene)
    if domain is not None:
        for finding in await judge_domain(scene, domain):
            yield finding
    elif not is_ip(scene.target.name) and scene.servers and scene.servers[0].published:
        yield found("domain-not-asked", scene.target.name, name=scene.target.name)
    addresses = public_addresses(scene)
    for finding in await judge_names(scene, addresses):
        yield finding
    if addresses:
        states, listings = await lists.survey(addresses, scene.lookup)
        for finding in lists.judge(states, listings, addresses):
            yield finding


async def mail_domain(scene: Scene) -> str | None:
    """The domain whose mail policy is looked at: a bare host is none, for it has no MX and nobody writes from it.

    Nor is a name that is not there, or about which no resolver tells anything: that is found already.
    """
    as_domain = scene.target.given is Given.MAILBOX or any(server.source is Source.EXCHANGER for server in scene.servers)
    if scene.domain is None or not (as_domain or not scene.servers):
        return None
    known = (await scene.lookup.ask(scene.domain, "MX")).outcome in (Outcome.FOUND, Outcome.EMPTY)
    return scene.domain if known else None


def public_addresses(scene: Scene) -> list[str]:
    """Those addresses of servers that strangers see."""
    every = dict.fromkeys(address for server in scene.servers for address in server.addresses)
    return [address for address in every if ip_address(address).is_global]


async def judge_domain(scene: Scene, domain: str) -> list[Finding]:
    """All that the domain itself publishes."""
    dns = scene.lookup
    seen, keys, way, logo, parent = await asyncio.gather(
        spf.survey(domain, dns),
        dkim.ask(domain, scene.options.selectors, dns),
        discover(domain, dns),
        dns.ask(f"default._bimi.{domain}", "TXT"),
        dns.ask(f"_domainkey.{domain}", "TXT"),
    )
    parked = seen.record is not None and any(each.text.lower() == "-all" for each in seen.record.mechanisms[:1])
    signing = dkim.judge(keys, missing=parent.outcome is Outcome.MISSING)
    senders = [] if parked else [address for server in scene.servers if server.published for address in server.addresses]
    return [
        *spf.judge(seen),
        *await judge_exchangers(scene, domain, seen, senders),
        *(finding for finding in signing if not (parked and finding.key in ("dkim-none", "dkim-selector-unknown"))),
        *dmarc.judge(way),
        *await dmarc.judge_reports(way, dns),
        *dmarc.judge_together(way, spf=seen.record is not None, dkim=bool(keys.published) or keys.wildcard, domain=domain),
        *dmarc.judge_bimi(domain, logo, way),
    ]


async def judge_exchangers(scene: Scene, domain: str, seen: spf.Survey, addresses: Sequence[str]) -> list[Finding]:
    """Whether the hosts that take mail may send it too: in small houses they are the same."""
    if seen.record is None or not addresses:
        return []
    wanted = addresses[: scene.limits.addresses]
    checked = await asyncio.gather(*(check_host(address, domain, f"postmaster@{domain}", domain, scene.lookup) for address in wanted))
    results = {address: each.result for address, each in zip(wanted, checked, strict=True)}
    if any(result in (Result.PASS, Result.PERMERROR, Result.TEMPERROR) for result in results.values()):
        return []
    evidence = [f"{address}: {each.result} ({each.because})" for address, each in zip(wanted, checked, strict=True)]
    return [found("spf-exchangers-absent", f"{domain} TXT", *evidence, domain=domain, addresses=", ".join(results))]


async def judge_names(scene: Scene, addresses: Sequence[str]) -> list[Finding]:
    """Reverse names that a provider made out of the address."""
    wanted = addresses[: scene.limits.addresses]
    answers = await asyncio.gather(*(reverse(scene.lookup, address) for address in wanted))
    return [
        found("reverse-generated", address, *answer.evidence, address=address, name=answer.records[0])
        for address, answer in zip(wanted, answers, strict=True)
        if answer.records and all(looks_generated(name, address) for name in answer.records)
    ]
