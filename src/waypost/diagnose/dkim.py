"""What DKIM selectors of a domain publish, and which of it receivers cannot use. Asks the DNS by ``Ask``.

RFC 6376 section 3.6.1, RFC 8301 section 3 (lengths and hashes), RFC 8463, RFC 8020 (below a name that is not there is nothing).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.diagnose.shown import found
from waypost.msgauth.dkim_record import KeyDataError, KeyRecord, KeyRecordError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.msgauth.asking import Answered, Ask

COMMON = (
    *("default", "dkim", "dkim1", "mail", "email", "smtp", "mx", "key1", "key2", "s1", "s2", "k1", "k2", "k3", "selector1", "selector2"),
    *(
        "google",
        "fm1",
        "fm2",
        "fm3",
        "protonmail",
        "protonmail2",
        "zoho",
        "zmail",
        "mandrill",
        "mailjet",
        "pm",
        "sig1",
        "cm",
        "everlytickey1",
    ),
    *("mte1", "rsa", "ed25519", "2024", "2025", "2026"),
)
"""Selectors that software and services use by themselves."""
NOBODYS = "no-such-selector-1b7e"
"""Where this answers, a wildcard answers for all."""
SHORT, WEAK = 2048, 1024
"""Bits of RSA that signers should have, and those below which receivers must not look at a key (RFC 8301)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the selectors of a domain answered."""

    domain: str
    parent: Answered
    """What ``_domainkey`` itself answered."""
    given: dict[str, Answered]
    common: dict[str, Answered]
    wildcard: bool = False

    @property
    def published(self) -> dict[str, Answered]:
        """Those that answer with anything; of common ones only where no wildcard does."""
        common = {} if self.wildcard else self.common
        return {name: answer for name, answer in {**self.given, **common}.items() if answer.records}


async def ask(domain: str, selectors: Sequence[str], dns: Ask) -> Keys:
    """Ask for the selectors given and for common ones."""
    names = list(dict.fromkeys([*selectors, *COMMON, NOBODYS]))
    parent, *answers = await asyncio.gather(
        dns.ask(f"_domainkey.{domain}", "TXT"), *(dns.ask(f"{name}._domainkey.{domain}", "TXT") for name in names)
    )
    found_ = dict(zip(names, answers, strict=True))
    return Keys(
        domain=domain,
        parent=parent,
        given={name: found_[name] for name in selectors},
        common={name: found_[name] for name in COMMON if name not in selectors},
        wildcard=bool(found_[NOBODYS].records),
    )


def judge(keys: Keys, *, missing: bool) -> Iterator[Finding]:
    """What is to say of a domain's keys; ``missing``: ``_domainkey`` itself does not exist."""
    domain = keys.domain
    if keys.wildcard:
        yield found("dkim-wildcard", f"*._domainkey.{domain}", domain=domain, selector=NOBODYS)
    for selector, answer in keys.given.items():
        name = f"{selector}._domainkey.{domain}"
        if not answer.definite:
            yield found("dkim-lookup-failed", name, domain=domain, selector=selector)
        elif not answer.records:
            yield found("dkim-selector-missing", name, f"{name} TXT: nothing", domain=domain, selector=selector)
    if not keys.published and not keys.given and not keys.wildcard and keys.parent.definite:
        key = "dkim-none" if missing else "dkim-selector-unknown"
        yield found(key, f"_domainkey.{domain}", domain=domain, count=len(COMMON), selectors=", ".join(COMMON[:12]))
    for selector, answer in keys.published.items():
        yield from judge_selector(domain, selector, answer.records)


def judge_selector(domain: str, selector: str, records: Sequence[str]) -> Iterator[Finding]:
    """What one selector publishes."""
    name = f"{selector}._domainkey.{domain}"
    facts = {"domain": domain, "selector": selector}
    if len(records) > 1:
        yield found("dkim-several", name, *records, count=len(records), **facts)
        return
    try:
        record = parse(records[0])
    except KeyDataError as fault:
        yield found("dkim-key-unreadable", name, records[0], fault=fault, **facts)
    except KeyRecordError as fault:
        yield found("dkim-syntax", name, records[0], fault=fault, **facts)
    else:
        faults = list(_judge(record, name, records[0], facts))
        yield from faults
        if not any(fault.severity in ("warning", "error") for fault in faults) and not record.revoked:
            yield found("dkim-valid", name, records[0], kind=record.kind, bits=record.bits, **facts)


def _judge(record: KeyRecord, name: str, text: str, facts: dict[str, str]) -> Iterator[Finding]:
    if record.revoked:
        yield found("dkim-revoked", name, text, **facts)
        return
    if record.kind not in ("rsa", "ed25519"):
        yield found("dkim-kind-unknown", name, text, kind=record.kind, **facts)
    if record.kind == "rsa" and record.bits < WEAK:
        yield found("dkim-key-weak", name, text, bits=record.bits, **facts)
    elif record.kind == "rsa" and record.bits < SHORT:
        yield found("dkim-key-short", name, text, bits=record.bits, **facts)
    if record.kind == "ed25519":
        yield found("dkim-ed25519", name, text, **facts)
    if record.hashes and "sha256" not in record.hashes:
        yield found("dkim-sha1", name, text, hashes=", ".join(record.hashes), **facts)
    if not record.for_mail:
        yield found("dkim-not-for-mail", name, text, services=", ".join(record.services), **facts)
    if record.testing:
        yield found("dkim-testing", name, text, **facts)
