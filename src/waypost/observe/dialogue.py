"""What went over the wire in one piece, told apart: commands, replies, marks; each reply explained. Pure: knows no page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.observe.escape import printable
from waypost.replies.gloss import Gloss, gloss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    after: float = 0.0
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


def entries(octets: bytes, *, from_client: bool, key: str = "", after: float = 0.0, lang: str = "en") -> Iterator[Entry]:
    """The entries in ``octets``: several where commands or replies were sent in one piece. Raises LookupError for an unknown language."""
    texts = [shown(line) for line in _lines(octets)]
    if from_client:
        for text in texts:
            note = text.startswith("<") and text.endswith(">") and text != "<redacted>"
            yield Entry(after=after, who=Who.NOTE if note else Who.CLIENT, lines=(text[1:-1] if note else text,))
        return
    reply: list[str] = []
    for text in texts:
        reply.append(text)
        if text[3:4] != "-":
            yield _reply(reply, key, after, lang)
            reply = []
    if reply:
        yield _reply(reply, key, after, lang)


def _reply(texts: Sequence[str], key: str, after: float, lang: str) -> Entry:
    found = _REPLY.match(texts[-1])
    if found is None:
        return Entry(after=after, who=Who.SERVER, lines=tuple(texts), key=key)
    code, status, text = int(found[1]), found[2], found[3]
    explained = gloss(code, status, text, key=key, lang=lang)
    return Entry(after=after, who=Who.SERVER, lines=tuple(texts), code=code, key=key, gloss=explained)


def _lines(octets: bytes) -> list[bytes]:
    lines = octets.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def shown(octets: bytes) -> str:
    r"""``octets`` as text on one line; what is not printable becomes ``\x..``."""
    return printable(octets.decode("utf-8", "backslashreplace"))
