"""From findings to an answer: does it work, what to do next, which exit code. Knows no probe and no network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.plan import Target
    from waypost.diagnose.scene import Contact, Hello, Place, Scene, Server

_STOPS = frozenset({"mx-null", "mailbox-refused"})
"""Findings after which no mail arrives, however well the server speaks."""
_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2, Severity.OK: 3}
_STAGES = tuple(Stage)


class Verdict(StrEnum):
    """The answer in a word."""

    WORKS = "works"
    WITH_FAULTS = "works-with-faults"
    DOES_NOT_WORK = "does-not-work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a check came to."""

    target: Target
    findings: tuple[Finding, ...]
    """By stage, then in the order in which they were found."""
    verdict: Verdict
    next_finding: Finding | None
    """The finding to mend first; None where nothing need be done."""
    reachable: bool
    """Whether anything that speaks SMTP was reached."""
    seconds: float
    servers: tuple[Server, ...]
    contacts: tuple[Contact, ...]
    hellos: dict[Place, Hello]

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 a warning or an error, 2 no mail server was reached."""
        if not self.reachable:
            return 2
        return 1 if any(_WEIGHT[finding.severity] <= 1 for finding in self.findings) else 0


def diagnosis(scene: Scene, findings: Sequence[Finding], *, seconds: float) -> Diagnosis:
    """Weigh ``findings``."""
    ordered = tuple(sorted(findings, key=lambda finding: _STAGES.index(finding.stage)))
    reachable = any(contact.greeting.code for contact in scene.contacts)
    answer = verdict(scene, ordered)
    return Diagnosis(
        target=scene.target,
        findings=ordered,
        verdict=answer,
        next_finding=first_to_mend(ordered, answer),
        reachable=reachable,
        seconds=seconds,
        servers=tuple(scene.servers),
        contacts=tuple(scene.contacts),
        hellos=dict(scene.hellos),
    )


def verdict(scene: Scene, findings: Sequence[Finding]) -> Verdict:
    """Whether mail would arrive: some server bids welcome and lets itself be talked to, and nothing stops it there."""
    usable = any(
        contact.greeted and (contact.place not in scene.hellos or scene.hellos[contact.place].usable) for contact in scene.contacts
    )
    if not usable or any(finding.key in _STOPS for finding in findings):
        return Verdict.DOES_NOT_WORK
    faulty = any(_WEIGHT[finding.severity] <= 1 for finding in findings)
    return Verdict.WITH_FAULTS if faulty else Verdict.WORKS


def first_to_mend(findings: Sequence[Finding], answer: Verdict) -> Finding | None:
    """The one thing to do next: what stops mail, else the gravest, of equals that which comes first on the way."""
    faults = [finding for finding in findings if _WEIGHT[finding.severity] <= 1]
    stops = [finding for finding in faults if finding.key in _STOPS]
    if answer is Verdict.DOES_NOT_WORK and stops:
        return stops[0]
    return min(faults, key=lambda finding: _WEIGHT[finding.severity], default=None)
