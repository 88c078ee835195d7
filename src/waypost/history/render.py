"""A conversation as people read it: one entry per thing said, each reply explained. Pure data: knows no colour and no page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.replies.explain import Gloss, gloss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.history.transcript import Line, Transcript

_REPLY = re.compile(r"([2-5]\d\d)(?:[ -]|$)(?:([245]\.\d{1,3}\.\d{1,3})(?: |$))?(.*)", re.DOTALL)


class Who(StrEnum):
    """Whose entry it is."""

    CLIENT = "client"
    """A command."""
    SERVER = "server"
    """A reply."""
    NOTE = "note"
    """Neither: TLS began, content went by, something was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing said."""

    after: float
    """Seconds since the conversation began."""
    who: Who
    lines: tuple[str, ...]
    """Text without line ends and without anything that moves a cursor."""
    code: int = 0
    """Of a reply; else 0."""
    key: str = ""
    """Key of the catalogue, where the reply is ours."""
    gloss: Gloss | None = None
    """What the reply means; None for commands and notes."""


def render(transcript: Transcript, lang: str = "en") -> Sequence[Entry]:
    """The conversation, entry by entry; what the bound left out is named at the end. Raises LookupError for an unknown language."""
    entries = [entry for line in transcript.lines for entry in spoken(line, lang)]
    if transcript.omitted:
        after = transcript.lines[-1].after if transcript.lines else 0.0
        entries.append(Entry(after=after, who=Who.NOTE, lines=(f"{transcript.omitted} octets left out",)))
    return entries


def spoken(line: Line, lang: str = "en") -> Iterator[Entry]:
    """What stands in ``line``: several commands, or several replies, when they went over the wire in one piece."""
    texts = [shown(octets) for octets in _lines(line.octets)]
    if line.from_client:
        for text in texts:
            note = text.startswith("<") and text.endswith(">") and text != "<redacted>"
            yield Entry(after=line.after, who=Who.NOTE if note else Who.CLIENT, lines=(text[1:-1] if note else text,))
        return
    reply: list[str] = []
    for text in texts:
        reply.append(text)
        if text[3:4] != "-":
            yield _reply(line, reply, lang)
            reply = []
    if reply:
        yield _reply(line, reply, lang)


def _reply(line: Line, texts: Sequence[str], lang: str) -> Entry:
    found = _REPLY.match(texts[-1])
    if found is None:
        return Entry(after=line.after, who=Who.SERVER, lines=tuple(texts), key=line.key)
    code, status, text = int(found[1]), found[2], found[3]
    explained = gloss(code, status, text, key=line.key, lang=lang)
    return Entry(after=line.after, who=Who.SERVER, lines=tuple(texts), code=code, key=line.key, gloss=explained)


def _lines(octets: bytes) -> list[bytes]:
    lines = octets.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def shown(octets: bytes) -> str:
    r"""``octets`` as text on one line; what is not printable becomes ``\x..``."""
    text = octets.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode-escape").decode("ascii") for letter in text)
