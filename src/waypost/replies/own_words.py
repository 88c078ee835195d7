"""Recognises a reply of this program's own among strangers' by its words. Knows the catalogue; judges nothing."""

from __future__ import annotations

import re
from functools import cache
from string import Formatter

from waypost.replies.catalogue import entries

_HEAD = re.compile(r"(?m)^\s*\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3}\s)?\s*")
"""What stands before the text of a line."""
_LEAST = 12
"""Letters of its own that a row must have to be told by them: fewer could be anyone's."""


def own_key(code: int | None, status: str | None, text: str) -> str | None:
    """The key of the reply that we would have said so, or None for a stranger's."""
    said = " ".join(_HEAD.sub("", text).split())
    if not said or code is None:
        return None
    for key, pattern in _patterns(code, status):
        if re.match(pattern, said):
            return key
    return None


@cache
def _patterns(code: int, status: str | None) -> tuple[tuple[str, str], ...]:
    """The rows of this code and status, those with most words of their own first."""
    rows = [(key, tuple(Formatter().parse(row.says))) for key, row in entries().items() if (row.code, row.status) == (code, status)]
    told = [(sum(len(literal) for literal, *_ in parts), key, parts) for key, parts in rows]
    return tuple((key, _pattern(parts)) for own, key, parts in sorted(told, key=lambda row: -row[0]) if own >= _LEAST)


def _pattern(parts: tuple[tuple[str, str | None, str | None, str | None], ...]) -> str:
    """What the row may have become, with anything behind it that begins a new line or word."""
    return "".join(re.escape(literal) + ("" if name is None else ".{1,300}?") for literal, name, _, _ in parts) + r"(?:\s|$)"
