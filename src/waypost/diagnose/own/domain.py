"""One local domain: does its mail come here, and may this server send for it, by what it publishes. Asks the DNS, fetches a policy.

RFC 5321 section 5.1, RFC 7505 (null MX), RFC 7208 section 4 (check_host), RFC 9989 section 4.7, RFC 8461 section 3, RFC 8460 section 3.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.diagnose import dkim, dmarc, spf, sts
from waypost.diagnose.lookup import Outcome
from waypost.diagnose.own import records
from waypost.diagnose.own.records import with_record
from waypost.diagnose.probes.tls import Promise, fetch, judge_promise
from waypost.diagnose.shown import found
from waypost.msgauth.dmarc import discover
from waypost.msgauth.spf_check import Result, check_host
from waypost.net.held import here

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.lookup import Answer
    from waypost.diagnose.own.view import View
    from waypost.diagnose.scene import Scene
    from waypost.msgauth.spf_check import Checked

_MOST_HOSTS = 10
_UNASKED = frozenset({Outcome.SILENT, Outcome.FAILED, Outcome.BOGUS})
_TOLD_HERE = frozenset(
    {
        "spf-missing",
        "spf-valid",
        "dkim-none",
        "dkim-selector-unknown",
        "dmarc-missing",
        "sts-absent",
        "tlsrpt-absent",
        "dmarc-without-means",
    }
)
"""What is told with the record to publish, in place of what strangers are told."""


async def survey(view: View, scene: Scene, domain: str) -> list[Finding]:
    """Everything about one domain."""
    mx = await scene.lookup.ask(domain, "MX")
    if mx.outcome in _UNASKED:
        return [found("own-domain-unasked", f"{domain} MX", *mx.evidence, domain=domain, reason=mx.reason)]
    if mx.outcome is Outcome.MISSING:
        return [found("own-domain-missing", domain, *mx.evidence, domain=domain)]
    hosts = exchangers(mx)
    places = await _places(scene, hosts or [domain])
    made = list(judge_exchangers(view, domain, mx, places))
    parts = await asyncio.gather(
        _sender_policy(view, scene, domain, by_mx=bool(mine(view, places)) and bool(hosts)),
        _signatures(scene, domain),
        _message_policy(scene, domain),
        _transport(view, scene, domain, hosts),
    )
    return [*made, *(finding for part in parts for finding in part)]


def _without_told(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if finding.key not in _TOLD_HERE)


# ---- MX -------------------------------------------------------------------------------------------------------


def exchangers(mx: Answer) -> list[str]:
    """Hosts, best first; a null MX gives none."""
    rows = sorted((int(preference), host.rstrip(".")) for preference, _, host in (record.partition(" ") for record in mx.records))
    return [host for _, host in rows if host]


async def _places(scene: Scene, hosts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    async def addresses(host: str) -> tuple[str, ...]:
        four, six = await asyncio.gather(scene.lookup.ask(host, "A"), scene.lookup.ask(host, "AAAA"))
        return (*four.records, *six.records)

    wanted = hosts[:_MOST_HOSTS]
    return dict(zip(wanted, await asyncio.gather(*(addresses(host) for host in wanted)), strict=True))


def mine(view: View, places: dict[str, tuple[str, ...]]) -> list[str]:
    """Those hosts that are this server: by name, or because one of their addresses is this machine's or the hostname's."""
    own = set(view.addresses)
    return [host for host, found_ in places.items() if host == view.own.hostname or own & set(found_) or any(map(here, found_))]


def judge_exchangers(view: View, domain: str, mx: Answer, places: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Whether mail for the domain comes to this server."""
    hostname, about = view.own.hostname, f"{domain} MX"
    record = records.exchanger(domain, hostname)
    ours = mine(view, places)
    facts = {"domain": domain, "hostname": hostname, "hosts": ", ".join(places)}
    evidence = (*mx.evidence, *(f"{host}: {', '.join(found_) or 'no address'}" for host, found_ in places.items()))
    if not mx.records:
        key = "own-mx-implicit" if ours else "own-mx-missing"
        yield with_record(key, about, record, *evidence, **facts)
    elif not exchangers(mx):
        yield with_record("own-mx-null", about, record, *mx.evidence, **facts)
    elif ours:
        yield found("own-mx-here", about, *evidence, **facts, ours=", ".join(ours))
    else:
        yield with_record("own-mx-elsewhere", about, record, *evidence, **facts)


# ---- SPF, DKIM, DMARC -----------------------------------------------------------------------------------------


async def _sender_policy(view: View, scene: Scene, domain: str, *, by_mx: bool) -> list[Finding]:
    seen = await spf.survey(domain, scene.lookup)
    own = view.own
    made = list(_without_told(spf.judge(seen)))
    if seen.answer.definite and not seen.records:
        record = records.sender_policy(domain, own.hostname, by_mx=by_mx)
        return [*made, with_record("own-spf-missing", f"{domain} TXT", record, domain=domain, hostname=own.hostname)]
    if seen.record is None or not view.senders:
        return made
    checked = [await check_host(address, domain, f"postmaster@{domain}", own.hostname, scene.lookup) for address in view.senders]
    record = records.sender_policy(domain, own.hostname, by_mx=by_mx, present=seen.record)
    return [*made, *judge_senders(view, domain, checked, record, seen.records[0])]


def judge_senders(view: View, domain: str, checked: Sequence[Checked], record: str, present: str) -> Iterator[Finding]:
    """Whether each address from which mail leaves may send for the domain."""
    results = dict(zip(view.senders, checked, strict=True))
    evidence = [present, *(f"{address}: {each.result} ({each.because})" for address, each in results.items())]
    facts = {"domain": domain, "hostname": view.own.hostname, "addresses": ", ".join(view.senders)}
    bad = {address: each for address, each in results.items() if each.result is not Result.PASS}
    if not bad:
        yield found("own-spf-permits", f"{domain} TXT", *evidence, **facts)
        return
    worst = {each.result for each in bad.values()}
    facts |= {"refused": ", ".join(bad), "result": ", ".join(sorted(worst))}
    if worst & {Result.FAIL, Result.SOFTFAIL}:
        yield with_record("own-spf-refuses", f"{domain} TXT", record, *evidence, **facts)
    elif worst <= {Result.NEUTRAL, Result.NONE}:
        yield with_record("own-spf-undecided", f"{domain} TXT", record, *evidence, **facts)


async def _signatures(scene: Scene, domain: str) -> list[Finding]:
    """Keys under the selectors that were given and common ones: this server makes no signatures itself."""
    keys = await dkim.ask(domain, scene.options.selectors, scene.lookup)
    made = list(_without_told(dkim.judge(keys, missing=False)))
    if not keys.published and not keys.given and not keys.wildcard and keys.parent.definite:
        made.append(found("own-dkim-none", f"_domainkey.{domain}", domain=domain))
    return made


async def _message_policy(scene: Scene, domain: str) -> list[Finding]:
    way = await discover(domain, scene.lookup)
    judged = list(dmarc.judge(way))
    made = list(_without_told(judged))
    if any(finding.key == "dmarc-missing" for finding in judged):
        made.append(with_record("own-dmarc-missing", f"_dmarc.{domain} TXT", records.message_policy(domain), domain=domain))
    return [*made, *await dmarc.judge_reports(way, scene.lookup)]


# ---- TLS ------------------------------------------------------------------------------------------------------


async def _transport(view: View, scene: Scene, domain: str, hosts: Sequence[str]) -> list[Finding]:
    """MTA-STS and reports: looked at where they are published, else offered."""
    announced, reports = await asyncio.gather(
        scene.lookup.ask(f"_mta-sts.{domain}", "TXT"), scene.lookup.ask(f"_smtp._tls.{domain}", "TXT")
    )
    promise = Promise(findings=list(sts.judge_record(domain, announced)))
    if len(sts.records(announced)) == 1:
        fetched = await fetch(scene, domain)
        promise.findings += sts.judge_fetch(domain, fetched)
        if fetched.status == 200 and not fetched.failure:
            promise.policy, made = sts.judge_policy(domain, fetched, hosts)
            promise.findings += made
    judged = judge_promise(domain, promise, reports, {view.own.hostname} if view.unbelieved else set())
    return [*_without_told(judged), *_offered({finding.key for finding in judged}, view, domain, hosts, scene.clock.wall())]


def _offered(keys: set[str], view: View, domain: str, hosts: Sequence[str], now: float) -> Iterator[Finding]:
    """What could be published beside, once TLS is believed."""
    if "sts-absent" in keys and view.chain and not view.unbelieved:
        policy = records.transport_policy(hosts or [view.own.hostname])
        record = records.transport_security(domain, now)
        yield with_record("own-sts-absent", f"_mta-sts.{domain} TXT", record, domain=domain, policy=policy)
    if "tlsrpt-absent" in keys:
        yield with_record("own-tlsrpt-absent", f"_smtp._tls.{domain} TXT", records.transport_reports(domain), domain=domain)
