"""What anyone may say: the basic codes of the RFCs and the enhanced codes of the IANA registry, with their prose; knows nothing of us.

RFC 5321 section 4.2, RFC 3463, RFC 5248 (which codes go together; its lists are not exclusive).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from waypost.replies.library import facts, words
from waypost.replies.prose import Prose

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = ("title", "meaning", "occurs", "sender_fix", "operator_fix")

_STATUS = re.compile(r"([245X])\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A three-digit code and where it may be heard."""

    code: int
    answers: tuple[str, ...]
    """Commands and phases it may answer; ``ANY`` for all, CONNECT for the greeting, EOM for the end of content."""
    standing: str
    """core, extension, registry (named by RFC 5248 alone) or historic."""
    rfc: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enhanced:
    """An enhanced code without its class: subject and detail."""

    detail: str
    """As ``7.1``."""
    basic: tuple[int, ...]
    """The basic codes that the registry lists with it; empty: it lists none, and any may go with it."""
    also: Mapping[str, str]
    """Further basic codes that go with it, each with the text that says so."""
    rfc: tuple[str, ...]


@cache
def basic_codes() -> Mapping[int, Basic]:
    """Every basic code, in order."""
    return {
        int(code): Basic(code=int(code), answers=tuple(row["answers"]), standing=row["standing"], rfc=tuple(row["rfc"]))
        for code, row in facts("registry")["basic"].items()
    }


@cache
def enhanced_codes() -> Mapping[str, Enhanced]:
    """Every enhanced code, by subject and detail (``7.1``), in order."""
    return {
        detail: Enhanced(detail=detail, basic=tuple(row["basic"]), also=row.get("also", {}), rfc=tuple(row["rfc"]))
        for detail, row in facts("registry")["enhanced"].items()
    }


def basic(code: int, lang: str = "en") -> Prose | None:
    """What a basic code means, or None for one that no document defines."""
    return _meaning(words(lang, "registry")["basic"].get(str(code)))


def nonstandard(code: int, lang: str = "en") -> Prose | None:
    """What is meant by a code that circulates though no document defines it (571), or None for any other."""
    return _meaning(words(lang, "registry")["nonstandard"].get(str(code)))


def enhanced(status: str, lang: str = "en") -> Prose | None:
    """What an enhanced code (``5.7.1``, or ``X.7.1`` of no class) means, or None for one that is not registered or is none.

    A code of class 2 asks for no remedy, whatever its detail.
    """
    parts = split(status)
    meaning = None if parts is None else _meaning(words(lang, "registry")["enhanced"].get(parts[1]))
    if meaning is None or not status.startswith("2"):
        return meaning
    return _without_remedy(meaning, lang)


def digit(code: int, lang: str = "en") -> Prose | None:
    """What the first digit of a code means (5321#4.2.1), or None below 100 and above 599; 1 is not used in SMTP."""
    return _meaning(words(lang, "registry")["digit"].get(str(code // 100)))


def class_word(code: int, lang: str = "en") -> str:
    """One or two words for the first digit: done, go on, temporary, permanent; empty outside 1 to 5."""
    row = words(lang, "registry")["digit"].get(str(code // 100))
    return "" if row is None else row["word"]


def subject(status: str, lang: str = "en") -> str:
    """What the second number of an enhanced code is about (3463#2), or an empty text."""
    parts = split(status)
    row = None if parts is None else words(lang, "registry")["subject"].get(parts[1].partition(".")[0])
    return "" if row is None else row["about"]


def split(status: str) -> tuple[str, str] | None:
    """Class and the rest (``5``, ``7.1``), or None for what is no enhanced code (3463#2: no leading zeros)."""
    found = _STATUS.fullmatch(status)
    if found is None:
        return None
    return found[1], f"{int(found[2])}.{int(found[3])}"


def allowed(code: int, status: str) -> bool:
    """Whether a basic and an enhanced code may stand in one reply: same class, and the registry lists the pair or says why not."""
    parts = split(status)
    row = None if parts is None else enhanced_codes().get(parts[1])
    if parts is None or row is None or parts[0] != str(code // 100):
        return False
    return not row.basic or code in row.basic or str(code) in row.also


def _meaning(row: Mapping[str, str] | None) -> Prose | None:
    if row is None:
        return None
    return Prose(**{name: row[name] for name in _FIELDS})


def _without_remedy(prose: Prose, lang: str) -> Prose:
    nothing = words(lang, "registry")["digit"]["2"]
    return replace(prose, sender_fix=nothing["sender_fix"], operator_fix=nothing["operator_fix"])
