"""Answers as values of JSON: one stable schema for the command line, the web and the files beside its pages; see docs/explain.md.

Names of facts are the same in every language; only prose is translated. Knows values, no rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.replies.choose import Choice
    from waypost.replies.comparison import Comparison
    from waypost.replies.explanation import Evidence, Explained, Reading, Report
    from waypost.replies.prose import Prose
    from waypost.replies.records import Record


def as_json(explained: Explained) -> dict[str, Any]:
    """The answer as values of JSON; the schema stands in docs/explain.md."""
    return {"input": explained.input, "kind": explained.kind.value, "reports": [_report_json(report) for report in explained.reports]}


def _report_json(report: Report) -> dict[str, Any]:
    reading = report.reading
    return {
        "recipient": reading.recipient,
        "code": None if reading.code is None else str(reading.code),
        "status": reading.status,
        "category": reading.category,
        "permanence": reading.permanence.value,
        "scope": reading.scope.value,
        "host": reading.host,
        "text": reading.text,
        "confidence": round(reading.confidence, 3),
        "evidence": [*(_evidence_json(step) for step in reading.evidence), *_overruled(reading)],
        "explanation": prose_json(report.explanation),
    }


def _overruled(reading: Reading) -> Iterator[dict[str, Any]]:
    """Why the permanence is not that of the first digit, where it is not."""
    if reading.because:
        yield {"rule": f"permanence.{reading.because}", "words": "", "source": "text before digit", "sure": round(reading.confidence, 3)}


def _evidence_json(step: Evidence) -> dict[str, Any]:
    return {"rule": step.rule, "words": step.words, "source": step.source, "sure": round(step.sure, 3)}


def record_json(record: Record) -> dict[str, Any]:
    """A record as values of JSON, the same names in every language; the schema stands in docs/explain.md."""
    return {
        "code": record.code,
        "kind": record.kind.value,
        "title": record.prose.title,
        "class": record.class_ or None,
        **_without_title(record.prose),
        "permanence": record.permanence and record.permanence.value,
        "phases": list(record.phases),
        "related": list(record.related),
        "references": [each.name() for each in record.references] or list(record.facts.get("seen", ())),
        "known_from": record.known_from and record.known_from.value,
    }


def _without_title(prose: Prose) -> dict[str, Any]:
    told = prose_json(prose)
    del told["title"]
    return told


def prose_json(prose: Prose) -> dict[str, Any]:
    """Prose under the names that JSON has for it."""
    return {
        "title": prose.title,
        "description": prose.meaning,
        "occurs": prose.occurs,
        "fix": {"sender": prose.sender_fix, "operator": prose.operator_fix},
    }


def comparison_json(told: Comparison) -> dict[str, Any]:
    """A comparison."""
    return {
        "name": told.name,
        "same": told.same,
        "summary": told.summary,
        "codes": [record_json(told.first), record_json(told.second)],
        "differences": [{"point": each.point or None, "text": each.text} for each in told.differences],
        "choose": told.choose,
        "meet": told.meet,
        "related": list(told.related),
        "references": list(dict.fromkeys(each.name() for each in told.references)),
    }


def choice_json(choice: Choice) -> dict[str, Any]:
    """A reason to refuse, and the answer to it."""
    return {
        "name": choice.name,
        "reason": choice.reason,
        "code": str(choice.code),
        "status": choice.status,
        "phase": choice.phase,
        "wording": choice.wording,
        "why": choice.why,
        "not": dict(choice.neighbours),
    }
