"""The shelves: what the data files of this room say, from an index made of them, each shelf loaded when first asked for and kept.

The TOML files are the source; ``tools/generate_index.py`` makes ``data/index`` of them, which loads in a hundredth of the time, and a
test holds that it is fresh. Knows no reply and no session.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "zh")
"""The languages that are complete: English, and Simplified Chinese."""

_INDEX = Path(__file__).parent / "data" / "index"
"""Not by importlib.resources, whose import alone takes as long as reading a file."""


@cache
def facts(name: str) -> Mapping[str, Any]:
    """The rows of ``data/{name}.toml``, or of all files in the folder ``data/{name}``; FileNotFoundError where there is neither."""
    shelf: dict[str, Any] = json.loads((_INDEX / f"{name}.json").read_bytes())
    return shelf


@cache
def words(lang: str, shelf: str) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """The prose of ``data/{lang}/{shelf}/*.toml``: section, then row, then field.

    Raises LookupError for a language that is not in LANGUAGES or a shelf that it does not have.
    """
    source = _INDEX / f"{lang}-{shelf}.json"
    if lang not in LANGUAGES or not source.exists():
        raise LookupError(f"no {shelf} in {lang!r}; the languages are {', '.join(LANGUAGES)}")
    sections: dict[str, dict[str, dict[str, Any]]] = json.loads(source.read_bytes())
    return sections
