"""What is wrong with a domain's DMARC policy, and whether its parts hold together. Asks the DNS by ``Ask``.

RFC 7489 sections 6.3 and 7.1, RFC 9989 sections 4.7 and 4.10; BIMI as its draft publishes it (``default._bimi``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.diagnose.shown import found
from waypost.msgauth.dmarc import DmarcSyntaxError, Found, Record, candidates, discover, misspelt, parse, report_domain
from waypost.msgauth.tags import TagError, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from waypost.diagnose.finding import Finding
    from waypost.msgauth.asking import Answered, Ask

_STRENGTH = {"none": 0, "quarantine": 1, "reject": 2}
MOST_DESTINATIONS = 8
"""Domains of report addresses whose consent is asked for."""


def judge(way: Found) -> Iterator[Finding]:
    """What is to say of the policy that holds for a domain."""
    domain, own = way.domain, way.answers[way.domain]
    about = f"_dmarc.{domain} TXT"
    if not own.definite:
        yield found("dmarc-lookup-failed", about, domain=domain)
        return
    yield from _unreadable(domain, own, about)
    if way.record is None:
        if not candidates(own.records) and not misspelt(own.records):
            asked = ", ".join(f"_dmarc.{name}" for name in way.answers)
            yield found("dmarc-missing", about, asked, domain=domain)
        return
    record, where = way.record, f"_dmarc.{way.at} TXT"
    if way.inherited:
        yield found("dmarc-inherited", where, record.text, domain=domain, at=way.at, policy=way.applies)
    yield from _judge(record, way, where)


def _unreadable(domain: str, own: Answered, about: str) -> Iterator[Finding]:
    """Records at the name itself that receivers pass over."""
    records = candidates(own.records)
    if len(records) > 1:
        yield found("dmarc-several", about, *records, domain=domain, count=len(records))
    elif len(records) == 1:
        try:
            parse(records[0])
        except DmarcSyntaxError as fault:
            yield found("dmarc-syntax", about, records[0], domain=domain, fault=fault)
    elif wrong := misspelt(own.records):
        yield found("dmarc-misspelt", about, *wrong, domain=domain, text=wrong[0])


def _judge(record: Record, way: Found, where: str) -> Iterator[Finding]:
    domain, policy = way.domain, way.applies
    faults = list(_tags(record, where, domain))
    yield from faults
    if policy == "none":
        yield found("dmarc-policy-none", where, record.text, domain=domain)
    elif record.testing:
        yield found("dmarc-testing", where, record.text, domain=domain, policy=policy)
    if _STRENGTH[record.subdomains] < _STRENGTH[record.policy]:
        facts = {"policy": record.policy, "subdomains": record.subdomains}
        yield found("dmarc-subdomains-open", where, record.text, domain=way.at, **facts)
    if not record.reports:
        yield found("dmarc-no-reports", where, record.text, domain=domain)
    if record.strict_dkim or record.strict_spf:
        strict = " ".join(tag for tag, on in (("adkim=s", record.strict_dkim), ("aspf=s", record.strict_spf)) if on)
        yield found("dmarc-strict", where, record.text, domain=domain, strict=strict)
    if policy != "none" and not record.testing and not any(fault.severity in ("warning", "error") for fault in faults):
        yield found("dmarc-valid", where, record.text, domain=domain, policy=policy, organizational=way.organizational)


def _tags(record: Record, where: str, domain: str) -> Iterator[Finding]:
    if record.faults:
        yield found("dmarc-value-wrong", where, record.text, domain=domain, tags=", ".join(record.faults))
    if record.percent is not None and record.percent < 100:
        yield found("dmarc-percent", where, record.text, domain=domain, percent=record.percent)
    elif record.gone:
        yield found("dmarc-tag-gone", where, record.text, domain=domain, tags=", ".join(record.gone))
    if record.unknown:
        yield found("dmarc-tag-unknown", where, record.text, domain=domain, tags=", ".join(record.unknown))
    wrong = [uri for uri in (*record.reports, *record.failures) if not report_domain(uri)]
    if wrong:
        yield found("dmarc-uri-wrong", where, record.text, domain=domain, uri=wrong[0])


async def judge_reports(way: Found, dns: Ask) -> list[Finding]:
    """Whether domains elsewhere agreed to take reports (7489#7.1)."""
    if way.record is None:
        return []
    uris = (*way.record.reports, *way.record.failures)
    elsewhere = [host for host in dict.fromkeys(report_domain(uri) for uri in uris) if host and host != way.at]
    own = await asyncio.gather(*(_same_owner(host, way, dns) for host in elsewhere[:MOST_DESTINATIONS]))
    asked = [host for host, same in zip(elsewhere, own, strict=False) if not same]
    answers = await asyncio.gather(*(dns.ask(f"{way.at}._report._dmarc.{host}", "TXT") for host in asked))
    return [
        found("dmarc-reports-unwanted", name, f"{name} TXT: nothing", domain=way.at, host=host, name=name)
        for host, answer in zip(asked, answers, strict=True)
        for name in (f"{way.at}._report._dmarc.{host}",)
        if answer.definite and not candidates(answer.records)
    ]


async def _same_owner(host: str, way: Found, dns: Ask) -> bool:
    return (await discover(host, dns)).organizational == way.organizational


def judge_together(way: Found, *, spf: bool, dkim: bool, domain: str) -> Iterator[Finding]:
    """Whether there is anything that DMARC could be passed by."""
    if way.record is not None and way.applies != "none" and not spf and not dkim:
        yield found("dmarc-without-means", f"_dmarc.{way.at} TXT", way.record.text, domain=domain, policy=way.applies)


def judge_bimi(domain: str, answer: Answered, way: Found) -> Iterator[Finding]:
    """The logo: optional, and shown under a policy alone that acts."""
    about = f"default._bimi.{domain} TXT"
    meant = [text for text in answer.records if text.replace(" ", "").lower().startswith("v=bimi")]
    if not meant:
        return
    tags = _bimi(meant[0])
    if len(meant) > 1 or tags is None or not tags.get("l", "").startswith("https://"):
        if len(meant) == 1 and tags is not None and tags.get("l") == "":
            yield found("bimi-declined", about, *meant, domain=domain)
        else:
            yield found("bimi-malformed", about, *meant, domain=domain)
    elif way.applies not in ("quarantine", "reject") or (way.record is not None and way.record.subdomains == "none"):
        yield found("bimi-without-policy", about, *meant, domain=domain, policy=way.applies or "none")
    else:
        yield found("bimi-present", about, *meant, domain=domain, logo=tags["l"])


def _bimi(text: str) -> Mapping[str, str] | None:
    try:
        tags = dict(pairs(text))
    except TagError:
        return None
    return tags if tags.get("v") == "BIMI1" and next(iter(tags)) == "v" else None
