"""A check as its page shows it: stages, servers, findings, each line of evidence with the pages that explain it. Pure.

Everything in it that is not ours comes from strangers; templates escape all of it, and links lead into the reference or to standards alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from waypost.diagnose.check import PROBES, Began, Ended, Found
from waypost.diagnose.finding import Severity, Stage
from waypost.diagnose.scene import Way
from waypost.replies.records import Reference
from waypost.replies.terms import label, spaced
from waypost.web.reference.linking import Run as Piece
from waypost.web.reference.linking import extension, reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from waypost.diagnose.check import Progress
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Contact, Hello, Place
    from waypost.diagnose.verdict import Diagnosis

GRAVE = (Severity.ERROR, Severity.WARNING)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE, Severity.OK)
_STAGES = tuple(dict.fromkeys(step.stage for step in PROBES))
_SIDE = re.compile(r"[CS]: ")
_CODED = re.compile(r"[2-5]\d\d(?:[ -]|$)")
_OTHERS = 8
"""Places that are named of those that have a finding in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage on the way."""

    name: str
    says: str
    state: str
    """``waiting``, ``now`` or ``over``."""
    worst: str
    """The gravest severity that was found there; empty: nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding, with all places that have it."""

    anchor: str
    """Where it stands in its page."""
    severity: str
    says: str
    """The severity in words."""
    title: str
    about: str
    others: Sequence[str]
    meaning: str
    fix: str
    evidence: Sequence[Sequence[Piece]]
    standards: Sequence[Reference]
    pages: Sequence[tuple[str, str]]
    """Name and page of what the reference tells of codes and extensions in it."""

    @property
    def grave(self) -> bool:
        """Whether somebody should do something."""
        return self.severity in GRAVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """The findings of one stage: those that matter, and the others."""

    name: str
    says: str
    grave: Sequence[Told]
    quiet: Sequence[Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One address of a server."""

    host: str
    address: str
    ways: Sequence[tuple[str, str, str]]
    """State, its words, and the ports that are in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What EHLO lists, and at which ports."""

    ports: str
    keywords: Sequence[tuple[str, str, str]]
    """Keyword, parameters, page."""


# ---- while it lasts ------------------------------------------------------------------------------------------


def steps(progress: Iterable[Progress], lang: str) -> list[Step]:
    """Every stage, in order, as it stands."""
    state: dict[Stage, str] = {}
    worst: dict[Stage, Severity] = {}
    for each in progress:
        match each:
            case Began(stage):
                state[stage] = "now"
            case Ended(stage, _):
                state[stage] = "over"
            case Found(finding):
                worst[finding.stage] = min(worst.get(finding.stage, Severity.OK), finding.severity, key=_ORDER.index)
    return [
        Step(
            name=stage.value,
            says=label("stage", stage.value, lang),
            state=state.get(stage, "waiting"),
            worst=worst[stage].value if stage in worst else "",
        )
        for stage in _STAGES
    ]


def event(progress: Progress, lang: str) -> tuple[str, dict[str, Any]]:
    """The name and the content of a server-sent event."""
    match progress:
        case Began(stage):
            return "stage", {"stage": stage.value, "state": "now", "says": label("stage", stage.value, lang)}
        case Ended(stage, _):
            return "stage", {"stage": stage.value, "state": "over", "says": label("stage", stage.value, lang)}
        case Found(finding):
            return "finding", brief(finding, lang)


def brief(finding: Finding, lang: str) -> dict[str, str]:
    """A finding in a line."""
    severity = finding.severity.value
    says = label("severity", severity, lang)
    title = finding.told(lang).title
    return {"stage": finding.stage.value, "severity": severity, "says": says, "title": title, "about": finding.about}


# ---- when it is over -----------------------------------------------------------------------------------------


def chapters(findings: Sequence[Finding], lang: str) -> list[Chapter]:
    """The findings by stage, the gravest first; what several places have in common is told once."""
    made = []
    for stage, group in groupby(findings, key=lambda finding: finding.stage):
        told = _alike(sorted(group, key=lambda finding: _ORDER.index(finding.severity)), lang)
        made.append(
            Chapter(
                name=stage.value,
                says=label("stage", stage.value, lang),
                grave=[each for each in told if each.grave],
                quiet=[each for each in told if not each.grave],
            )
        )
    return made


def _alike(findings: Sequence[Finding], lang: str) -> list[Told]:
    same: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        sameness = finding.facts.get("code", "") if finding.severity in GRAVE else finding.told(lang).title
        same.setdefault((finding.severity.value, finding.key, sameness), []).append(finding)
    return [told(first, lang, others, number) for number, (first, *others) in enumerate(same.values(), 1)]


def told(finding: Finding, lang: str, others: Sequence[Finding] = (), number: int = 0) -> Told:
    """One finding, whole; ``others`` are the same elsewhere, ``number`` is its place among those of its stage."""
    words = finding.told(lang)
    named = [other.about for other in others]
    return Told(
        anchor=f"{finding.stage.value}-{number}",
        severity=finding.severity.value,
        says=label("severity", finding.severity.value, lang),
        title=words.title,
        about=finding.about,
        others=named if len(named) <= _OTHERS else [*named[:_OTHERS], "…"],
        meaning=words.meaning,
        fix=words.fix,
        evidence=_evidence(finding.evidence),
        standards=[Reference(section) for section in finding.standard],
        pages=_pages(finding),
    )


def _evidence(lines: Sequence[str]) -> list[Sequence[Piece]]:
    """Lines as received; codes, and the keywords of a reply to EHLO, linked."""
    first = next((bare for line in lines if _CODED.match(bare := _bare(line))), "")
    return [_line(line, greets=first.startswith("250") and _bare(line) != first) for line in lines if line]


def _line(line: str, *, greets: bool) -> Sequence[Piece]:
    bare = _bare(line)
    if line.startswith("C: ") or not _CODED.match(bare):
        return [Piece(line)]
    runs, rest = reply(bare, greets=greets)
    return [Piece(line[: len(line) - len(bare)]), *runs, Piece(rest)]


def _bare(line: str) -> str:
    """Without the side that said it."""
    return line[3:] if _SIDE.match(line) else line


def _pages(finding: Finding) -> list[tuple[str, str]]:
    """What the reference tells of: the extension among the facts, the reply's code and its enhanced code."""
    record = finding.facts.get("record", "")
    found = [(record, extension(record))] if record else []
    said = _line(finding.facts.get("reply", ""), greets=False)
    found += [(run.text, run.page) for run in said]
    return list(dict.fromkeys((name, where) for name, where in found if where))


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many there are of each severity."""
    return {severity.value: sum(finding.severity is severity for finding in findings) for severity in Severity}


def rows(diagnosis: Diagnosis, lang: str) -> list[Row]:
    """One for each address: which ports take connections, and what became of the others."""
    made = []
    for (host, address), group in groupby(diagnosis.contacts, key=lambda contact: (contact.place.host, contact.place.address)):
        made.append(Row(host=host, address="" if host == address else address, ways=_ways(list(group), lang)))
    return made


def _ways(contacts: Sequence[Contact], lang: str) -> list[tuple[str, str, str]]:
    told_ = []
    for way in Way:
        ports = [str(contact.place.port) for contact in contacts if contact.way is way]
        if ports:
            told_.append((way.value, spaced(label("way", way.value, lang)), ", ".join(ports)))
    return told_


def offers(hellos: dict[Place, Hello]) -> list[Offer]:
    """What is offered, once for all ports that offer the same."""
    same: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for place, hello in hellos.items():
        if hello.keywords:
            same.setdefault(tuple(hello.keywords.items()), []).append(str(place.port))
    return [
        Offer(
            ports=", ".join(dict.fromkeys(ports)) if len(same) > 1 else "",
            keywords=[(keyword, rest, extension(keyword)) for keyword, rest in keywords],
        )
        for keywords, ports in same.items()
    ]
