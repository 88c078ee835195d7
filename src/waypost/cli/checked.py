"""How a diagnosis is shown: the answer and the one thing to do next, the servers, then the findings by stage. Knows no probe."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from waypost.cli import output, sheet
from waypost.diagnose.finding import Severity
from waypost.diagnose.scene import Way
from waypost.diagnose.shapes import next_step
from waypost.diagnose.verdict import Verdict
from waypost.replies.records import Reference, cited
from waypost.replies.terms import label, spaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Contact
    from waypost.diagnose.verdict import Diagnosis

_TONES = {Verdict.WORKS: sheet.GOOD, Verdict.WITH_FAULTS: sheet.LATE, Verdict.DOES_NOT_WORK: sheet.LOST}
_COLOURS = {Severity.OK: output.GREEN, Severity.NOTE: output.CYAN, Severity.WARNING: output.YELLOW, Severity.ERROR: output.RED}
_GRAVE = (Severity.ERROR, Severity.WARNING)
_ANSWERS = frozenset({"mailbox-accepted", "any-mailbox-accepted", "greylisted"})
"""What is asked by naming a mailbox, and so told even where all is well."""
_EVIDENCE = 6
"""Lines of evidence that are shown, but for what is asked for in full."""


def show(diagnosis: Diagnosis, lang: str, *, full: bool) -> None:
    """Print it."""
    _summary(diagnosis, lang)
    _servers(diagnosis, lang)
    asked = _ANSWERS if diagnosis.target.mailbox else frozenset()
    quiet = _findings(diagnosis.findings, lang, full=full, asked=asked)
    _records([finding for finding in diagnosis.findings if finding not in quiet], lang)
    if quiet:
        count = {severity: sum(finding.severity is severity for finding in quiet) for severity in Severity}
        sheet.gap()
        rest = label("check", "rest", lang).format(ok=count[Severity.OK], notes=count[Severity.NOTE])
        sheet.text(rest, output.DIM)


def _summary(diagnosis: Diagnosis, lang: str) -> None:
    answer = label("check", diagnosis.verdict.value, lang)
    seconds = label("check", "took", lang).format(seconds=f"{diagnosis.seconds:.1f}")
    sheet.head(diagnosis.target.text, answer, _TONES[diagnosis.verdict])
    found = diagnosis.next_finding
    if found is None:
        sheet.gist([next_step(diagnosis, lang), seconds], _TONES[diagnosis.verdict])
        return
    sheet.gist([found.told(lang).title, found.about, seconds], _TONES[diagnosis.verdict])
    sheet.gap()
    sheet.labelled([(label("check", "next", lang), next_step(diagnosis, lang))])


def _servers(diagnosis: Diagnosis, lang: str) -> None:
    """One line for each address: which ports take connections, and what became of the others."""
    rows = []
    for (_, address), group in groupby(diagnosis.contacts, key=lambda contact: (contact.place.host, contact.place.address)):
        contacts = list(group)
        host = contacts[0].place.host
        rows.append((host if host == address else f"{host} [{address}]", _ports(contacts, lang)))
    sheet.section(label("check", "servers", lang))
    sheet.labelled(rows or [("-", label("way", "none", lang))])
    offers: dict[tuple[str, ...], list[str]] = {}
    for place, hello in diagnosis.hellos.items():
        if hello.keywords:
            offers.setdefault(tuple(f"{keyword} {rest}".strip() for keyword, rest in hello.keywords.items()), []).append(str(place.port))
    for keywords, ports in offers.items():
        where = f"{', '.join(dict.fromkeys(ports))}: " if len(offers) > 1 else ""
        sheet.labelled([(label("check", "extensions", lang), where + ", ".join(keywords))])


def _ports(contacts: Sequence[Contact], lang: str) -> str:
    """``open: 25, 587; refused: 465``."""
    told = []
    for way in Way:
        ports = [str(contact.place.port or "unix") for contact in contacts if contact.way is way]
        if ports:
            told.append(f"{label('way', way.value, lang)} {', '.join(ports)}")
    return spaced(label("join", "semicolon", lang).join(told))


def _findings(findings: Sequence[Finding], lang: str, *, full: bool, asked: frozenset[str]) -> list[Finding]:
    """Those that matter or were asked for, by stage, the gravest first; gives those that were left out."""
    quiet: list[Finding] = []
    for stage, group in groupby(findings, key=lambda finding: finding.stage):
        stages = list(group)
        shown = [finding for finding in stages if full or finding.severity in _GRAVE or finding.key in asked]
        quiet += [finding for finding in stages if finding not in shown]
        if shown:
            sheet.section(label("stage", stage.value, lang))
            shown.sort(key=lambda finding: tuple(reversed(Severity)).index(finding.severity))
            _stage(shown, lang)
    return quiet


def _records(findings: Sequence[Finding], lang: str) -> None:
    """The records that remedies name, once more and as they are, so that they can be pasted into a zone file."""
    records = dict.fromkeys(finding.facts["publish"] for finding in findings if "publish" in finding.facts)
    if records:
        sheet.section(label("check", "publish", lang))
    for record in records:
        output.line(record)


def _stage(findings: Sequence[Finding], lang: str) -> None:
    """Findings of one stage; what several places have in common is told once."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        sameness = finding.facts.get("code", "") if finding.severity in _GRAVE else finding.told(lang).title
        alike.setdefault((finding.key, sameness), []).append(finding)
    for number, (finding, *others) in enumerate(alike.values()):
        if number and finding.severity in _GRAVE:
            sheet.gap()
        _one(finding, others, lang)


def _one(finding: Finding, others: Sequence[Finding], lang: str) -> None:
    told = finding.told(lang)
    severity = label("severity", finding.severity.value, lang)
    sheet.entries([(severity, told.title, _COLOURS[finding.severity])])
    more = label("check", "more", lang).format(count=len(others), places=", ".join(other.about for other in others[:8])) if others else ""
    standard = cited([Reference(section) for section in finding.standard], lang)
    sheet.labelled([("", f"{finding.about} {more}".strip()), ("", told.meaning)])
    seen = label("check", "evidence", lang)
    shown = [line for line in finding.evidence if line][:_EVIDENCE]
    sheet.labelled(
        [(seen if number == 0 or not output.on_terminal() else " ", line) for number, line in enumerate(shown)], style=output.DIM
    )
    sheet.labelled([(label("check", "fix", lang), told.fix), (label("check", "standard", lang), standard)])
