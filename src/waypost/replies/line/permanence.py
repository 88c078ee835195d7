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
    r"permanently +(?:deferred|rejected|blocked|denied|refused|disabled|failed|removed|closed|banned)|"
    r"permanent +(?:failure|error|fatal|block|reject)|retry(?:ing)? +will +not +succeed|"
    r"(?:do|will) +not +(?:re)?try|never +succeed|don ?t +retry"
)
_FOR_EVER_WORDS = frozenset(("permanently", "permanent", "retry", "retrying", "succeed", "try"))
_FOR_NOW = re.compile(
    r"(?<!and )(?<!then )(?:re)?try(?:ing)? +again|later|temporar(?:y|ily)|come +back|transient|defer(?:red|ral)|for +the +moment|"
    r"(?:retry|send|resend|try)(?: +(?:it|again|your|this|the|message|mail|email))* +(?:soon|in +[0-9]|in +a|after|shortly)|"
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
    usual = Permanence(row["permanence"])
    for_ever = _says(folded, _FOR_EVER_WORDS, _FOR_EVER)
    if digit is not Permanence.PERMANENT and for_ever:
        return Permanence.PERMANENT, "words-permanent"
    if row.get("overrules"):
        return usual, category
    if digit is not Permanence.TEMPORARY and row.get("words", True) and not for_ever and _says(folded, _FOR_NOW_WORDS, _FOR_NOW):
        return Permanence.TEMPORARY, "words-temporary"
    told = parts.code or (parts.status or "0")[:1].isdigit()  # X.7.1 is of no class
    return (usual, "category") if digit is Permanence.UNKNOWN and told and not category.startswith(_NEVER_MIND) else None


def _says(folded: Folded | None, words: frozenset[str], pattern: re.Pattern[str]) -> bool:
    return folded is not None and not words.isdisjoint(folded.tokens) and pattern.search(folded.words) is not None


@cache
def _categories() -> Mapping[str, Any]:
    shelf: Mapping[str, Any] = facts("judgement")["category"]
    return shelf
