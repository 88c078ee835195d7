"""Breaks text into lines that fit, by the width that it takes on a screen; knows no language but where one may break."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

WIDTH = 72
_TOKEN = re.compile(r"\s+|[^\s\u2e80-\u9fff\uff00-\uffef]+|.", re.DOTALL)
"""Words break at blanks, Chinese anywhere."""
_NOT_FIRST = frozenset("，。；：、？！）》」』”’…,.;:!?)")
"""What may not begin a line."""


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """``text`` in lines of at most ``width`` columns; a word that is longer stands alone."""
    lines, line, taken = [], "", 0
    for token in _TOKEN.findall(text):
        size = columns(token)
        if line and taken + size > width and token not in _NOT_FIRST:
            lines.append(line.rstrip())
            line, taken = "", 0
        if not line and token.isspace():
            continue
        line += token
        taken += size
    return [*lines, line.rstrip()]


def columns(text: str) -> int:
    """Columns that ``text`` takes: two for wide letters."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
