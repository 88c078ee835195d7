"""What was said and what happened, line by line, in the form that users of swaks know; each line can explain itself. Knows no network.

``->`` sent, ``<-`` received, ``~>`` and ``<~`` the same under TLS, ``<**`` and ``<~*`` replies that were not hoped for,
``===`` what happened, ``***`` what went wrong.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from waypost.observe.escape import printable
from waypost.replies.gloss import gloss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.talk import Said

_PLAIN = frozenset({211, 214, 220, 221, 235, 250, 334, 354})
"""Codes that say no more than yes, or go on."""
_REPLY = re.compile(r"([2-5]\d\d)[ -]?(?:([245]\.\d{1,3}\.\d{1,3})(?:\s+|$))?(.*)")
_ROW = 16
_LONGEST = 998
"""Characters of a line that are shown."""


class Who(StrEnum):
    """Whose line it is."""

    CLIENT = "client"
    SERVER = "server"
    NOTE = "note"
    """What happened without words."""
    FAULT = "fault"
    """What went wrong without words."""


class Secrets(StrEnum):
    """How what logs in is shown."""

    HIDDEN = "hidden"
    ENCODED = "encoded"
    """As it is sent."""
    READABLE = "readable"
    """As it was before it was encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line."""

    at: float
    """Seconds since the start."""
    who: Who
    text: str
    """Without line end, and without anything that could steer a terminal."""
    secured: bool = False
    expected: bool = True
    content: bool = False
    """Whether it belongs to the message."""
    raw: bool = False
    """Whether these are octets as they went over the network, in hexadecimal."""
    waited: float | None = None
    """Of the first line of a reply: seconds from the question to its first octet."""
    explained: Explained | None = None
    """Of the last line of a reply that is not plain success, and of a fault."""

    @property
    def mark(self) -> str:
        """The four columns before the text."""
        if self.raw:
            return "  > " if self.who is Who.CLIENT else "<   "
        return _MARKS.get((self.who, self.secured, self.expected or self.who is Who.CLIENT)) or _MARKS[self.who, False, True]


_MARKS = {
    (Who.CLIENT, False, True): " -> ",
    (Who.CLIENT, True, True): " ~> ",
    (Who.SERVER, False, True): "<-  ",
    (Who.SERVER, True, True): "<~  ",
    (Who.SERVER, False, False): "<** ",
    (Who.SERVER, True, False): "<~* ",
    (Who.NOTE, False, True): "=== ",
    (Who.FAULT, False, True): "*** ",
}
"""By who speaks, whether under TLS, and whether it was hoped for."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a reply or a fault means, and what to do."""

    title: str
    meaning: str
    fix: str
    """For who sends."""
    operator_fix: str = ""
    """For who runs the server; empty where there is but one remedy."""
    code: int = 0
    status: str | None = None
    finding: str = ""
    """Of a fault, the key of what was found."""

    def as_json(self) -> dict[str, Any]:
        """In the words of the catalogue's JSON."""
        fix = {"sender": self.fix, "operator": self.operator_fix or self.fix}
        return {"title": self.title, "description": self.meaning, "fix": fix}


def explain(code: int, status: str | None, text: str, lang: str) -> Explained:
    """A reply, from the catalogue."""
    sender = gloss(code, status, text, lang=lang)
    operator = gloss(code, status, text, lang=lang, reader="operator").fix
    return Explained(sender.title, sender.meaning, sender.fix, operator if operator != sender.fix else "", code, status)


def explain_fault(finding: Finding, lang: str) -> Explained:
    """What nobody answered, from the catalogue of findings."""
    told = finding.told(lang)
    return Explained(told.title, told.meaning, told.fix, finding=finding.key)


def replied(said: Said, good: str, *, at: float, secured: bool, lang: str) -> Iterator[Line]:
    """The lines of a reply; ``good`` has the first digits that were hoped for. The last one is explained unless it is plain success."""
    texts = [shown(line) for line in said.lines]
    code = said.code
    expected = str(code)[:1] in good and not said.ended
    plain = expected and code in _PLAIN
    found = _REPLY.match(texts[-1]) if texts else None
    status = found[2] if found else None
    words = " ".join(_words(text) for text in texts)
    for number, text in enumerate(texts):
        last = number == len(texts) - 1
        told = explain(code, status, words, lang) if last and code and not plain else None
        waited = None if number else said.seconds
        yield Line(at=at, who=Who.SERVER, text=text, secured=secured, expected=expected, waited=waited, explained=told)


def _words(text: str) -> str:
    found = _REPLY.match(text)
    return found[3] if found else text


def shown(octets: bytes) -> str:
    r"""A line as text that can harm no terminal; what cannot be printed becomes ``\x..``, but for the tab."""
    text = octets.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace").replace("\t", " ")
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def readable(text: str) -> str:
    """A line of a login with its base64 undone; as it is where there is none."""
    before, blank, last = text.rpartition(" ")
    try:
        return f"{before}{blank}{shown(base64.b64decode(last, validate=True))}"
    except (binascii.Error, ValueError):
        return text


def hexadecimal(octets: bytes) -> list[str]:
    """Octets sixteen in a line: where, in hexadecimal, as text."""
    pieces = [octets[start : start + _ROW] for start in range(0, len(octets), _ROW)]
    return [f"{number * _ROW:04x}: {piece.hex(' '):47}  {_dotted(piece)}" for number, piece in enumerate(pieces)]


def _dotted(piece: bytes) -> str:
    return "".join(chr(octet) if 32 <= octet < 127 else "." for octet in piece)


def lines_of(octets: bytes) -> list[str]:
    """Octets sent, line by line."""
    lines = octets.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [shown(line) for line in lines]


def as_json(line: Line) -> dict[str, Any]:
    """For programs."""
    told: dict[str, Any] = {
        "at": round(line.at, 6),
        "who": line.who.value,
        "mark": line.mark.strip(),
        "text": line.text,
        "tls": line.secured,
        "expected": line.expected and line.who is not Who.FAULT,
    }
    if line.content:
        told["content"] = True
    if line.raw:
        told["raw"] = True
    if line.waited is not None:
        told["waited"] = round(line.waited, 6)
    if line.explained is not None:
        told |= {"code": line.explained.code or None, "status": line.explained.status, "finding": line.explained.finding or None}
        told["explanation"] = line.explained.as_json()
    return told
