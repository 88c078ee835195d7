"""A diagnosis as plain values for JSON: one stable form for the command line, the API and the page. Knows no output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.replies.terms import label

if TYPE_CHECKING:
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Contact, Server
    from waypost.diagnose.verdict import Diagnosis


def as_json(diagnosis: Diagnosis, lang: str = "en") -> dict[str, Any]:
    """``target``, ``verdict``, ``next_step``, ``seconds``, ``servers`` and ``findings``. Raises LookupError for an unknown language."""
    return {
        "target": diagnosis.target.text,
        "verdict": diagnosis.verdict.value,
        "next_step": next_step(diagnosis, lang),
        "seconds": round(diagnosis.seconds, 3),
        "servers": [_server(server, diagnosis) for server in diagnosis.servers],
        "findings": [finding_json(finding, lang) for finding in diagnosis.findings],
    }


def next_step(diagnosis: Diagnosis, lang: str) -> str:
    """The one thing to do next, in words."""
    found = diagnosis.next_finding
    return label("check", "nothing", lang) if found is None else found.told(lang).fix


def finding_json(finding: Finding, lang: str) -> dict[str, Any]:
    """One finding."""
    told = finding.told(lang)
    return {
        "key": finding.key,
        "severity": finding.severity.value,
        "stage": finding.stage.value,
        "about": finding.about,
        "evidence": list(finding.evidence),
        "facts": dict(finding.facts),
        "title": told.title,
        "meaning": told.meaning,
        "fix": told.fix,
        "standard": list(finding.standard),
    }


def _server(server: Server, diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "host": server.host,
        "preference": server.preference,
        "source": server.source.value,
        "addresses": list(server.addresses),
        "ports": [_port(contact, diagnosis) for contact in diagnosis.contacts if contact.place.host == server.host],
    }


def _port(contact: Contact, diagnosis: Diagnosis) -> dict[str, Any]:
    hello = diagnosis.hellos.get(contact.place)
    return {
        "address": contact.place.address,
        "port": contact.place.port,
        "state": contact.way.value,
        "speaks": contact.speech.value if contact.speech is not None else None,
        "implicit_tls": contact.implicit_tls,
        "greeting": list(contact.greeting.evidence),
        "extensions": sorted(hello.keywords) if hello is not None else [],
    }
