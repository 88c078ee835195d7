"""What we say: the rows of the catalogue and ``say``, the only maker of replies; knows no stranger's words."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from waypost.replies.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from waypost.replies.keys import Key

_LINE = 510
"""Octets of a reply line before its CRLF (5321#4.5.3.1.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row: the facts of a reply or outcome, without its prose."""

    key: str
    code: int | None
    """None: an outcome, never a reply on the wire."""
    status: str | None
    says: str
    when: tuple[str, ...]
    settings: tuple[str, ...]
    rfc: tuple[str, ...]


@cache
def entries() -> Mapping[str, Entry]:
    """Every row, by key, in the order of the file."""
    rows = tomllib.loads(files("waypost.replies").joinpath("data/catalogue.toml").read_text("utf-8"))
    return {
        key: Entry(
            key=key,
            code=row.get("code"),
            status=row.get("status"),
            says=row.get("says", ""),
            when=tuple(row["when"]),
            settings=tuple(row.get("settings", ())),
            rfc=tuple(row.get("rfc", ())),
        )
        for key, row in rows.items()
    }


def say(key: Key, *, more: Sequence[str] = (), **facts: object) -> Reply:
    """The reply ``key`` with its facts filled in and ``more`` lines after the first.

    Raises KeyError for a fact that is missing, ValueError for a key that is an outcome and no reply.
    """
    if not facts and not more:
        return _plain(key)
    return _compose(key, more, facts)


@cache
def _plain(key: Key) -> Reply:
    return _compose(key, (), {})


def _compose(key: Key, more: Sequence[str], facts: Mapping[str, object]) -> Reply:
    entry = entries()[key]
    if entry.code is None:
        raise ValueError(f"{key} is an outcome, not a reply")
    first = entry.says.format_map({name: printable(value) for name, value in facts.items()})
    lines = (first, *(printable(line) for line in more))
    return Reply(entry.key, entry.code, entry.status, lines, encode(entry.code, entry.status, lines))


def printable(value: object) -> str:
    """``value`` as text that can stand in a reply: printable ASCII, anything else a question mark (6531#3.7.4.2)."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def encode(code: int, status: str | None, lines: Sequence[str]) -> bytes:
    """The wire form; the status stands on each line (2034#4); a line that is too long is cut (5321#4.5.3.1.5)."""
    prefix = f"{status} " if status else ""
    last = len(lines) - 1
    room = _LINE - 4 - len(prefix)
    return "".join(f"{code}{' ' if number == last else '-'}{prefix}{line[:room]}\r\n" for number, line in enumerate(lines)).encode("ascii")
