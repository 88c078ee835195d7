"""Whether the same may succeed later: the first digit's answer, unless the words or the category know better. Knows no rule.

RFC 5321 sections 4.2.1 (first digit), 4.5.3.1.10 (too many recipients are temporary even with 552).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from waypost.replies.explanation import Permanence
from waypost.replies.library import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.replies.line.fold import Folded
    from waypost.replies.line.phrases import Match
    from waypost.replies.line.split import Parts

_FOR_EVER = re.compile(
    r"permanently +(?:deferred|rejected|blocked|denied|refused|disabled|failed|removed|closed|banned)|permanent +(?:failure|error|fatal|block|reject)|"
    r"retry(?:ing)? +will +not +succeed|(?:do|will) +not +(?:re)?try|never +succeed|don ?t +retry"
)
_FOR_EVER_WORDS = frozenset(("permanently", "permanent", "retry", "retrying", "succeed", "try"))
_FOR_NOW = re.compile(
    r"(?:try|retry|retrying|send|resend|trying)(?: +(?:it|again|your|this|the|message|mail|email|sending))* +(?:later|soon|in [0-9]|in +a|after|at +a +later|shortly)|"
    r"try +again|temporar(?:y|ily)|come +back|later +time|transient|retry +(?:later|after|in)|defer(?:red|ral)|for +the +moment|later|"
    r"spater|plus +tard|mas +tarde|piu +tardi|稍后|暂时|稍候|позже|позднее|временно|pozniej|daha +sonra|後で|しばらく"
)
_FOR_NOW_WORDS = frozenset(
    (
        *(
            "later",
            "soon",
            "again",
            "retry",
            "resend",
            "temporary",
            "temporarily",
            "back",
            "transient",
            "deferred",
            "deferral",
            "defer",
            "moment",
        ),
        *(
            "spater",
            "tard",
            "tarde",
            "tardi",
            "稍",
            "暂",
            "позже",
            "позднее",
            "временно",
            "pozniej",
            "sonra",
            "後",
            "し",
            "retrying",
            "trying",
        ),
    )
)
"""Words without one of which neither is said."""

_NEVER_MIND = ("report.", "unknown")


def of(parts: Parts, category: str, match: Match | None, folded: Folded | None) -> tuple[Permanence, str]:
    """The permanence, and the name of the reason where it is not the first digit's."""
    digit = _digit(parts)
    ruled = _ruled(parts, category, match, folded, digit)
    if ruled is None:
        return digit, ""
    answer, because = ruled
    return answer, because if answer is not digit else ""


def _digit(parts: Parts) -> Permanence:
    """The code's first digit decides, or the status's where there is no code (5321#4.2.1)."""
    match str(parts.code or parts.status or "")[:1]:
        case "4":
            return Permanence.TEMPORARY
        case "5":
            return Permanence.PERMANENT
        case _:
            return Permanence.UNKNOWN


def _ruled(parts: Parts, category: str, match: Match | None, folded: Folded | None, digit: Permanence) -> tuple[Permanence, str] | None:
    if match is not None and match.rule.permanence:
        return Permanence(match.rule.permanence), match.rule.because or category
    row = _categories()[category]
    if parts.code is None and parts.status is not None and not parts.status[:1].isdigit():
        return None
    for_ever = _says(folded, _FOR_EVER_WORDS, _FOR_EVER)
    if digit is not Permanence.PERMANENT and for_ever:
        return Permanence.PERMANENT, "words-permanent"
    if row.get("overrules"):
        return Permanence(row["permanence"]), category
    if digit is not Permanence.TEMPORARY and row.get("words", True) and not for_ever and _says(folded, _FOR_NOW_WORDS, _FOR_NOW):
        return Permanence.TEMPORARY, "words-temporary"
    if digit is Permanence.UNKNOWN and not category.startswith(_NEVER_MIND):
        return Permanence(row["permanence"]), "category"
    return None


def _says(folded: Folded | None, words: frozenset[str], pattern: re.Pattern[str]) -> bool:
    return folded is not None and not words.isdisjoint(folded.tokens) and pattern.search(folded.words) is not None


@cache
def _categories() -> Mapping[str, Any]:
    shelf: Mapping[str, Any] = facts("judgement")["category"]
    return shelf
