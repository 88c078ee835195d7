"""A light scanner of messages: header fields and leaf parts, within limits, of any octets whatever. Knows no charset and no report.

RFC 5322 section 2.2 (fields), RFC 2046 section 5.1 (multipart): read leniently, for what reports of failure look like after years of
mailers, lists and archives; nothing raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEPTH = 20
"""Levels of multipart that are opened."""
PARTS = 200
"""Parts that are looked at."""
_HEAD = 256 * 1024
"""Octets of a header section that are read."""
_GUESS = 8 * 1024
"""Octets of a body in which a boundary is looked for that no header names."""

_USUAL = frozenset(
    b"bcc cc content-type date delivered-to from message-id mime-version received reply-to return-path sender subject to".split()
)
"""Fields of which a header has one at least: text that begins with other words and a colon is text."""
_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:([^\n]*(?:\n[ \t]+[^ \t\n][^\n]*)*)(?:\n|\Z)")
"""A field with its folded lines; a folded line of blanks alone ends the section, as mailers have it."""
_UNFOLDED = re.compile(rb"(?:boundary|charset|name|filename|report-type|format|type|protocol|micalg)=[^\n]*(?:\n|\Z)", re.IGNORECASE)
"""A parameter that stands in the first column, where whoever passed the message on lost the fold."""
_ENVELOPE = re.compile(rb">?From (?! *:)([^\n]*)\n")
"""The line before a message in an mbox."""
_PARAMETER = re.compile(r"([!#$&^_.+\w*-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"?|([^\s;\"]+))")
_GUESSED = re.compile(rb"(?:^|\n)--([^\n]{1,120}?)[ \t]*\nContent-[A-Za-z-]+[ \t]*:", re.IGNORECASE)
_FOLD = re.compile(rb"\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a message or part, in order: lower-case name, raw value unfolded."""

    fields: tuple[tuple[bytes, bytes], ...]
    envelope: bytes | None = None
    """What the mbox line before the message names as its sender; None without one."""

    def first(self, name: bytes) -> bytes | None:
        """The raw value of the first field called ``name`` (in lower case), or None."""
        for found, value in self.fields:
            if found == name:
                return value
        return None

    def every(self, name: bytes) -> list[bytes]:
        """The raw values of all fields called ``name``."""
        return [value for found, value in self.fields if found == name]

    def text(self, name: bytes) -> str:
        """The first value as text without charsets, empty where there is none: for tokens and parameters."""
        return (self.first(name) or b"").decode("latin-1").strip()


@dataclass(frozen=True)
class Part:
    """A leaf of the tree: text, fields of a report, an enclosed message, or anything."""

    head: Head
    kind: str
    """Media type in lower case, ``text/plain`` where none is given."""
    parameters: Mapping[str, str]
    octets: bytes
    """The whole message that it lies in, with LF line ends."""
    start: int
    end: int
    within: str
    """The media type of the multipart it is directly in; empty for the message's own body."""

    @cached_property
    def body(self) -> bytes:
        """As transferred, not decoded."""
        return self.octets[self.start : self.end]

    def opening(self, most: int) -> bytes:
        """The first ``most`` octets of the body."""
        return self.octets[self.start : min(self.end, self.start + most)]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: its head and its leaves in order."""

    head: Head
    kind: str
    parameters: Mapping[str, str]
    parts: tuple[Part, ...]


def scan(octets: bytes) -> Mail:
    """The message in ``octets``; never raises. Line ends may be CRLF, LF or CR."""
    octets = _with_lf(octets)
    head, start = read_head(octets, 0, len(octets))
    if head.envelope is None and _USUAL.isdisjoint(name for name, _ in head.fields):
        head, start = Head(()), 0
    kind, parameters = media_type(head)
    parts: list[Part] = []
    _open(octets, head, (start, len(octets)), "", 0, parts)
    return Mail(head, kind, parameters, tuple(parts))


def _with_lf(octets: bytes) -> bytes:
    if octets.startswith(b"\xef\xbb\xbf"):
        octets = octets[3:]
    if b"\r" in octets:
        return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return octets


def read_head(octets: bytes, start: int, end: int) -> tuple[Head, int]:
    """The header section that begins at ``start``, and where the body begins.

    What is neither field nor fold ends it, as if a blank line stood there: some mailers forget it.
    """
    place = start
    while place < end and octets[place] in b"\n \t":
        place = octets.find(b"\n", place, end) + 1 or end
    envelope = None
    if found := _ENVELOPE.match(octets, place, end):
        envelope, place = found[1], found.end()
    fields: list[tuple[bytes, bytes]] = []
    last = min(end, place + _HEAD)
    while place < last:
        field = _FIELD.match(octets, place, last)
        if field:
            fields.append((field[1].lower(), _unfold(field[2])))
        elif fields and (field := _UNFOLDED.match(octets, place, last)):
            fields[-1] = (fields[-1][0], fields[-1][1] + b" " + field[0].strip())
        elif field := _ENVELOPE.match(octets, place, last):
            pass
        else:
            break
        place = field.end()
    if not fields:
        return Head((), envelope), start if envelope is None else place
    return Head(tuple(fields), envelope), _after_blank_line(octets, place, end)


def _unfold(value: bytes) -> bytes:
    value = value.strip()
    return _FOLD.sub(b" ", value) if b"\n" in value else value


def _after_blank_line(octets: bytes, place: int, end: int) -> int:
    """The line at ``place`` is skipped if there is nothing on it."""
    line = octets.find(b"\n", place, end)
    if line < 0:
        return place
    return place if octets[place:line].strip() else line + 1


def media_type(head: Head) -> tuple[str, Mapping[str, str]]:
    """The media type in lower case and its parameters; ``text/plain`` where there is none that could be read."""
    value = head.text(b"content-type")
    if not value:
        return "text/plain", {}
    kind, _, rest = value.partition(";")
    kind, _, stray = kind.strip().partition(" ")
    return kind.lower() if "/" in kind else "text/plain", parameters_of(f"{stray} {rest}")


def parameters_of(text: str) -> dict[str, str]:
    """Parameters by lower-case name; continuations and charsets of RFC 2231 are not joined."""
    return {name.lower().rstrip("*"): quoted or plain for name, quoted, plain in reversed(_PARAMETER.findall(text))}


def _open(octets: bytes, head: Head, span: tuple[int, int], within: str, depth: int, parts: list[Part]) -> None:
    """Add the leaves of what lies at ``span`` to ``parts``."""
    start, end = span
    kind, parameters = media_type(head)
    if depth < DEPTH and len(parts) < PARTS:
        boundary = _boundary(octets, kind, parameters, span)
        pieces = list(_pieces(octets, boundary, span, PARTS - len(parts))) if boundary else []
        if pieces:
            inner = kind if kind.startswith("multipart/") else "multipart/mixed"
            before = octets[start : pieces[0][0]].split(b"\n--", 1)[0]
            if b"@" in before and b" " in before:
                parts.append(Part(Head(()), "text/x-preamble", {}, octets, start, start + len(before), inner))
            for first, last in pieces:
                inner_head, body = read_head(octets, first, last)
                _open(octets, inner_head, (body, last), inner, depth + 1, parts)
            return
    if len(parts) < PARTS:
        leaf = "text/plain" if kind.startswith("multipart/") else kind
        parts.append(Part(head, leaf, parameters, octets, start, end, within))


def _boundary(octets: bytes, kind: str, parameters: Mapping[str, str], span: tuple[int, int]) -> bytes | None:
    """The boundary that the header names, if it occurs; else one that the body shows by itself."""
    start, end = span
    if kind.startswith("multipart/") and (named := parameters.get("boundary")):
        boundary = named.strip().encode("latin-1", "replace")
        if boundary and (
            octets.startswith(b"--" + boundary, start) or octets.find(b"\n--" + boundary, start - 1 if start else 0, end) >= 0
        ):
            return boundary
    if kind.startswith("multipart/") or kind == "text/plain":
        guess = _GUESSED.search(octets, start, min(end, start + _GUESS))
        if guess and (kind != "text/plain" or _stands_early(octets, start, guess.start())):
            return guess[1]
    return None


def _stands_early(octets: bytes, start: int, place: int) -> bool:
    """In a body that is said to be text, only what stands within its first lines may part it."""
    return octets.count(b"\n", start, place) <= 6


def _pieces(octets: bytes, boundary: bytes, span: tuple[int, int], most: int) -> Iterator[tuple[int, int]]:
    """Where the parts between the delimiter lines begin and end; a last one that is not closed ends with the body."""
    start, end = span
    mark = b"\n--" + boundary
    after = start + len(mark) - 1 if octets.startswith(mark[1:], start) else _past(octets, mark, start, end)
    while after >= 0 and most:
        line = octets.find(b"\n", after, end)
        rest = octets[after : line if line >= 0 else end]
        if line < 0 or (rest.startswith(b"--") and not rest[2:].strip(b"- \t")):
            return
        following = _past(octets, mark, line, end)
        if not rest.strip():
            yield line + 1, max(line + 1, following - len(mark)) if following >= 0 else end
            most -= 1
        after = following


def _past(octets: bytes, mark: bytes, start: int, end: int) -> int:
    """The place after the next ``mark``, or -1."""
    found = octets.find(mark, start, end)
    return found + len(mark) if found >= 0 else -1
