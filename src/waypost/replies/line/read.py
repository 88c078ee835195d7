"""Read a code, a reply line or a line of a log: what it is, and what it says. Knows the order of the steps and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from waypost.replies.explanation import Kind
from waypost.replies.line.judge import judge
from waypost.replies.line.split import Parts, split

if TYPE_CHECKING:
    from waypost.replies.explanation import Reading
    from waypost.replies.line.phrases import Rules

_CODE = re.compile(
    r"[#<(\[\"']?(?:smtp |code |error |status )?([2-5]\d\d)?[\s-]*#?([245xX]\.\d{1,3}\.\d{1,3})?[.:;)>\]\"']?", re.IGNORECASE
)
_SHORT = 24

_MOST, _TAIL = 8000, 2000
"""Characters that are looked at, and how many of them are the end; a reply has 512 octets a line, and few lines."""


def read_line(text: str, *, host: str | None = None, code: int | None = None, status: str | None = None) -> tuple[Kind, Reading | None]:
    """What ``text`` is, and its reading; None for what has nothing to read (no words and no number).

    ``host``, ``code`` and ``status`` are facts known from elsewhere, as from a delivery report's fields: they win over what the text shows.
    """
    given: dict[str, Any] = {name: value for name, value in (("host", host), ("code", code), ("status", status)) if value is not None}
    text = text.strip()
    if len(text) <= _SHORT:
        found = _CODE.fullmatch(text)
        if found and (found[1] or found[2]):
            return Kind.CODE, _code(text, found[1], found[2], given)
    from waypost.replies.line.logs import read_log  # noqa: PLC0415 - a code alone needs neither it nor the rules
    from waypost.replies.line.phrases import rules  # noqa: PLC0415 - likewise

    if len(text) > _MOST and not text.startswith("{"):
        text = f"{text[: _MOST - _TAIL]} {text[-_TAIL:]}"
    log = read_log(text)
    parts = split(text) if log is None else log
    if given:
        parts = replace(parts, **given)
    if not (parts.text or parts.code or parts.status):
        return Kind.LINE, None
    return Kind.LINE if log is None else Kind.LOG, judge(parts, rules=rules())


def reading(text: str, rules: Rules, host: str | None = None) -> Reading:
    """The reading of a reply line by other rules than the catalogue's: for measuring them."""
    parts = split(text)
    return judge(replace(parts, host=host) if host else parts, rules=rules)


def _code(text: str, code: str | None, status: str | None, given: dict[str, Any]) -> Reading:
    parts = Parts(code=int(code) if code else None, status=status, text=text)
    if not given:
        return judge(parts)
    from waypost.replies.line.phrases import rules  # noqa: PLC0415 - whose code it is, its provider's rules tell

    return judge(replace(parts, **given), rules=rules())
