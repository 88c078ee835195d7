"""DMARC records and the walk up the tree that finds them. Asks the DNS by ``Ask``; judges no message.

RFC 7489 section 6.3 (the record) and 7.1 (reports sent elsewhere); RFC 9989 sections 4.7 (np, psd, t; pct is gone) and 4.10 (the walk).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.msgauth.tags import TagError, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.msgauth.asking import Answered, Ask

POLICIES = ("none", "quarantine", "reject")
KNOWN = frozenset({"v", "p", "sp", "np", "rua", "ruf", "adkim", "aspf", "fo", "t", "psd", "pct", "ri", "rf"})
GONE = frozenset({"pct", "ri", "rf"})
"""Tags of RFC 7489 that RFC 9989 took out."""
MOST_QUERIES = 8
"""Names asked for on the way up (RFC 9989 section 4.10)."""

_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_ALMOST = re.compile(r"\s*v\s*=\s*dmarc", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:([^@!\s]+@([A-Za-z0-9.\-_]+))(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


class DmarcSyntaxError(ValueError):
    """A record that receivers ignore as a whole; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it is read."""

    text: str
    policy: str
    """``none`` where p= is missing or wrong and reports are asked for."""
    subdomains: str
    """What sp= says, else the policy."""
    nonexistent: str
    """What np= says, else that of subdomains."""
    reports: tuple[str, ...] = ()
    """URIs of rua=."""
    failures: tuple[str, ...] = ()
    """URIs of ruf=."""
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False
    suffix: str = ""
    """psd=: ``y``, ``n`` or empty."""
    percent: int | None = None
    """pct=, which receivers of today ignore."""
    faults: tuple[str, ...] = ()
    """Tags whose value is none of theirs; receivers go on as if they were not there."""
    unknown: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def candidates(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those TXT records that are DMARC records."""
    return tuple(text for text in texts if _VERSION.match(text))


def misspelt(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those that were meant as one and are none, for their first tag is not ``v=DMARC1``."""
    return tuple(text for text in texts if _ALMOST.match(text) and not _VERSION.match(text))


def parse(text: str) -> Record:
    """Read a record. Raises DmarcSyntaxError."""
    try:
        tags = dict(pairs(text))
    except TagError as fault:
        raise DmarcSyntaxError(str(fault)) from fault
    faults: list[str] = []
    reports = _uris(tags.get("rua", ""))
    named = {tag: _policy(tags, tag, faults) for tag in ("p", "sp", "np")}
    if not named["p"] and not any(_MAILTO.fullmatch(uri) for uri in reports):
        raise DmarcSyntaxError("there is no p= that says none, quarantine or reject")
    flags = {tag: _choice(tags, tag, choices, faults) for tag, choices in _CHOICES.items()}
    percent = tags.get("pct", "")
    policy = named["p"] or "none"
    subdomains = named["sp"] or policy
    return Record(
        text=text,
        policy=policy,
        subdomains=subdomains,
        nonexistent=named["np"] or subdomains,
        reports=reports,
        failures=_uris(tags.get("ruf", "")),
        strict_dkim=flags["adkim"] == "s",
        strict_spf=flags["aspf"] == "s",
        testing=flags["t"] == "y",
        suffix=flags["psd"],
        percent=int(percent) if re.fullmatch(r"[0-9]{1,3}", percent) and int(percent) <= 100 else None,
        faults=tuple(faults),
        unknown=tuple(tag for tag in tags if tag not in KNOWN),
        gone=tuple(tag for tag in tags if tag in GONE),
    )


_CHOICES = {"adkim": "rs", "aspf": "rs", "t": "yn", "psd": "ynu"}


def _policy(tags: Mapping[str, str], tag: str, faults: list[str]) -> str:
    value = tags.get(tag, "").lower()
    if value in POLICIES:
        return value
    if tag in tags or tag == "p":
        faults.append(f"{tag}={tags[tag]}" if tag in tags else tag)
    return ""


def _choice(tags: Mapping[str, str], tag: str, choices: str, faults: list[str]) -> str:
    value = tags.get(tag, "").lower()
    if len(value) == 1 and value in choices:
        return value
    if tag in tags:
        faults.append(f"{tag}={tags[tag]}")
    return ""


def _uris(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def report_domain(uri: str) -> str:
    """The domain that a report would be mailed to; empty where the URI is no ``mailto:`` that can be used."""
    found = _MAILTO.fullmatch(uri)
    return found[2].lower().removesuffix(".") if found is not None else ""


# ---- the walk -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the walk led."""

    domain: str
    organizational: str
    """The domain that alignment is measured by."""
    at: str = ""
    """Whose record holds; empty: none does."""
    record: Record | None = None
    answers: Mapping[str, Answered]
    """What each name on the way answered."""

    @property
    def inherited(self) -> bool:
        """Whether the record stands above the domain."""
        return bool(self.at) and self.at != self.domain

    @property
    def applies(self) -> str:
        """The policy for the domain itself."""
        if self.record is None:
            return ""
        return self.record.subdomains if self.inherited else self.record.policy


def walk(domain: str) -> tuple[str, ...]:
    """The names whose ``_dmarc`` is asked for, the domain first: of long ones the lower labels are passed over."""
    labels = domain.lower().removesuffix(".").split(".")
    names = [".".join(labels)]
    rest = labels[1:] if len(labels) < MOST_QUERIES else labels[-(MOST_QUERIES - 1) :]
    while rest:
        names.append(".".join(rest))
        rest = rest[1:]
    return tuple(names)


async def discover(domain: str, dns: Ask) -> Found:
    """Walk up from ``domain``."""
    names = walk(domain)
    answers = await asyncio.gather(*(dns.ask(f"_dmarc.{name}", "TXT") for name in names))
    return settle(domain.lower().removesuffix("."), dict(zip(names, answers, strict=True)))


def settle(domain: str, answers: Mapping[str, Answered]) -> Found:
    """Which record holds, of those that the names on the way published."""
    records = {name: record for name, answer in answers.items() if (record := _only(answer)) is not None}
    organizational = _organizational(domain, records)
    above = next((name for name, record in records.items() if record.suffix == "y"), "")  # a public suffix with a policy of its own
    at = next((name for name in (domain, organizational, above) if name in records), "")
    return Found(domain=domain, organizational=organizational, at=at, record=records.get(at), answers=answers)


def _only(answer: Answered) -> Record | None:
    """The record of a name; several are as none."""
    found = candidates(answer.records)
    if len(found) != 1:
        return None
    try:
        return parse(found[0])
    except DmarcSyntaxError:
        return None


def _organizational(domain: str, records: Mapping[str, Record]) -> str:
    last = domain
    for name, record in records.items():
        if record.suffix == "n":
            return name
        if record.suffix == "y" and name != domain:
            labels = domain.split(".")
            return ".".join(labels[-(name.count(".") + 2) :])
        last = name
    return last
