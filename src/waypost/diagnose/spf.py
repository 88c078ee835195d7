"""What is wrong with the SPF record of a domain, and with all that it includes. Asks the DNS by ``Ask``; knows no mail server.

RFC 7208 sections 3 (the record), 4.6.4 (limits), 5.2 (include), 5.5 (ptr), 6.1 (redirect). Counted is the worst case: an address that no
term matches, for which every term is gone through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.diagnose.shown import found
from waypost.msgauth.spf import ASKING, Kind, Mechanism, Qualifier, Record, SpfSyntaxError, candidates, parse
from waypost.msgauth.spf_check import MOST_LOOKUPS, MOST_NAMES, MOST_VOIDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.diagnose.finding import Finding
    from waypost.msgauth.asking import Answered, Ask

ENOUGH = 40
"""Look-ups after which the count goes on no further: it is far too many already."""
DEEP = 10
"""Records within records."""
NEAR = 8
"""Look-ups from which on one more service would be too many."""
LONG = 450
"""Octets of a record that fit into an answer by UDP (7208#3.4)."""
WIDE = {4: 16, 6: 32}
"""Prefixes shorter than this let in more than one network's worth of strangers."""


@dataclass(slots=True, kw_only=True)
class Survey:
    """What was read on the way through a domain's record."""

    domain: str
    answer: Answered
    record: Record | None = None
    fault: str = ""
    """Why the record cannot be read."""
    lookups: list[str] = field(default_factory=list)
    """The terms that ask the DNS, each with the domain whose record holds it."""
    voids: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Includes and redirects that lead to no record, several, or one that cannot be read."""
    failed: list[str] = field(default_factory=list)
    """Look-ups that could not be made."""
    loops: list[str] = field(default_factory=list)
    crowded: list[str] = field(default_factory=list)
    """``mx`` with more exchangers than receivers ask for."""
    pointers: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    """Terms that let everybody pass."""
    wide: list[str] = field(default_factory=list)

    @property
    def records(self) -> tuple[str, ...]:
        """The SPF records of the domain itself."""
        return candidates(self.answer.records)


async def survey(domain: str, dns: Ask) -> Survey:
    """Read a domain's record and those that it leads to."""
    answer = await dns.ask(domain, "TXT")
    seen = Survey(domain=domain, answer=answer)
    if len(seen.records) == 1:
        try:
            seen.record = parse(seen.records[0])
        except SpfSyntaxError as fault:
            seen.fault = str(fault)
            return seen
        await _go_through(seen, seen.record, (domain,), dns)
    return seen


async def _go_through(seen: Survey, record: Record, path: tuple[str, ...], dns: Ask) -> None:
    here = path[-1]
    for mechanism in record.mechanisms:
        _note(seen, mechanism, here)
        if mechanism.kind in ASKING:
            seen.lookups.append(f"{here}: {mechanism.text}")
            if len(seen.lookups) >= ENOUGH:
                return
            await _follow(seen, mechanism, path, dns)
        if mechanism.kind is Kind.ALL:
            return
    if record.redirect and len(seen.lookups) < ENOUGH:
        seen.lookups.append(f"{here}: redirect={record.redirect}")
        await _enter(seen, record.redirect, path, dns)


def _note(seen: Survey, mechanism: Mechanism, here: str) -> None:
    """What a term is, apart from where it leads."""
    term = f"{here}: {mechanism.text}"
    network = mechanism.network
    everybody = mechanism.kind is Kind.ALL or (network is not None and not network.prefixlen)
    if mechanism.kind is Kind.PTR:
        seen.pointers.append(term)
    if everybody and mechanism.qualifier is Qualifier.PASS:
        seen.open.append(term)
    elif network is not None and mechanism.qualifier is Qualifier.PASS and network.prefixlen < WIDE[network.version]:
        seen.wide.append(term)


async def _follow(seen: Survey, mechanism: Mechanism, path: tuple[str, ...], dns: Ask) -> None:
    target = mechanism.domain or path[-1]
    if "%" in target:
        return  # depends on who sends
    match mechanism.kind:
        case Kind.INCLUDE:
            await _enter(seen, target, path, dns)
        case Kind.A:
            await _addresses(seen, target, dns)
        case Kind.EXISTS:
            _count(seen, f"{target} A", await dns.ask(target, "A"))
        case Kind.MX:
            answer = await dns.ask(target, "MX")
            _count(seen, f"{target} MX", answer)
            if len(answer.records) > MOST_NAMES:
                seen.crowded.append(f"{path[-1]}: {mechanism.text} ({len(answer.records)} exchangers)")


async def _addresses(seen: Survey, target: str, dns: Ask) -> None:
    answer = await dns.ask(target, "A")
    if answer.definite and not answer.records:
        six = await dns.ask(target, "AAAA")
        if six.records:
            return  # a void for one family alone
    _count(seen, f"{target} A", answer)


def _count(seen: Survey, question: str, answer: Answered) -> None:
    if not answer.definite:
        seen.failed.append(question)
    elif not answer.records:
        seen.voids.append(question)


async def _enter(seen: Survey, target: str, path: tuple[str, ...], dns: Ask) -> None:
    target = target.lower().removesuffix(".")
    steps = " > ".join((*path, target))
    if target in path or len(path) > DEEP:
        seen.loops.append(steps)
        return
    answer = await dns.ask(target, "TXT")
    records = candidates(answer.records)
    if not answer.definite:
        seen.failed.append(f"{target} TXT")
    elif len(records) != 1:
        seen.broken.append(f"{steps}: {'no SPF record' if not records else f'{len(records)} SPF records'}")
        if not answer.records:
            seen.voids.append(f"{target} TXT")
    else:
        try:
            record = parse(records[0])
        except SpfSyntaxError as fault:
            seen.broken.append(f"{steps}: {fault}")
            return
        await _go_through(seen, record, (*path, target), dns)


# ---- judging --------------------------------------------------------------------------------------------------


def judge(seen: Survey) -> Iterator[Finding]:
    """What is to say of a domain's SPF."""
    domain, about = seen.domain, f"{seen.domain} TXT"
    if not seen.answer.definite:
        yield found("spf-lookup-failed", about, domain=domain)
        return
    if not seen.records:
        almost = [text for text in seen.answer.records if _almost(text)]
        yield found("spf-misspelt" if almost else "spf-missing", about, *almost, domain=domain, text=almost[0] if almost else "")
        return
    if len(seen.records) > 1:
        yield found("spf-several", about, *seen.records, domain=domain, count=len(seen.records))
        return
    if seen.record is None:
        yield found("spf-syntax", about, *seen.records, domain=domain, fault=seen.fault)
        return
    faults = [*_errors(seen, about), *_pitfalls(seen, about), *_endings(seen, seen.record, about)]
    yield from faults
    if not any(fault.severity in ("warning", "error") for fault in faults):
        yield found("spf-valid", about, *seen.records, domain=domain, lookups=len(seen.lookups))


def _almost(text: str) -> bool:
    """Whether somebody meant this as an SPF record."""
    bare = text.strip().strip("\"'").replace(" ", "").lower()
    return bare.startswith(("v=spf", "spf1", "spf2.0/", "v:spf", "v-spf"))


def _errors(seen: Survey, about: str) -> Iterator[Finding]:
    """What makes receivers give up: permerror and temperror."""
    domain = seen.domain
    if seen.loops:
        yield found("spf-loop", about, *seen.loops, domain=domain, path=seen.loops[0])
    if len(seen.lookups) > MOST_LOOKUPS:
        count = f"{ENOUGH}+" if len(seen.lookups) >= ENOUGH else str(len(seen.lookups))
        yield found("spf-lookups-many", about, *seen.lookups, domain=domain, count=count, most=MOST_LOOKUPS)
    if seen.broken:
        yield found("spf-include-broken", about, *seen.broken, domain=domain, first=seen.broken[0])
    if len(seen.voids) > MOST_VOIDS:
        yield found("spf-voids-many", about, *seen.voids, domain=domain, count=len(seen.voids), most=MOST_VOIDS)
    if seen.crowded:
        yield found("spf-mx-crowded", about, *seen.crowded, domain=domain, most=MOST_NAMES)
    if seen.failed:
        yield found("spf-term-unanswered", about, *seen.failed, domain=domain, first=seen.failed[0])
    if seen.open:
        yield found("spf-allows-all", about, *seen.open, domain=domain, term=seen.open[0])


def _pitfalls(seen: Survey, about: str) -> Iterator[Finding]:
    domain, text = seen.domain, seen.records[0]
    if NEAR <= len(seen.lookups) <= MOST_LOOKUPS:
        yield found("spf-lookups-near", about, *seen.lookups, domain=domain, count=len(seen.lookups), most=MOST_LOOKUPS)
    if 0 < len(seen.voids) <= MOST_VOIDS:
        yield found("spf-voids", about, *seen.voids, domain=domain, first=seen.voids[0])
    if seen.pointers:
        yield found("spf-ptr", about, *seen.pointers, domain=domain, term=seen.pointers[0])
    if seen.wide:
        yield found("spf-wide", about, *seen.wide, domain=domain, term=seen.wide[0])
    if len(text) > LONG:
        yield found("spf-long", about, text, domain=domain, octets=len(text), most=LONG)


def _endings(seen: Survey, record: Record, about: str) -> Iterator[Finding]:
    """How the record ends: what it says of everybody else."""
    domain, last = seen.domain, record.all
    if last is None:
        if not record.redirect:
            yield found("spf-open-end", about, record.text, domain=domain)
        return
    behind = record.mechanisms[record.mechanisms.index(last) + 1 :]
    if behind:
        yield found("spf-behind-all", about, record.text, domain=domain, terms=" ".join(each.text for each in behind))
    if record.redirect:
        yield found("spf-redirect-ignored", about, record.text, domain=domain, target=record.redirect)
    if last.qualifier is Qualifier.NEUTRAL:
        yield found("spf-neutral-all", about, record.text, domain=domain)
    if last.qualifier is Qualifier.FAIL and record.mechanisms[0] is last:
        yield found("spf-sends-nothing", about, record.text, domain=domain)
