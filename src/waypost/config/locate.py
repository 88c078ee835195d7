"""Finding the line on which a key or value stands in TOML. Knows no setting.

tomllib says what a file means but not where. This walks over the same text and notes the line of each key path; it judges nothing and
is given only what tomllib accepted. The line of a table is that of its header, of a key that of its first letter, of an element its own.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.config.problem import Keys

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'  # the last quotes may belong to the text: three to five close it
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]+")


def locate(source: str) -> Mapping[Keys, int]:
    """The line, counted from 1, of every key path in ``source``, which must be TOML that tomllib accepts."""
    return _Walk(source.replace("\r\n", "\n")).lines()


class _Walk:
    """One pass over a document."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._line = 1
        self._counted = 0
        self._found: dict[Keys, int] = {}
        self._rows: dict[Keys, int] = {}

    def lines(self) -> Mapping[Keys, int]:
        table: Keys = ()
        self._take(_BLANK)
        while self._at < len(self._source):
            if self._source[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)
        return self._found

    def _header(self) -> Keys:
        line = self._now()
        is_list = self._source.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        path = self._into_rows(self._keys())
        if is_list:
            count = self._rows.get(path, -1) + 1
            self._rows[path] = count
            self._note(path, line)
            path = (*path, count)
        for depth in range(1, len(path)):
            self._note(path[:depth], line)
        self._found[path] = line  # also where a header below it was the first to name it
        self._at += 2 if is_list else 1
        return path

    def _into_rows(self, keys: tuple[str, ...]) -> Keys:
        """A header's keys with the position of the last row wherever one of them is a list of tables; its own last key left alone."""
        path: Keys = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            if number < len(keys) - 1 and path in self._rows:
                path = (*path, self._rows[path])
        return path

    def _pair(self, table: Keys) -> None:
        line = self._now()
        path = (*table, *self._keys())
        for depth in range(len(table) + 1, len(path) + 1):
            self._note(path[:depth], line)
        self._take(_SPACE)
        self._at += 1  # the equals sign
        self._take(_SPACE)
        self._value(path)

    def _keys(self) -> tuple[str, ...]:
        self._take(_SPACE)
        keys = [self._key()]
        while (dot := _DOT.match(self._source, self._at)) is not None:
            self._at = dot.end()
            keys.append(self._key())
        self._take(_SPACE)
        return tuple(keys)

    def _key(self) -> str:
        text = self._take(_KEY)
        return next(iter(tomllib.loads(f"{text} = 0"))) if text[0] in "\"'" else text

    def _value(self, path: Keys) -> None:
        match self._source[self._at]:
            case "[":
                self._list(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_PLAIN)

    def _list(self, path: Keys) -> None:
        self._at += 1
        self._take(_BLANK)
        count = 0
        while self._source[self._at] != "]":
            self._note((*path, count), self._now())
            self._value((*path, count))
            count += 1
            self._separator()
        self._at += 1

    def _inline(self, path: Keys) -> None:
        self._at += 1
        self._take(_BLANK)
        while self._source[self._at] != "}":
            self._pair(path)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        self._take(_BLANK)
        if self._source[self._at] == ",":
            self._at += 1
            self._take(_BLANK)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._source, self._at)
        if match is None:
            raise ValueError(f"not TOML at line {self._now()}")
        self._at = match.end()
        return match[0]

    def _note(self, path: Keys, line: int) -> None:
        self._found.setdefault(path, line)

    def _now(self) -> int:
        """The line of the place reached; counts on from the last time it was asked."""
        self._line += self._source.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line
