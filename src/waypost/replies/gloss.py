"""A reply in a line or two, ours or a stranger's: what it means and what to do. Knows no host and no bounce.

RFC 5321 section 4.2.1 (the first digit decides where nothing better is known), RFC 3463.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from waypost.replies.explanation import Permanence
from waypost.replies.library import facts, words
from waypost.replies.registry import basic, class_word, digit, enhanced, nonstandard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.replies.prose import Prose

_NUMBERS = ("iana.", "code.", "digit")
"""Rules by which a reading went by numbers alone: their own prose says more than their category's."""

_SAID = {Permanence.TEMPORARY: 450, Permanence.PERMANENT: 550}
"""A code of the class that a permanence is said with."""

_IN_TEXT = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


@dataclass(frozen=True, slots=True)
class Gloss:
    """A reply explained; each field is one line."""

    title: str
    meaning: str
    fix: str


def gloss(
    code: int,
    status: str | None,
    text: str = "",
    *,
    key: str = "",
    lang: str = "en",
    reader: Literal["sender", "operator"] = "sender",
) -> Gloss:
    """Explain a reply: by ``key`` if it is one of ours (outcomes too), else by the words of a refusal where they are understood, else
    by enhanced code, basic code, first digit, in this order.

    ``reader`` says whose remedy ``fix`` is, where the catalogue knows two: who sent the mail, or who runs this server.
    An enhanced code is taken from the start of ``text`` when ``status`` is None. Raises LookupError for an unknown language.
    """
    ours = words(lang, "catalogue")["catalogue"].get(key)
    if ours is not None:
        return Gloss(ours["title"], ours["meaning"], ours[f"{reader}_fix"])
    understood = _understood(code, status, text, lang=lang, reader=reader) if text else None
    if understood is not None:
        return understood
    meaning = telling(code, _status(status, text), lang)
    if meaning is None:
        return _unknown(words(lang, "registry")["digit"]["none"])
    said = _class(code, status)
    fix = meaning.sender_fix if reader == "sender" else meaning.operator_fix
    return Gloss(_titled(meaning.title, said, lang), meaning.meaning, _remedy(fix, said, lang))


def _understood(code: int, status: str | None, text: str, *, lang: str, reader: Literal["sender", "operator"]) -> Gloss | None:
    """What the words of a refusal come to; None for what is no refusal, and where the numbers say as much."""
    if code and not 400 <= code <= 599:
        return None
    from waypost.replies.line import read_line  # noqa: PLC0415 - only a stranger's refusal needs the rules

    _, reading = read_line(text, code=code or None, status=status)
    if reading is None or reading.category == "unknown" or reading.category.startswith("report."):
        return None
    if reading.evidence[0].rule.startswith(_NUMBERS):
        return None
    shelf = words(lang, "registry")
    row = shelf["provider"].get(reading.entry or "") or shelf["category"][reading.category]
    said = _SAID.get(reading.permanence, _class(code, status))
    fix: str = row[f"{reader}_fix"]
    waits = facts("judgement")["category"][reading.category]["permanence"] == Permanence.TEMPORARY  # its remedy speaks of waiting
    return Gloss(_titled(row["title"], said, lang), row["meaning"], fix if waits else _remedy(fix, said, lang))


def _status(status: str | None, text: str) -> str | None:
    if status is not None:
        return status
    found = _IN_TEXT.match(text)
    return found[1] if found else None


def telling(code: int, status: str | None, lang: str) -> Prose | None:
    """The most telling meaning: of the enhanced code, the basic code, the first digit; ``code`` is 0 where there is none."""
    finer = None if status is None else enhanced(status, lang)
    if status is not None and finer is not None and not _is_vague(status):
        return finer
    return basic(code, lang) or nonstandard(code, lang) or finer or digit(_class(code, status), lang)


def _is_vague(status: str) -> bool:
    """Whether a status tells less than the code beside it: ``x.0.0``, and of good news all that end in 0 (2.1.0, 2.6.0)."""
    return status.endswith(".0.0") or (status.startswith("2") and status.endswith(".0"))


def _class(code: int, status: str | None) -> int:
    """The code whose first digit speaks: the basic one (5321#4.2.1), or the status where there is no basic one."""
    if code == 0 and status is not None and status[:1].isdigit():
        return int(status[0]) * 100
    return code


def _titled(title: str, code: int, lang: str) -> str:
    word = class_word(code, lang)
    if not word or code < 400:
        return title
    return f"{title} ({word})" if lang == "en" else f"{title}（{word}）"


def _remedy(fix: str, code: int, lang: str) -> str:
    """The remedy; a temporary refusal asks for patience first, where the remedy of its code does not say so."""
    row = words(lang, "registry")["digit"]["4"]
    if code // 100 != 4 or fix.startswith(tuple(row["waits"].split("|"))):
        return fix
    first: str = row["first"]
    return first + (fix[0].lower() + fix[1:] if fix[1:2].islower() else fix)


def _unknown(row: Mapping[str, str]) -> Gloss:
    return Gloss(row["title"], row["meaning"], row["sender_fix"])
