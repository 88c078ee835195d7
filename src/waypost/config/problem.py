"""What is wrong with a configuration, where it stands and what to write instead. Knows no rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Keys: TypeAlias = tuple[str | int, ...]
"""The path of a setting: keys of tables and positions in lists, counted from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """The server does not start with it."""
    WARNING = "warning"
    """It starts, and does something that its operator should know."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands."""

    source: str
    """A file's path, the name of an environment variable, ``--set``, ``dev profile`` or ``default``."""
    line: int = 0
    """Counted from 1; 0 where there are no lines."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    place: Place
    setting: str
    """``listeners.0.bind``; empty where it is about the whole file."""
    says: str
    """What is wrong, and what to write instead; one line."""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        said = f"{self.setting}: {self.says}" if self.setting else self.says
        return f"{self.place}: {said}"


class ConfigError(Exception):
    """The configuration cannot be used. All that is wrong stands in ``problems``, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def file(self) -> str:
        """Where the first problem stands: a file, or what else its place names."""
        return self.problems[0].place.source

    @property
    def line(self) -> int:
        """Its line, 0 where there are none."""
        return self.problems[0].place.line

    @property
    def setting(self) -> str:
        """The setting that it is about."""
        return self.problems[0].setting

    @property
    def says(self) -> str:
        """What is wrong, and what to write instead."""
        return self.problems[0].says


def dotted(keys: Keys) -> str:
    """A setting's name as ``--set`` takes it: ``domains.aliases."root@example.org".0``."""
    return ".".join(str(key) if isinstance(key, int) or _BARE.fullmatch(key) else quoted(key) for key in keys)


def quoted(text: str) -> str:
    """``text`` between double quotes, with nothing in it that could break a line or a terminal."""
    shown = "".join(
        letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{shown}"'
