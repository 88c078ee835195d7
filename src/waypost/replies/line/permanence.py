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
    r"permanently (?:deferred|rejected|blocked|denied|refused|disabled|failed|removed|closed)|permanent (?:failure|error|fatal|block|reject)|"
    r"retry(?:ing)? will not succeed|(?:do|will) not retry|not try again|no longer be retried|dont retry"
)
_FOR_NOW = re.compile(
    r"(?:try|retry|send|resend)(?: it| again| your message| this message| the message|ing)* (?:again )?(?:later|soon|in \d|in a|after|at a later)|"
    r"try again\b|temporar(?:y|ily)|come back|later time|transient|retry (?:later|after|in)|defer(?:red|ral)|for the moment|"
    r"bitte (?:\w+ )?spater|spater (?:erneut|noch|wieder)|plus tard|mas tarde|piu tardi|"
    r"請稍|请稍|稍后|稍後|暂时|позже|позднее|pozniej|daha sonra|later opnieuw"
)
_NEVER_MIND = ("report.", "unknown")


def of(parts: Parts, category: str, match: Match | None, folded: Folded | None) -> tuple[Permanence, str]:
    """The permanence, and the name of the reason where it is not the first digit's."""
    digit = _digit(parts)
    ruled = _ruled(category, match, folded, digit)
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


def _ruled(category: str, match: Match | None, folded: Folded | None, digit: Permanence) -> tuple[Permanence, str] | None:
    if match is not None and match.rule.permanence:
        return Permanence(match.rule.permanence), match.rule.because or category
    row = _categories()[category]
    text = "" if folded is None else folded.masked
    if digit is not Permanence.PERMANENT and _FOR_EVER.search(text):
        return Permanence.PERMANENT, "words-permanent"
    if row.get("overrules"):
        return Permanence(row["permanence"]), category
    if digit is not Permanence.TEMPORARY and row.get("words", True) and _FOR_NOW.search(text) and not _FOR_EVER.search(text):
        return Permanence.TEMPORARY, "words-temporary"
    if digit is Permanence.UNKNOWN and not category.startswith(_NEVER_MIND):
        return Permanence(row["permanence"]), "category"
    return None


@cache
def _categories() -> Mapping[str, Any]:
    shelf: Mapping[str, Any] = facts("judgement")["category"]
    return shelf
