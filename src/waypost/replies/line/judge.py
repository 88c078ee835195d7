"""From the parts of a reply to its meaning: category, permanence, scope, and the trail that led there. Writes no prose.

In this order: a provider's own rule, a phrase that many servers use, the registry's meaning of the status or code, the first digit.
RFC 5321 sections 4.2.1 (first digit) and 4.5.3.1.10 (552 for too many recipients), RFC 3463.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.explanation import Evidence, Reading, Scope
from waypost.replies.library import facts
from waypost.replies.line import permanence, providers
from waypost.replies.line.fold import Folded, fold
from waypost.replies.line.taken import is_taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.replies.line.phrases import Match, Rules
    from waypost.replies.line.split import Parts

_LEAST = 0.35
"""What is less sure than this is unknown."""

_DOUBT = 0.5
"""How sure a rule remains beside words that mostly make its own mean something else: enough where nothing else is known."""

_OWN = 0.04
"""A provider's own rule goes before a general one that is as sure."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One possible answer."""

    category: str
    evidence: Evidence
    match: Match | None = None


def judge(parts: Parts, *, rules: Rules | None = None) -> Reading:
    """The meaning of a reply; without ``rules``, what its numbers alone say."""
    numbers = tuple(str(number) for number in (parts.code, parts.status) if number is not None)
    found: list[Verdict] = []
    folded = None
    refused = not numbers or numbers[0][:1] not in ("2", "3")  # words of a reply that refuses nothing are not judged
    if rules is not None and refused and (parts.said or parts.host):
        folded = fold(parts.said)
        speakers = providers.speakers(parts.host, folded)
        matches = rules.matches(folded, speakers=speakers, numbers=numbers, command=parts.command)
        firm = [match for match in matches if not match.doubted]
        found = [_verdict(match, folded, numbers) for match in firm or matches]
        found.sort(key=_rank, reverse=True)
    found += _registered(parts)
    return _reading(parts, found, folded)


def _rank(verdict: Verdict) -> tuple[float, int]:
    match = verdict.match
    if match is None:
        return verdict.evidence.sure, 0
    return verdict.evidence.sure + (_OWN if match.rule.provider else 0), match.end - match.start


def _verdict(match: Match, folded: Folded, numbers: Sequence[str]) -> Verdict:
    rule = match.rule
    sure = rule.sure * _DOUBT if match.doubted else rule.sure
    words = folded.quote(match.start, match.end) if match.end else " ".join(numbers)
    return Verdict(rule.category, Evidence(rule=rule.name, words=words, source=rule.source, sure=sure), match)


def _registered(parts: Parts) -> list[Verdict]:
    """What the registry says of the status and of the code, surest first, and the digit last."""
    digit = str(parts.code or parts.status or "")[:1]
    if digit == "2":
        said = Evidence(rule="digit", words=str(parts.code or parts.status), source="RFC 5321 4.2.1", sure=0.9)
        return [Verdict("report.delivered" if is_taken(parts) else "unknown", said)]
    found = []
    if parts.status:
        found += _number("enhanced", parts.status.partition(".")[2], f"iana.{parts.status}", parts.status)
    if parts.code:
        found += _number("basic", str(parts.code), f"code.{parts.code}", str(parts.code))
    found.sort(key=_rank, reverse=True)
    if digit in ("4", "5"):
        found.append(Verdict("unknown", Evidence(rule="digit", words=digit, source="RFC 5321 4.2.1", sure=0.3)))
    return found


def _number(section: str, number: str, rule: str, words: str) -> list[Verdict]:
    sure = facts("judgement")["sure"][section].get(number)
    row = facts("registry")[section].get(number)
    if sure is None or row is None:
        return []
    source = "IANA registry" if section == "enhanced" else f"RFC {row['rfc'][0].replace('#', ' ')}"
    return [Verdict(row["category"], Evidence(rule=rule, words=words, source=source, sure=sure))]


def _reading(parts: Parts, found: list[Verdict], folded: Folded | None) -> Reading:
    best = max(found, key=_rank, default=None)
    if best is None or best.evidence.sure < _LEAST:
        category, sure = "unknown", 0.0
    else:
        category, sure = best.category, _confidence(best, found)
    lasting, because = permanence.of(parts, category, best.match if best and category != "unknown" else None, folded)
    return Reading(
        code=parts.code,
        status=parts.status,
        host=parts.host,
        text=parts.text,
        recipient=parts.recipient,
        category=category,
        permanence=lasting,
        because=because,
        scope=_scope(best, category),
        confidence=round(sure, 3),
        evidence=_trail(best, found),
        entry=best.match.rule.entry or None if best and best.match and category != "unknown" else None,
    )


def _trail(best: Verdict | None, found: list[Verdict]) -> tuple[Evidence, ...]:
    """The decisive step first, then what else was found."""
    rest = [verdict.evidence for verdict in found if verdict is not best]
    return tuple(rest if best is None else [best.evidence, *rest])


def _confidence(best: Verdict, found: Sequence[Verdict]) -> float:
    """How sure the answer is: more so where other steps agree, less where a good one does not."""
    doubt = 1 - best.evidence.sure
    for other in found:
        if other is not best and other.category == best.category:
            doubt *= 1 - other.evidence.sure / 2
            break
    against = max((other.evidence.sure for other in found if other.category not in (best.category, "unknown")), default=0.0)
    return min(0.99, (1 - doubt) * (1 - 0.25 * against * against))


def _scope(best: Verdict | None, category: str) -> Scope:
    if best is not None and best.match is not None and best.match.rule.scope and category != "unknown":
        return Scope(best.match.rule.scope)
    return Scope(facts("registry")["category"][category]["scope"])
