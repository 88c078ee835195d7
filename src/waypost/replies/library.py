"""The shelves: the data files of this room, each read when first asked for and kept. Knows no reply and no session."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "zh")
"""The languages that are complete: English, and Simplified Chinese."""

_DATA = Path(__file__).parent / "data"
"""Not by importlib.resources, whose import alone takes as long as reading a file."""


@cache
def facts(name: str) -> Mapping[str, Any]:
    """The rows of ``data/{name}.toml``; FileNotFoundError where there is none."""
    return _read(_DATA / f"{name}.toml")


@cache
def words(lang: str, shelf: str) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """The prose of ``data/{lang}/{shelf}/*.toml``: section, then row, then field.

    Raises LookupError for a language that is not in LANGUAGES or a shelf that it does not have.
    """
    sources = sorted((_DATA / lang / shelf).glob("*.toml")) if lang in LANGUAGES else []
    if not sources:
        raise LookupError(f"no {shelf} in {lang!r}; the languages are {', '.join(LANGUAGES)}")
    sections: dict[str, dict[str, Mapping[str, str]]] = {}
    for source in sources:
        for section, rows in _read(source).items():
            sections.setdefault(section, {}).update(rows)
    return sections


def _read(source: Path) -> dict[str, Any]:
    return tomllib.loads(source.read_text("utf-8"))
