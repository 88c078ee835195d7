"""The words for facts, and how they are put into a sentence, in each language. Knows no record and no code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.library import words

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEETS = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")


def label(group: str, name: str, lang: str = "en") -> str:
    """The words for a fact, as ``label("retry", "later", "zh")``. Raises LookupError for what has none."""
    words_of: str = words(lang, "terms")[group][name]["says"]
    return words_of


def phase_names(phases: Sequence[str], lang: str) -> str:
    """Commands and phases as they stand in a sentence; there must be one."""
    known = words(lang, "terms")["phase"]
    names = [known[phase]["says"] if phase in known else phase for phase in phases]
    return listed(names, "or", lang)


def listed(names: Sequence[str], join: str, lang: str) -> str:
    """Names in a row: ``a, b or c``."""
    *before, last = names
    return f"{label('join', 'comma', lang).join(before)}{label('join', join, lang)}{last}" if before else last


def spaced(text: str) -> str:
    """``text`` with a blank wherever a Chinese character meets a Latin letter or digit, as Chinese is set."""
    return _MEETS.sub(" ", text)
