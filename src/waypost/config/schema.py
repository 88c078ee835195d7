"""The tree of settings as it is declared: sections, rows of lists, entries with their markers. Knows no file format and no value."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from waypost.config.settings import Settings
from waypost.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH = "*"
"""Stands for every position in the path of a list's rows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a dataclass of settings."""

    name: str
    kind: Any
    """Its type, without the marker."""
    setting: Setting
    required: bool
    default: object
    """What it is when nobody sets it; None when it is required."""

    @property
    def section(self) -> type | None:
        """The dataclass that it is, for a table."""
        return self.kind if dataclasses.is_dataclass(self.kind) and isinstance(self.kind, type) else None

    @property
    def row(self) -> type | None:
        """The dataclass of its rows, for a list of tables."""
        element = element_of(self.kind)
        return element if dataclasses.is_dataclass(element) and isinstance(element, type) else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The types that it may have, None left out."""
        return tuple(kind for kind in alternatives(self.kind) if kind is not types.NoneType)


def entries(cls: type) -> tuple[Entry, ...]:
    """The entries of a dataclass of settings, in the order in which they are declared."""
    return _entries(cls)


@functools.cache
def _entries(cls: type) -> tuple[Entry, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(_entry(field, hints[field.name]) for field in dataclasses.fields(cls))


def _entry(field: dataclasses.Field[Any], hint: Any) -> Entry:
    kind, setting = hint, Setting(says="")
    if typing.get_origin(hint) is Annotated:
        kind, *markers = typing.get_args(hint)
        setting = next((marker for marker in markers if isinstance(marker, Setting)), setting)
    missing = dataclasses.MISSING
    required = field.default is missing and field.default_factory is missing
    default = None
    if not required:
        default = field.default_factory() if field.default_factory is not missing else field.default
    return Entry(name=field.name, kind=kind, setting=setting, required=required, default=default)


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The members of a union; the type itself where it is none."""
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def element_of(kind: Any) -> Any:
    """The type of a list's elements; None where it is no list."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def is_mapping(kind: Any) -> bool:
    """Whether it is a table whose keys the operator chooses."""
    return typing.get_origin(kind) is Mapping


def is_choice(kind: Any) -> bool:
    """Whether it is one of a closed list of names."""
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def leaves(cls: type = Settings, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Every setting with its path: tables are walked into, the rows of a list of tables stand under ``*``."""
    for entry in entries(cls):
        path = (*above, entry.name)
        if entry.section is not None:
            yield from leaves(entry.section, path)
        elif entry.row is not None:
            yield from leaves(entry.row, (*path, EACH))
        else:
            yield path, entry
