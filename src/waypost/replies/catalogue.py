"""What we say: the rows of the catalogue, their prose and ``say``, the only maker of replies; knows no stranger's words.

RFC 5321 section 4.2 (form of a reply), RFC 2034 section 4 (the status on each line).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import TYPE_CHECKING

from waypost.replies.library import facts as read_facts
from waypost.replies.library import words
from waypost.replies.prose import Prose
from waypost.replies.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from waypost.replies.keys import Key

_LINE = 510
"""Octets of a reply line before its CRLF (5321#4.5.3.1.5)."""

_AUTH_LINE = 12_286
"""Octets of a line of an AUTH exchange before its CRLF (4954#4); a challenge cannot be wrapped."""

_SHOWN = 64
"""Characters of a fact that a reply shows: what a client sent is echoed shortened."""

_SHOWN_LONGER = {"hostname": 255, "fault": 200, "software": 200, "line": 100_000, "challenge": 100_000}
"""Facts that are ours, not the client's: a host name may have 255 octets (5321#4.5.3.1.2)."""


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
        for key, row in read_facts("catalogue").items()
    }


@cache
def prose(key: str, lang: str = "en") -> Prose:
    """The prose of ``key`` in ``lang``; LookupError for an unknown key or language."""
    return Prose(**words(lang, "catalogue")["catalogue"][key])


def say(key: Key, *, more: Sequence[str] = (), **facts: object) -> Reply:
    """The reply ``key`` with its facts filled in and ``more`` lines after the first.

    Raises KeyError for a fact that is missing, ValueError for a key that is an outcome and no reply.
    """
    if not facts and not more:
        return _READY[key]
    mould = _MOULDS[key]
    if mould.only is not None:  # one fact is the common case and the hot one
        line = mould.pattern % _shown(facts[mould.only], mould.names[0][1])
    else:
        line = mould.pattern % tuple([_shown(facts[name], most) for name, most in mould.names])
    if more or len(line) > mould.room:
        return _spread(mould, (line, *map(printable, more)))
    return Reply(mould.key, mould.code, mould.status, (line,), f"{mould.head}{line}\r\n".encode("ascii"))


@dataclass(frozen=True, slots=True)
class _Mould:
    """A row made ready for saying."""

    key: str
    code: int
    status: str | None
    only: str | None
    """The fact, if there is exactly one."""
    names: tuple[tuple[str, int], ...]
    """The facts in the order of the pattern, with how many characters of each are shown."""
    pattern: str
    head: str
    """What stands before the text of a last line."""
    room: int
    """Characters of text that fit on a line."""


def _mould(key: Key) -> _Mould:
    entry = entries()[key]
    if entry.code is None:
        raise ValueError(f"{key} is an outcome, not a reply")
    parts = tuple(Formatter().parse(entry.says))
    names = tuple((name, _SHOWN_LONGER.get(name, _SHOWN)) for _, name, _, _ in parts if name is not None)
    return _Mould(
        key=entry.key,
        code=entry.code,
        status=entry.status,
        only=names[0][0] if len(names) == 1 else None,
        names=names,
        pattern="".join(literal.replace("%", "%%") + ("" if name is None else "%s") for literal, name, _, _ in parts),
        head=_head(entry.code, " ", entry.status),
        room=_room(entry.code, entry.status),
    )


class _Moulds(dict["Key", _Mould]):
    """Moulds, made when first needed."""

    def __missing__(self, key: Key) -> _Mould:
        made = self[key] = _mould(key)
        return made


class _Ready(dict["Key", Reply]):
    """Replies without facts, made when first needed."""

    def __missing__(self, key: Key) -> Reply:
        mould = _MOULDS[key]
        if mould.names:
            raise KeyError(mould.names[0][0])
        made = self[key] = _spread(mould, (mould.pattern % (),))
        return made


_MOULDS = _Moulds()
"""Filled once per key and never changed after: a cache, in a form that answers in a third of the time of functools.cache."""

_READY = _Ready()
"""Likewise."""


def _spread(mould: _Mould, lines: Iterable[str]) -> Reply:
    fitting = tuple(piece for line in lines for piece in wrap(line, mould.room))
    return Reply(mould.key, mould.code, mould.status, fitting, encode(mould.code, mould.status, fitting))


def _shown(value: object, most: int) -> str:
    text = value if type(value) is str else str(value)
    if len(text) > most:
        text = text[: most - 3] + "..."
    return text if text.isascii() and text.isprintable() else printable(text)


def printable(value: object) -> str:
    """``value`` as text that can stand in a reply: printable ASCII, anything else a question mark (6531#3.7.4.2)."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def wrap(line: str, room: int) -> Iterator[str]:
    """``line`` in pieces of at most ``room`` characters, parted at spaces where it has any."""
    while len(line) > room:
        cut = line.rfind(" ", 1, room + 1)
        if cut < 1:
            yield line[:room]
            line = line[room:]
        else:
            yield line[:cut].rstrip(" ")
            line = line[cut + 1 :]
    yield line


def encode(code: int, status: str | None, lines: Sequence[str]) -> bytes:
    """The wire form; the status stands on each line (2034#4); a line that is too long goes on in the next (5321#4.5.3.1.5)."""
    room = _room(code, status)
    fitting = [piece for line in lines for piece in wrap(line, room)]
    going_on = _head(code, "-", status)
    text = "".join(f"{going_on}{line}\r\n" for line in fitting[:-1])
    return f"{text}{_head(code, ' ', status)}{fitting[-1]}\r\n".encode("ascii")


def _head(code: int, mark: str, status: str | None) -> str:
    return f"{code}{mark}{status} " if status else f"{code}{mark}"


def _room(code: int, status: str | None) -> int:
    return (_AUTH_LINE if code == 334 else _LINE) - len(_head(code, " ", status))
