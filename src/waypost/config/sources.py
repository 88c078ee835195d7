"""Where values come from, laid over one another: file, environment, command line. Knows no setting's type or meaning.

Later ones win: default, file, environment (``WAYPOST__SECTION__KEY``), ``--set KEY=VALUE``. What an override gives is TOML where it
is, and else the text as it stands; which of the two is meant the reader decides by the setting's type (``Loose``).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.config.locate import locate
from waypost.config.problem import ConfigError, Keys, Place, Problem, dotted, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "WAYPOST__"
COMMAND_LINE = "--set"
LARGEST = 16_777_216
"""Octets of a configuration file; more is not one."""

_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_KEY_AND_VALUE = re.compile(r"((?:[^=\"']|\"[^\"]*\"|'[^']*')+)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Loose:
    """A value given as text by an override."""

    text: str
    value: Any
    """What it is as TOML; the text itself where it is none."""

    @property
    def is_toml(self) -> bool:
        """Whether the text is a TOML value."""
        return self.value is not self.text


@dataclass(frozen=True, slots=True)
class Override:
    """One setting given outside the file."""

    keys: Keys
    value: Loose
    place: Place


@dataclass(slots=True)
class Sources:
    """The tree of raw values, and where each part of it stands."""

    tree: dict[str, Any] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    """Relative files of the file's own settings are taken from here, those of overrides from the working directory."""
    file: str = ""
    places: dict[Keys, Place] = field(default_factory=dict)

    def place(self, keys: Keys) -> Place:
        """Where ``keys``, or else the nearest table or list above it, stands."""
        for depth in range(len(keys), 0, -1):
            if (place := self.places.get(keys[:depth])) is not None:
                return place
        return Place(self.file)

    def is_given(self, keys: Keys) -> bool:
        """Whether that very setting was given anywhere."""
        return keys in self.places

    def base(self, keys: Keys) -> Path:
        """The folder from which a relative file in ``keys`` is taken."""
        return self.folder if self.place(keys).source == self.file else Path.cwd()

    def lay(self, override: Override) -> None:
        """Put one override on top. Raises ConfigError when there is no place for it."""
        target: Any = self.tree
        for depth, key in enumerate(override.keys[:-1]):
            target = self._step(target, key, override, depth, missing=[] if isinstance(override.keys[depth + 1], int) else {})
        self._step(target, override.keys[-1], override, len(override.keys) - 1, missing=None)
        target[override.keys[-1]] = override.value
        self._forget_below(override.keys)
        for depth in range(1, len(override.keys) + 1):
            self.places.setdefault(override.keys[:depth], override.place)

    def _step(self, target: Any, key: str | int, override: Override, depth: int, *, missing: Any) -> Any:
        """What stands under ``key``, made where it is missing: a list grows by one at its end, never with gaps."""
        if isinstance(key, int) and isinstance(target, list) and key <= len(target):
            if key == len(target):
                target.append(missing)
            return _inside(target[key])
        if isinstance(key, str) and isinstance(target, dict):
            return _inside(target.setdefault(key, missing))
        where = dotted(override.keys[:depth])
        if isinstance(key, int) and isinstance(target, list):
            raise ConfigError([_problem(override, f"{where} has {len(target)} rows: the next one is {where}.{len(target)}")])
        if isinstance(target, list):
            raise ConfigError([_problem(override, f"{where} is a list: write a position, such as {where}.0")])
        raise ConfigError([_problem(override, f"{where} is no {'list' if isinstance(key, int) else 'table'}")])

    def _forget_below(self, keys: Keys) -> None:
        """What stood there is replaced as a whole."""
        for path in [path for path in self.places if path[: len(keys)] == keys]:
            del self.places[path]


def _inside(value: Any) -> Any:
    """A table or list that an earlier override gave is one to go into like any other."""
    return value.value if isinstance(value, Loose) and isinstance(value.value, dict | list) else value


def read_file(file: Path) -> Sources:
    """The tree of a TOML file. Raises ConfigError."""
    name = str(file)
    try:
        octets = file.read_bytes() if file.stat().st_size <= LARGEST else None
    except OSError as fault:
        raise ConfigError([Problem(Place(name), "", f"cannot be read: {fault.strerror}")]) from fault
    if octets is None:
        raise ConfigError([Problem(Place(name), "", f"is larger than {LARGEST} octets: that is no configuration")])
    return parse(octets, name, file.parent)


def parse(octets: bytes, name: str, folder: Path) -> Sources:
    """The tree of TOML text. Raises ConfigError."""
    try:
        text = octets.decode()
    except UnicodeDecodeError as fault:
        line = octets.count(b"\n", 0, fault.start) + 1
        raise ConfigError([Problem(Place(name, line), "", "is not UTF-8: save it in that encoding")]) from fault
    try:
        tree = tomllib.loads(text.removeprefix("\ufeff"))
        lines = locate(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError([_syntax_problem(str(fault), name, text)]) from fault
    except RecursionError as fault:
        raise ConfigError([Problem(Place(name), "", "is nested too deeply to be read")]) from fault
    return Sources(tree, folder, name, {keys: Place(name, line) for keys, line in lines.items()})


def _syntax_problem(fault: str, name: str, text: str) -> Problem:
    position = _POSITION.search(fault)
    says = fault[: position.start()] if position else fault
    line = int(position[1]) if position and position[1] else text.rstrip().count("\n") + 1
    if says == "Cannot overwrite a value":
        says = "this key is given twice: keep one of them"
    elif says.startswith("Cannot declare "):
        says = "this table is opened twice: put its keys together under one header"
    return Problem(Place(name, line), "", f"not TOML: {says[0].lower()}{says[1:]}")


def from_environment(environ: Mapping[str, str]) -> list[Override]:
    """``WAYPOST__SECTION__KEY=value`` for every such variable, in the order of their names."""
    return [_from_variable(name, environ[name]) for name in sorted(environ) if name.startswith(PREFIX)]


def _from_variable(name: str, value: str) -> Override:
    parts = name.removeprefix(PREFIX).lower().split("__")
    if not all(parts):
        raise ConfigError([Problem(Place(name), "", "is no setting: write WAYPOST__SECTION__KEY, as in WAYPOST__LIMITS__RECIPIENTS")])
    return Override(tuple(_key(part) for part in parts), loose(value), Place(name))


def from_command_line(given: Sequence[str]) -> list[Override]:
    """``KEY=VALUE`` for every ``--set``. Raises ConfigError."""
    return [_from_argument(argument) for argument in given]


def _from_argument(argument: str) -> Override:
    match = _KEY_AND_VALUE.fullmatch(argument)
    keys = _dotted_keys(match[1].strip()) if match else None
    if match is None or keys is None:
        shown = quoted(argument.partition("=")[0])
        raise ConfigError([Problem(Place(COMMAND_LINE), "", f"{shown} is not KEY=VALUE: write --set limits.recipients=200, for one")])
    return Override(keys, loose(match[2]), Place(COMMAND_LINE))


def _dotted_keys(text: str) -> Keys | None:
    """The keys of ``text``, read as TOML reads a dotted key; None where it is none."""
    try:
        tree: Any = tomllib.loads(f"{text} = 0")
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    keys: list[str | int] = []
    while isinstance(tree, dict) and len(tree) == 1:
        ((key, tree),) = tree.items()
        keys.append(_key(key))
    return tuple(keys) if tree == 0 and keys else None


def _key(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else text


def loose(text: str) -> Loose:
    """``text`` as an override gives it."""
    try:
        tree = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return Loose(text, text)
    return Loose(text, tree["value"]) if len(tree) == 1 else Loose(text, text)


def _problem(override: Override, says: str) -> Problem:
    return Problem(override.place, dotted(override.keys), says)
