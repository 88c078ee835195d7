"""From findings to an answer: does it work, what to do next, which exit code. Knows no probe and no network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Severity, Stage
from waypost.diagnose.plan import SMTP, Given
from waypost.diagnose.scene import Source, Way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.plan import Target
    from waypost.diagnose.scene import Contact, Hello, Place, Scene, Server

_STOPS = frozenset(
    (
        *("mx-null", "mailbox-refused", "client-blocked", "domain-not-served", "account-demanded", "server-trouble", "own-stopped"),
        "lmtp-on-mail-port",
    )
)
"""Findings after which no mail arrives, however well the server speaks."""
_HANGS = frozenset({"mail-unanswered", "rcpt-unanswered"})
"""The same, where no other host could take it."""
_ON_THE_WAY = frozenset({Stage.OWN, Stage.NAMES, Stage.REACH, Stage.GREETING, Stage.DIALOGUE, Stage.MAILBOX})
"""Where it is decided whether mail arrives; certificates, and what a domain publishes for what it sends, do not."""
_AFTER = frozenset({"reverse-missing", "reverse-mismatch"})
"""Faults of names that harm what is sent, not what comes in: found early, and mended after others that are as grave."""
_ROOTS = ("offline-here", "address-private")
"""Findings that explain why nothing was reached."""
_BARS = frozenset(
    (
        *("own-config-error", "own-data-unwritable", "own-port-taken", "own-file-missing", "own-certificate-unusable"),
        *("own-key-locked", "own-key-wrong", "certificate-expired", "certificate-not-yet-valid"),
    )
)
"""What keeps a server of our own that is stopped from being started: mended first."""
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
        next_finding=first_to_mend(scene, ordered, answer),
        reachable=reachable,
        seconds=seconds,
        servers=tuple(scene.servers),
        contacts=tuple(scene.contacts),
        hellos=dict(scene.hellos),
    )


def verdict(scene: Scene, findings: Sequence[Finding]) -> Verdict:
    """Whether mail would arrive: some server bids welcome where mail comes in, lets itself be talked to, and nothing stops it there."""
    if not any(_usable(scene, contact) for contact in _doors(scene)) or _stops(scene, findings):
        return Verdict.DOES_NOT_WORK
    faulty = any(_WEIGHT[finding.severity] <= 1 for finding in findings)
    return Verdict.WITH_FAULTS if faulty else Verdict.WORKS


def _doors(scene: Scene) -> list[Contact]:
    """Where mail would come in: the port that was named, else SMTP's own; of a host that only submits, its ports of submission."""
    wanted = scene.target.port or SMTP
    doors = [contact for contact in scene.contacts if contact.place.port == wanted]
    by_mx = any(server.source is Source.EXCHANGER for server in scene.servers)
    idle = all(contact.way is Way.REFUSED for contact in doors)
    return list(scene.contacts) if idle and not by_mx and scene.target.given is not Given.MAILBOX else doors


def _usable(scene: Scene, contact: Contact) -> bool:
    return contact.greeted and (contact.place not in scene.hellos or scene.hellos[contact.place].usable)


def _stops(scene: Scene, findings: Sequence[Finding]) -> list[Finding]:
    """What stops mail at a server that can be talked to."""
    hosts = {contact.place.host for contact in _doors(scene) if contact.greeted}
    keys = _STOPS | _HANGS if len(hosts) == 1 else _STOPS
    return [finding for finding in findings if finding.key in keys]


def first_to_mend(scene: Scene, findings: Sequence[Finding], answer: Verdict) -> Finding | None:
    """The one thing to do next: what stops mail, else the gravest, of equals that which comes first on the way."""
    faults = [finding for finding in findings if _WEIGHT[finding.severity] <= 1]
    if answer is Verdict.DOES_NOT_WORK:
        bars = [finding for finding in faults if finding.key in _BARS]
        if bars and any(finding.key == "own-stopped" for finding in faults):
            return bars[0]
        roots = sorted((finding for finding in faults if finding.key in _ROOTS), key=lambda finding: _ROOTS.index(finding.key))
        stops = [finding for finding in _stops(scene, faults) if finding.severity is Severity.ERROR]
        faults = [finding for finding in faults if finding.stage in _ON_THE_WAY] or faults
        if stops or (roots and not any(contact.greeted for contact in scene.contacts)):
            return (stops or roots)[0]
    return min(faults, key=lambda finding: (_WEIGHT[finding.severity], finding.key in _AFTER), default=None)
