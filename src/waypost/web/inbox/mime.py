"""A captured message taken apart: header fields and parts with their places, within limits, of any octets whatever. Shows nothing.

Nothing raises and nothing recurses: what is broken is read as far as it goes. RFC 5322 section 2.2, RFC 2045, RFC 2046 section 5.1,
RFC 2183 (dispositions), RFC 2231 (parameters).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from waypost.mail import header
from waypost.web.inbox.charsets import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEPTH = 20
"""Levels of multiparts and enclosed messages that are opened."""
PARTS = 200
"""Parts that are looked at."""
_FIELDS = 1000
_HEAD = 262_144
"""Octets of a header section that are read."""
_VALUE = 16_384
"""Octets of a value in which parameters are looked for."""
_DELIMITERS = 10_000
"""Lines that begin like a delimiter, looked at in all of a message."""

_NAME = re.compile(rb"([!-9;-~]{1,128})[ \t]*:")
_PARAMETER = re.compile(r";\s*([!#$&^_.+\w*'-]{1,80})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"?|([^\s;]*))")
_QUOTED = re.compile(r"\\(.)")
_SECTION = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*?))?")
_ENCLOSED = frozenset({"message/rfc822", "message/global", "message/news"})
_BLANK = re.compile(rb"\n\r?\n")
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Field:
    """One header field."""

    name: str
    raw: bytes
    """What stands behind the colon, unfolded."""

    @property
    def text(self) -> str:
        """As people read it, encoded words undone."""
        return header.decoded(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The message itself (number 0), or one of its parts in the order in which they stand."""

    number: int
    depth: int
    fields: tuple[Field, ...]
    kind: str
    """Media type in lower case."""
    parameters: Mapping[str, str]
    disposition: str
    """``attachment``, ``inline``, or empty."""
    name: str
    """The name of the file, without folders; empty where there is none."""
    start: int
    end: int
    """Where its body lies in the message, as transferred."""
    within: str
    """Media type of what holds it directly; empty for the message itself."""
    enclosed: bool
    """Whether it lies in a message within the message."""
    leaf: bool

    def first(self, name: str) -> bytes:
        """The raw value of the first field called ``name`` (lower case); empty where there is none."""
        return next((each.raw for each in self.fields if each.name.lower() == name), b"")

    @property
    def encoding(self) -> str:
        """The transfer encoding in lower case."""
        return self.first("content-transfer-encoding").decode("latin-1").partition(";")[0].strip().strip('"').lower()

    @property
    def content_id(self) -> str:
        """What ``cid:`` addresses call it."""
        return self.first("content-id").decode("utf-8", "replace").strip().strip("<>").strip()

    @property
    def attached(self) -> bool:
        """Whether it is meant to be saved rather than shown in its place."""
        return self.disposition == "attachment" or (bool(self.name) and self.disposition != "inline")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message taken apart."""

    parts: tuple[Part, ...]
    """The message itself first."""
    cut: bool
    """Whether there was more than the limits allow."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Something to be read: headers and body between two places."""

    start: int
    end: int
    depth: int
    within: str
    enclosed: bool
    default: str


def parse(octets: bytes) -> Mail:
    """Take ``octets`` apart. Never raises."""
    reader = _Reader(octets)
    reader.read()
    return Mail(tuple(reader.parts), reader.cut)


class _Reader:
    """One reading; a stack in place of recursion."""

    def __init__(self, octets: bytes) -> None:
        self.parts: list[Part] = []
        self.cut = False
        self._octets = octets
        self._delimiters = _DELIMITERS

    def read(self) -> None:
        stack = [_Span(0, len(self._octets), 0, "", enclosed=False, default="text/plain")]
        while stack:
            if len(self.parts) == PARTS:
                self.cut = True
                return
            span = stack.pop()
            part, inner = self._opened(span)
            self.parts.append(part)
            stack += reversed(inner)

    def _opened(self, span: _Span) -> tuple[Part, list[_Span]]:
        fields, body = read_head(self._octets, span.start, span.end)
        described = {each.name.lower(): each.raw for each in reversed(fields)}
        kind, parameters = media_type(described.get("content-type", b""), span.default)
        disposition, more = _valued(described.get("content-disposition", b""))
        encoding = described.get("content-transfer-encoding", b"").decode("latin-1").strip().lower()
        enclosed = span.enclosed or span.within in _ENCLOSED
        inner = self._inner(kind, parameters, body, span.end, span.depth, enclosed=enclosed) if encoding in _PLAIN else []
        return Part(
            number=len(self.parts),
            depth=span.depth,
            fields=fields,
            kind=kind,
            parameters=parameters,
            disposition=disposition if disposition in ("attachment", "inline") else "",
            name=_file_name(more.get("filename") or parameters.get("name", "")),
            start=body,
            end=span.end,
            within=span.within,
            enclosed=enclosed,
            leaf=not inner,
        ), inner

    def _inner(self, kind: str, parameters: Mapping[str, str], start: int, end: int, depth: int, *, enclosed: bool) -> list[_Span]:
        """What lies within, to be read next."""
        holds = kind in _ENCLOSED or kind.startswith("multipart/")
        if not holds or start >= end:
            return []
        if depth >= DEPTH:
            self.cut = True
            return []
        if kind in _ENCLOSED:
            return [_Span(start, end, depth + 1, kind, enclosed=True, default="text/plain")]
        boundary = parameters.get("boundary", "").rstrip()
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        pieces = self._pieces(b"--" + boundary.encode("utf-8", "replace"), start, end) if boundary else []
        return [_Span(first, last, depth + 1, kind, enclosed=enclosed, default=default) for first, last in pieces]

    def _pieces(self, mark: bytes, start: int, end: int) -> list[tuple[int, int]]:
        """Where parts begin and end between the delimiter lines; a last one that is not closed ends with the body."""
        found: list[tuple[int, int]] = []
        begun = -1
        place = start if self._octets.startswith(mark, start, end) else self._after_line(mark, start, end)
        while place >= 0:
            if not self._delimiters or len(found) > PARTS:
                self.cut = True
                break
            self._delimiters -= 1
            line = self._octets.find(b"\n", place, end)
            line = end if line < 0 else line
            rest = self._octets[place + len(mark) : min(line, place + len(mark) + 80)]
            closes = rest.startswith(b"--")
            if closes or not rest.strip():
                if begun >= 0:
                    found.append((begun, self._before(begun, place)))
                begun = -1 if closes else min(line + 1, end)
                if closes:
                    break
            place = self._after_line(mark, line, end)
        if begun >= 0:
            found.append((begun, end))
        return found

    def _after_line(self, mark: bytes, start: int, end: int) -> int:
        """The next place of ``mark`` at the beginning of a line, or -1."""
        place = self._octets.find(b"\n" + mark, start, end)
        return place + 1 if place >= 0 else -1

    def _before(self, begun: int, place: int) -> int:
        """The end of a part before the delimiter at ``place``: the line end before it belongs to the delimiter (2046#5.1.1)."""
        end = place - 1
        if end > begun and self._octets[end - 1 : end] == b"\r":
            end -= 1
        return max(begun, end)


def read_head(octets: bytes, start: int, end: int) -> tuple[tuple[Field, ...], int]:
    """The fields that begin at ``start``, and where the body begins; a line that is no field ends them, as if a blank one stood there."""
    fields: list[tuple[str, bytes, int]] = []
    place, last = start, min(end, start + _HEAD)
    while place < last:
        stop = octets.find(b"\n", place, end) + 1 or end
        line = octets[place:stop]
        if not line.strip(b"\r\n"):
            return _unfolded(octets, fields, place), stop
        named = _NAME.match(line)
        if named and len(fields) < _FIELDS:
            fields.append((named[1].decode("ascii"), b"", place + named.end()))
        elif not named and line[:1] not in b" \t" and not (place == start and line.startswith((b"From ", b">From "))):
            return _unfolded(octets, fields, place), place
        place = stop
    if place >= end:
        return _unfolded(octets, fields, place), end
    blank = _BLANK.search(octets, place - 1, end)
    return _unfolded(octets, fields, place), blank.end() if blank else end


def _unfolded(octets: bytes, fields: list[tuple[str, bytes, int]], end: int) -> tuple[Field, ...]:
    ends = [octets.rfind(b"\n", 0, at) for _, _, at in fields[1:]] + [end]
    values = (octets[at : max(at, stop)] for (_, _, at), stop in zip(fields, ends, strict=False))
    return tuple(
        Field(name, value.replace(b"\r", b"").replace(b"\n", b"").strip(b" \t")) for (name, _, _), value in zip(fields, values, strict=True)
    )


def media_type(raw: bytes, default: str = "text/plain") -> tuple[str, Mapping[str, str]]:
    """The media type in lower case and its parameters; ``default`` where there is none, what no type is is no text (2045#5.2)."""
    kind, parameters = _valued(raw)
    if not kind:
        return default, parameters
    return (kind, parameters) if _TYPE.fullmatch(kind) else ("text/plain" if kind == "text" else "application/octet-stream", parameters)


def _valued(raw: bytes) -> tuple[str, dict[str, str]]:
    """A value and its parameters by lower-case name: the first of a name counts, sections are joined (2231#3), charsets undone."""
    text = as_text(raw[:_VALUE], None)
    value, _, _ = text.partition(";")
    given: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, quoted, plain in _PARAMETER.findall(text):
        said = _QUOTED.sub(r"\1", quoted) if quoted else plain
        section = _SECTION.fullmatch(name.lower())
        if section:
            number = int(section[2] or 0)
            sections.setdefault(section[1], {}).setdefault(number, (said, section[2] is None or bool(section[3])))
        else:
            given.setdefault(name.lower(), said)
    joined = {name: _joined(pieces) for name, pieces in sections.items()}
    return value.strip().lower(), {**given, **joined}


def _joined(pieces: Mapping[int, tuple[str, bool]]) -> str:
    octets, charset = b"", "utf-8"
    for number in sorted(pieces):
        said, encoded = pieces[number]
        if number == 0 and encoded and said.count("'") >= 2:
            charset, _, said = said.split("'", 2)
        octets += unquote_to_bytes(said) if encoded else said.encode("utf-8", "surrogateescape")
    return as_text(octets, charset)


def _file_name(raw: str) -> str:
    """A name that names a file and no folder, for people and for a header."""
    text = header.decoded(raw.encode("utf-8", "surrogateescape"))
    return re.split(r"[/\\]", text)[-1].strip(" .")[:150]


def leaves(mail: Mail) -> Iterator[Part]:
    """The parts that hold no other."""
    return (part for part in mail.parts if part.leaf)
