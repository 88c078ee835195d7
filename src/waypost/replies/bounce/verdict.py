"""From what a report says of a recipient to a reading of it: the more telling of its texts decides. Knows no message.

The judgement of each text is that of ``replies.line``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from waypost.replies.bounce.signs import fold
from waypost.replies.bounce.words import host_in
from waypost.replies.explanation import Evidence, Permanence, Reading, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from waypost.replies.bounce.signs import Signs

_TRIES = 7
"""Texts that are judged for one recipient."""
_GAVE_UP = ".4.7"
"""What a status ends with that says: tried for as long as is done (3463#3.5)."""
_PASSING = frozenset({"unknown", "route.network", "domain.dns_temporary", "rate.greylisted", "system.error"})
"""Reasons for which a mailer tries again, so that in the end it is their lasting that counts."""
_FAILURES = 400
"""Codes below this one report no failure: what looks like one is a number in a text."""
_MEANT = 0.7
_SURE = 0.7
"""A reading as sure as this is not searched on for a better one."""


def _nothing() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one recipient; its texts are looked for when they are asked for."""

    recipient: str | None
    near: Callable[[], Iterable[str]]
    """What is said of it, the most telling first."""
    far: Callable[[], Iterable[str]] = _nothing
    """What the report says of nobody by name: asked only if the other tells nothing."""
    status: str | None = None
    """The status that the report's fields give."""
    host: str | None = None
    delayed: bool = False
    report: str = ""
    """What is near the recipient in the report, for the host that it may name."""


def reading_of(case: Case, trail: Sequence[Evidence], signs: Signs) -> Reading:
    """The reading of ``case``; ``trail`` is the evidence of what kind of message told it."""
    if case.host is None:
        case = replace(case, host=host_in((*itertools.islice(case.near(), 1), case.report)))
    best = _best(case, signs) or _bare(case)
    if best.category == "unknown" and case.status and not best.status:
        best = replace(best, status=case.status)
    if best.category == "unknown" and best.status:
        best = _by_number(best)
    if (case.status or "").endswith(_GAVE_UP) and best.category in _PASSING and not case.delayed:
        step = evidence(f"iana.{case.status}", case.status or "", source="rfc 3463 section 3.5", sure=_MEANT)
        best = replace(best, category="route.expired", evidence=(*best.evidence, step))
    text = best.text if best.text and (best.code or best.category != "unknown") else _first(case) or best.text
    reading = replace(
        best,
        recipient=case.recipient,
        text=text,
        host=best.host or case.host,
        evidence=(*trail, *best.evidence),
    )
    if case.delayed:
        category = "report.delayed" if reading.category == "unknown" else reading.category
        return replace(reading, category=category, permanence=Permanence.TEMPORARY, because=reading.because or _because(reading, "delayed"))
    # No digit was said: what a category mostly is, or words about the attempts of a server that has given up since.
    unsaid = reading.because == "words-temporary" and reading.code is None and not (case.status or reading.status)
    if reading.permanence is Permanence.UNKNOWN or reading.because == "category" or unsaid:
        return replace(reading, permanence=_by_status(reading, case), because="")
    return reading


def _first(case: Case) -> str:
    return next((text for text in itertools.chain(case.near(), case.far()) if text), "")


def _by_number(reading: Reading) -> Reading:
    """``reading`` with what its status alone means."""
    from waypost.replies.line import read_line  # noqa: PLC0415 - the rules of lines are loaded when a report has been found

    _, told = read_line(reading.status or "")
    if told is None or told.category == "unknown":
        return reading
    unsaid = reading.permanence is Permanence.UNKNOWN
    return replace(
        reading,
        category=told.category,
        scope=told.scope,
        permanence=told.permanence if unsaid else reading.permanence,
        because=told.because if unsaid else reading.because,
        confidence=told.confidence,
        evidence=(*reading.evidence, *told.evidence),
    )


def _because(reading: Reading, reason: str) -> str:
    return reason if reading.permanence is Permanence.PERMANENT else ""


def _by_status(reading: Reading, case: Case) -> Permanence:
    """What the fields say; a report of failure that says nothing of it tells of a failure for good."""
    status = case.status or reading.status or ""
    return Permanence.TEMPORARY if status.startswith("4") else Permanence.PERMANENT


def _best(case: Case, signs: Signs) -> Reading | None:
    """The reading of the nearest text that tells a category, else the surest, else that of the first text."""
    found = _read(case.near(), case, signs)
    if not _is_told(found):
        found += _read(case.far(), case, signs, first=not found)
    return _chosen(found, case) if found else None


def _some(texts: Iterable[str]) -> Iterator[str]:
    """Texts without repeats and without empty ones, as many as are tried."""
    return itertools.islice(dict.fromkeys(filter(None, itertools.islice(texts, 3 * _TRIES))), _TRIES)


def _meant(reading: Reading, text: str, signs: Signs) -> Reading:
    """``reading`` of a mailer's own prose, with its meaning: that of one mailer alone in any case, another where nothing else is known."""
    folded = fold(text)
    for meaning in signs.meanings:
        if not (meaning.own or reading.category == "unknown"):
            continue
        if words := meaning.words.found(folded):
            step = evidence(f"prose.{meaning.name}", words, source="observed", sure=_MEANT)
            said = reading.permanence if reading.category == "unknown" and reading.permanence is not Permanence.UNKNOWN else None
            return replace(
                reading,
                category=meaning.category,
                confidence=_MEANT,
                evidence=(*reading.evidence, step),
                text=text,
                permanence=said or Permanence(meaning.permanence),
            )
    return reading


def _is_told(found: Sequence[Reading]) -> bool:
    """Whether nothing farther off need be asked: a reply stands on its own, even one that nobody understands."""
    return any(reading.category != "unknown" or reading.code is not None for reading in found)


def _read(texts: Iterable[str], case: Case, signs: Signs, *, first: bool = True) -> list[Reading]:
    from waypost.replies.line import read_line  # noqa: PLC0415 - the rules of lines are loaded when a report has been found

    found: list[Reading] = []
    for text in _some(texts):
        status = _given(case.status, text) if first and not found else None
        _, reading = read_line(text, host=case.host, status=status)
        if reading is None or reading.category == "report.delivered" or (reading.code or _FAILURES) < _FAILURES:
            continue
        if _is_vague(reading, signs):
            reading = replace(reading, category="unknown", permanence=Permanence.UNKNOWN, confidence=0.0, evidence=())
        if reading.category == "unknown" or reading.code is None:
            reading = _meant(reading, text, signs)
        found.append(reading)
        if reading.category != "unknown" and reading.confidence >= _SURE:
            break
    return found


def _is_vague(reading: Reading, signs: Signs) -> bool:
    """Whether prose was understood by nothing but the words with which every report says that something failed."""
    if reading.code is not None or reading.category != "system.error" or not reading.evidence:
        return False
    words = fold(reading.evidence[0].words)
    return signs.failure.found(words) is not None or signs.failure_subject.found(words) is not None


def _chosen(found: Sequence[Reading], case: Case) -> Reading:
    known = [reading for reading in found if reading.category != "unknown"]
    chosen = max(known, key=lambda reading: reading.confidence) if known else found[0]
    return _completed(chosen, found[0], case)


def _completed(chosen: Reading, first: Reading, case: Case) -> Reading:
    """``chosen`` with the code, status and text of the first, where that is the reply and the chosen one is prose about it."""
    if chosen is first:
        return chosen if chosen.status or not case.status else replace(chosen, status=case.status)
    kept = first if first.code is not None else chosen
    return replace(
        chosen,
        code=chosen.code or first.code,
        status=chosen.status or first.status or case.status,
        text=kept.text,
        host=chosen.host or first.host,
    )


def _given(status: str | None, text: str) -> str | None:
    """The status of the fields, unless it is the vague one and the text has its own; a delay's end is told by the fields alone."""
    if status is None:
        return None
    if status.endswith(".0.0") or _has_status(text):
        return status if status.endswith(".4.7") else None
    return status


def _has_status(text: str) -> bool:
    return any(
        word[:2] in ("4.", "5.") and word[2:3].isdigit() and word[3:4] == "."
        for word in text[:400].replace("#", " ").replace("(", " ").split()
    )


def _bare(case: Case) -> Reading:
    """A reading of nothing but the fact that it failed."""
    return Reading(
        code=None,
        status=case.status,
        host=case.host,
        text="",
        recipient=case.recipient,
        category="unknown",
        permanence=Permanence.UNKNOWN,
        because="",
        scope=Scope.UNKNOWN,
        confidence=0.0,
        evidence=(),
        entry=None,
    )


def evidence(rule: str, words: str, *, source: str, sure: float) -> Evidence:
    """A step of the trail."""
    return Evidence(rule=rule, words=words[:200], source=source, sure=sure)


def readings(cases: Iterable[Case], trail: Sequence[Evidence], signs: Signs) -> tuple[Reading, ...]:
    """The readings of ``cases``, in order."""
    return tuple(reading_of(case, trail, signs) for case in cases)
