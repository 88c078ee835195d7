"""Reads SQL that stands in files: named blocks, each with a sentence that says what it does. Knows no driver and no tables.

A block opens with ``-- name --``, goes on with comment lines, and ends where the next one opens or the file ends.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

_OPENING = re.compile(r"^-- ([a-z][a-z0-9_]*) --$")


def parse(text: str) -> dict[str, str]:
    """The statements of ``text`` by name, comments left out. Raises ValueError for a block without sentence or statement."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        if opening := _OPENING.match(line):
            lines = blocks.setdefault(opening[1], [])
            if lines:
                raise ValueError(f"the block {opening[1]!r} stands twice")
        elif lines is not None:
            lines.append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"a statement without a name: {line!r}")
    return {name: _statement(name, found) for name, found in blocks.items()}


def _statement(name: str, lines: list[str]) -> str:
    if not any(line.startswith("-- ") for line in lines):
        raise ValueError(f"the block {name!r} has no sentence that says what it does")
    statement = "\n".join(line for line in lines if line.strip() and not line.startswith("--")).strip().removesuffix(";")
    if not statement:
        raise ValueError(f"the block {name!r} has no statement")
    return statement


class Schema:
    """The SQL of one kind of database: a room's folder ``sql`` with ``schema.sql``, ``queries.sql`` and ``NNN-topic.sql``."""

    __slots__ = ("migrations", "queries", "text")

    def __init__(self, text: str, migrations: tuple[str, ...], queries: Mapping[str, str]) -> None:
        self.text = text
        """The tables as they are today; equal to the sum of the migrations, which a test proves."""
        self.migrations = migrations
        """The steps from nothing to today; the number of steps taken is the version of a file."""
        self.queries = queries
        """Statements by name."""

    @classmethod
    def of(cls, package: str) -> Schema:
        """The schema in the folder ``sql`` of ``package`` (``waypost.spool``)."""
        folder = files(package).joinpath("sql")
        steps = sorted((entry for entry in folder.iterdir() if _is_migration(entry.name)), key=lambda entry: entry.name)
        numbers = [int(step.name[:3]) for step in steps]
        if numbers != list(range(1, len(steps) + 1)):
            raise ValueError(f"the migrations of {package} are not numbered 1, 2, 3: {numbers}")
        return cls(_read(folder / "schema.sql"), tuple(map(_read, steps)), parse(_read(folder / "queries.sql")))


def _is_migration(name: str) -> bool:
    return re.fullmatch(r"\d{3}-[a-z0-9-]+\.sql", name) is not None


def _read(entry: Traversable) -> str:
    return entry.read_text(encoding="utf-8")
