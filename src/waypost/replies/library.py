"""The shelves: what the data files of this room say, from an index made of them, each shelf loaded when first asked for and kept.

The TOML files are the source; ``tools/generate_index.py`` makes ``data/index`` of them, which loads in a hundredth of the time, and a
test holds that it is fresh. Knows no reply and no session.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "zh")
"""The languages that are complete: English, and Simplified Chinese."""

_INDEX = os.path.join(os.path.dirname(__file__), "data", "index")  # noqa: PTH118, PTH120 - see below
"""Not by importlib.resources or pathlib, whose import alone takes as long as reading a file."""


@cache
def facts(name: str) -> Mapping[str, Any]:
    """The rows of ``data/{name}.toml``, or of all files in the folder ``data/{name}``; FileNotFoundError where there is neither."""
    shelf: dict[str, Any] = _loaded(name)
    return shelf


@cache
def words(lang: str, shelf: str) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """The prose of ``data/{lang}/{shelf}/*.toml``: section, then row, then field.

    Raises LookupError for a language that is not in LANGUAGES or a shelf that it does not have.
    """
    missing = f"no {shelf} in {lang!r}; the languages are {', '.join(LANGUAGES)}"
    if lang not in LANGUAGES:
        raise LookupError(missing)
    try:
        sections: dict[str, dict[str, dict[str, Any]]] = _loaded(f"{lang}-{shelf}")
    except FileNotFoundError as fault:
        raise LookupError(missing) from fault
    return sections


def _loaded(name: str) -> Any:
    with open(os.path.join(_INDEX, f"{name}.json"), "rb") as source:  # noqa: PTH118, PTH123 - as above
        return json.loads(source.read())
