"""The certificate on disk: can it be used, would it be believed, and is it the one that is shown. Reads two files; asks nobody.

RFC 5280 section 6, RFC 7817 section 4 (the names that clients look for), RFC 8314 section 3 (submission verifies).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.diagnose import certificate
from waypost.diagnose.certificate import Certificate, CertificateUnreadableError
from waypost.diagnose.shown import found
from waypost.net.handshake import looking_context
from waypost.net.rehearsal import Flaw, Rehearsal, rehearse
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Access, Own
    from waypost.diagnose.own.view import Met, View
    from waypost.diagnose.scene import Scene

_FLAWS = {
    Flaw.NO_CERTIFICATE: "own-certificate-unusable",
    Flaw.UNUSABLE: "own-certificate-unusable",
    Flaw.LOCKED: "own-key-locked",
    Flaw.MISMATCH: "own-key-wrong",
}
_UNBELIEVED = frozenset(
    (
        *("certificate-self-signed", "certificate-private-authority", "certificate-unknown-issuer", "certificate-chain-incomplete"),
        *("certificate-name-wrong", "certificate-wildcard-unusable", "certificate-subject-only", "certificate-expired"),
        *("certificate-not-yet-valid", "certificate-refused", "certificate-purpose-wrong"),
    )
)
"""With these no client that verifies goes on."""


async def probe(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """Look at the files, and at what the listeners showed."""
    own = view.own
    if own.certificate is None or own.key is None:
        for finding in judge_absence(own):
            yield finding
        return
    told = list(judge_access(own.certificate, "tls.certificate", own)) + list(judge_access(own.key, "tls.key", own))
    for finding in told:
        yield finding
    if own.certificate.exists and own.key.exists:
        view.rehearsal = await asyncio.to_thread(_rehearsed, own.certificate.path, own.key.path, scene.options.authorities)
        view.chain = read(view.rehearsal)
        for finding in judge(own, view.rehearsal, view.chain, now=scene.clock.wall()):
            view.unbelieved = view.unbelieved or finding.key in _UNBELIEVED
            yield finding
        for finding in judge_shown(own, view.chain, view.met):
            yield finding


def _rehearsed(file: Path, key: Path, authorities: Path | None) -> Rehearsal:
    return rehearse(file, key, looking_context(verify=True, ca=authorities))


def read(rehearsal: Rehearsal) -> tuple[Certificate, ...]:
    """The chain as values, as far as it can be read."""
    chain: list[Certificate] = []
    for der in rehearsal.chain:
        try:
            chain.append(certificate.read(der))
        except CertificateUnreadableError:
            break
    return tuple(chain)


# ---- what it means --------------------------------------------------------------------------------------------


def judge_absence(own: Own) -> Iterator[Finding]:
    """Without a certificate mail from the internet comes in the clear."""
    public = [door for door in own.doors if door.role is Role.RELAY and door.place.address and not door.place.is_loopback]
    if public and not own.dev:
        yield found("own-tls-off", public[0].setting, place=public[0].place, hostname=own.hostname)


def judge_access(access: Access, setting: str, own: Own) -> Iterator[Finding]:
    """Whether a file is there, and read by whom it should be."""
    facts = {"file": access.path, "setting": setting, "account": own.account, "mode": f"{access.mode:o}"}
    evidence = f"{access.path}: mode {access.mode:o}"
    if not access.exists:
        if not own.dev:
            yield found("own-file-missing", setting, str(access.path), **facts)
    elif not access.allowed:
        yield found("own-file-denied", setting, evidence, **facts)
    elif setting == "tls.key" and access.mode & 0o004:
        yield found("own-key-open", setting, evidence, **facts)


def judge(own: Own, rehearsal: Rehearsal, chain: Sequence[Certificate], *, now: float) -> Iterator[Finding]:
    """What the files come to."""
    about = str(own.certificate.path) if own.certificate is not None else "tls.certificate"
    if rehearsal.flaw in _FLAWS:
        key = str(own.key.path) if own.key is not None else "-"
        yield found(_FLAWS[rehearsal.flaw], about, rehearsal.detail, file=about, key_file=key, detail=rehearsal.detail)
    if not chain:
        return
    code, message = (0, "") if own.dev else (rehearsal.verify_code, rehearsal.verify_message)
    made = list(certificate.judge(chain, about, own.hostname, verify_code=code, verify_message=message, now=now))
    yield from (finding for finding in made if not (own.dev and finding.key == "certificate-sound"))
    faults = [finding for finding in made if finding.key in _UNBELIEVED]
    submission = next((door for door in own.doors if door.role is Role.SUBMISSION and door.tls is not TlsMode.NONE), None)
    if faults and submission is not None and not own.dev:
        known = {name: fact for fault in faults for name, fact in fault.facts.items()}
        facts = {**known, "host": own.hostname, "port": submission.place.port, "faults_of": " ".join(finding.key for finding in faults)}
        yield found("submission-certificate", submission.shown, chain[0].shown, **facts)


def judge_shown(own: Own, chain: Sequence[Certificate], met: Sequence[Met]) -> Iterator[Finding]:
    """Whether the listeners show what lies on the disk: a renewed certificate is read at a reload."""
    for each in met:
        if not chain or not each.certificate or each.certificate == chain[0].der:
            continue
        try:
            shown = certificate.read(each.certificate)
        except CertificateUnreadableError:
            continue
        facts = {"place": each.door.place, "ends": f"{shown.ends:%Y-%m-%d}", "disk": f"{chain[0].ends:%Y-%m-%d}", "process": own.holder}
        yield found("own-certificate-not-loaded", each.door.shown, shown.shown, chain[0].shown, **facts)
        return
