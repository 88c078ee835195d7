"""Turning raw values into the rooms' settings, each checked against the type and bounds that it declares. Knows no rule between settings.

Everything that is wrong is collected, each with its place and what to write instead; nothing is guessed or converted: a number in
quotes is text. Only what an override gives as bare text may be read as text, or as a list with commas, where that is what is wanted.
"""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from waypost.config.problem import Keys, Problem, dotted
from waypost.config.schema import Entry, element_of, entries, is_choice, is_mapping, leaves
from waypost.config.secret import SecretError, Secrets
from waypost.config.sources import Loose, Sources
from waypost.config.words import article, expected, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from waypost.setting import Setting

Made = TypeVar("Made")


class RefusalError(Exception):
    """A value that cannot be; the text says what to write instead."""


class Reader:
    """Reads one tree; what is wrong gathers in ``problems``."""

    def __init__(self, sources: Sources, secrets: Secrets) -> None:
        self._sources = sources
        self._secrets = secrets
        self.problems: list[Problem] = []

    def section(self, cls: type[Made], keys: Keys, raw: Any) -> Made | None:
        """A table as ``cls``; None when something in it is wrong."""
        raw = raw.value if isinstance(raw, Loose) else raw
        if not isinstance(raw, dict):
            self._tell(keys, f"must be a table ([{dotted(keys)}] or {{ key = value }}), not {shown(raw)}")
            return None
        before = len(self.problems)
        known = {entry.name: entry for entry in entries(cls)}
        for name in raw:
            if name not in known:
                self._tell((*keys, name), _unknown(name, keys, known))
        values = {name: self._entry(entry, (*keys, name), raw[name]) for name, entry in known.items() if name in raw}
        for name, entry in known.items():
            if entry.required and name not in raw:
                self._tell(keys, f"needs {name}: {expected(entry.kind, entry.setting)}")
        return cls(**values) if len(self.problems) == before else None

    def _entry(self, entry: Entry, keys: Keys, raw: Any) -> Any:
        if entry.section is not None:
            return self.section(entry.section, keys, raw)
        if entry.row is not None:
            return self._rows(entry.row, keys, raw)
        try:
            return self._value(entry, keys, raw)
        except RefusalError as refusal:
            self._tell(keys, str(refusal))
            return None

    def _rows(self, row: type, keys: Keys, raw: Any) -> Any:
        raw = raw.value if isinstance(raw, Loose) else raw
        if not isinstance(raw, list):
            self._tell(keys, f"is a list of tables: write [[{dotted(keys)}]], not {shown(raw)}")
            return None
        return tuple(self.section(row, (*keys, position), table) for position, table in enumerate(raw))

    def _value(self, entry: Entry, keys: Keys, raw: Any) -> Any:
        if entry.setting.secret:
            return self._secret(keys, raw)
        kinds = entry.choices
        raw = _as_meant(kinds, raw)
        for kind in kinds:
            if _fits(kind, raw):
                return self._made(kind, entry.setting, keys, raw)
        raise RefusalError(f"must be {expected(entry.kind, entry.setting)}, not {shown(raw)}")

    def _secret(self, keys: Keys, raw: Any) -> str:
        text = raw.text if isinstance(raw, Loose) and not isinstance(raw.value, str) else raw.value if isinstance(raw, Loose) else raw
        if not isinstance(text, str):
            raise RefusalError("must be file:PATH or cred:NAME, in quotes")  # never what was given
        try:
            return self._secrets.find(text, self._sources.base(keys))
        except SecretError as fault:
            raise RefusalError(str(fault)) from fault

    def _made(self, kind: Any, setting: Setting, keys: Keys, raw: Any) -> Any:
        if is_mapping(kind):
            return self._mapping(setting, keys, raw)
        if (element := element_of(kind)) is not None:
            return tuple(self._element(element, setting, (*keys, position), each) for position, each in enumerate(raw))
        if is_choice(kind):
            return _chosen(kind, raw)
        if kind in (str, Path):
            return kind(self._path(keys, raw) if setting.path else _clean(raw))
        if kind in (int, float):
            _require_within(setting, raw)
        return kind(raw)

    def _element(self, kind: Any, setting: Setting, keys: Keys, raw: Any) -> Any:
        raw = _as_meant((kind,), raw)
        if not _fits(kind, raw):
            self._tell(keys, f"must be {expected(kind, setting)}, not {shown(raw)}")
            return None
        try:
            return self._made(kind, setting, keys, raw)
        except RefusalError as refusal:
            self._tell(keys, str(refusal))
            return None

    def _mapping(self, setting: Setting, keys: Keys, raw: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        made = {}
        for name, value in raw.items():
            meant = _as_meant((tuple[str, ...],), value)
            if isinstance(meant, list):
                made[name] = tuple(self._element(str, setting, (*keys, name, position), each) for position, each in enumerate(meant))
            else:
                self._tell((*keys, name), f"must be {expected(tuple[str, ...], setting)}, not {shown(meant)}")
        return made

    def _path(self, keys: Keys, text: str) -> str:
        if not _clean(text):
            raise RefusalError("must be a path, not empty")
        return str(self._sources.base(keys).absolute() / Path(text).expanduser())

    def _tell(self, keys: Keys, says: str) -> None:
        self.problems.append(Problem(self._sources.place(keys), dotted(keys), says))


def _as_meant(kinds: tuple[Any, ...], raw: Any) -> Any:
    """What an override's text means where ``kinds`` are wanted: TOML if that fits, else text, or a list with commas between."""
    if not isinstance(raw, Loose):
        return raw
    if any(_fits(kind, raw.value) for kind in kinds):
        return raw.value
    if any(_fits(kind, raw.text) for kind in kinds):
        return raw.text
    if not raw.is_toml and any(element_of(kind) is str for kind in kinds):
        return [part.strip() for part in raw.text.split(",") if part.strip()]
    return raw.value


def _fits(kind: Any, raw: Any) -> bool:
    """Whether a raw value has the form of ``kind``, whatever it says."""
    if is_mapping(kind):
        return isinstance(raw, dict)
    if element_of(kind) is not None:
        return isinstance(raw, list)
    if kind is bool:
        return isinstance(raw, bool)
    if kind is int:
        return isinstance(raw, int) and not isinstance(raw, bool)
    if kind is float:
        return isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)
    return isinstance(raw, str)


def _require_within(setting: Setting, number: float) -> None:
    if setting.least is not None and number < setting.least:
        raise RefusalError(f"{number} is below the least, {_measured(setting.least, setting)}")
    if setting.most is not None and number > setting.most:
        raise RefusalError(f"{number} is above the most, {_measured(setting.most, setting)}")


def _measured(number: float, setting: Setting) -> str:
    return f"{number:.15g} {setting.unit}".rstrip()


def _chosen(kind: type[StrEnum], raw: str) -> StrEnum:
    try:
        return kind(raw)
    except ValueError:
        raise RefusalError(f"must be {expected(kind, None)}, not {shown(raw)}{_meant(raw, [str(each) for each in kind])}") from None


def _clean(text: str) -> str:
    """``text``, which may hold no control character: none has a meaning in any setting, and some would break lines."""
    if not text.isprintable() and any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        raise RefusalError(f"holds a control character: {shown(text)}")
    return text


def _unknown(name: str, keys: Keys, known: Iterable[str]) -> str:
    names = list(known)
    if meant := _meant(name, names):
        return f"unknown key{meant}"
    if elsewhere := [dotted(path) for path, _ in leaves() if path[-1] == name]:
        return f"unknown key here; there is {' and '.join(elsewhere).replace('.*.', '.0.')}"
    table = article(dotted(keys)) if keys else "the top of the file"
    return f"unknown key; {table} knows {', '.join(names)}" if len(names) <= 24 else f"unknown key; docs/settings.md lists those of {table}"


def _meant(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""
