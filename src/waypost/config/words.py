"""Types, bounds and raw values in words that an operator can act on. Knows no setting."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.config.problem import quoted
from waypost.config.schema import alternatives, element_of, is_choice, is_mapping

if TYPE_CHECKING:
    from waypost.setting import Setting

_LONG = 40


def expected(kind: Any, setting: Setting | None) -> str:
    """What may stand there: ``a whole number from 1 to 64 (processes)``."""
    kinds = [each for each in alternatives(kind) if each is not type(None)]
    if len(kinds) > 1:
        return " or ".join(expected(each, setting) for each in kinds)
    (kind,) = kinds
    if is_mapping(kind):
        return 'a table such as { "root@example.org" = ["ada@example.org"] }'
    if (element := element_of(kind)) is not None:
        return (
            f"a list of whole numbers, such as [300, 600]{_bounds(setting)}"
            if element is int
            else 'a list of texts, such as ["example.org"]'
        )
    if is_choice(kind):
        *others, last = [str(each) for each in kind]
        return f"{', '.join(others)} or {last}"
    return f"{_SIMPLE[kind]}{_bounds(setting) if kind in (int, float) else ''}"


_SIMPLE = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes", Path: "a path in quotes"}


def _bounds(setting: Setting | None) -> str:
    if setting is None:
        return ""
    unit = f" ({setting.unit})" if setting.unit else ""
    match setting.least, setting.most:
        case None, None:
            return unit
        case least, None:
            return f" of at least {least:.15g}{unit}"
        case None, most:
            return f" of at most {most:.15g}{unit}"
        case least, most:
            return f" from {least:.15g} to {most:.15g}{unit}"


def shown(raw: Any) -> str:
    """What does stand there."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return f"the number {raw}"
    if isinstance(raw, str):
        return f"the text {quoted(raw if len(raw) <= _LONG else raw[:_LONG] + '...')}"
    return next((words for kind, words in _OTHERS.items() if isinstance(raw, kind)), "that")


_OTHERS = {list: "a list", dict: "a table", dt.date: "a date", dt.time: "a time"}


def article(table: str) -> str:
    """A table by its header: ``[limits]``, ``[[listeners]]``."""
    row = re.fullmatch(r"(.+)\.\d+", table)
    return f"[[{row[1]}]]" if row else f"[{table}]"
