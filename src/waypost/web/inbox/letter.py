"""A captured message as its pages show it: texts, HTML, headers, source, parts. Made of octets alone; knows no server and no page.

What is shown is bounded: a preview decodes at most ``DECODED`` octets, however large the message is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from waypost.web.inbox import markup, mime
from waypost.web.inbox.charsets import as_text, untransferred
from waypost.web.inbox.visible import pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.web.inbox.mime import Part
    from waypost.web.inbox.visible import Piece

DECODED = 10 * 1024 * 1024
"""Octets that are decoded for one view."""
_TEXT = 524_288
"""Octets of one text that are shown."""
_TEXTS = 20
_SOURCE = 262_144
_READABLE = frozenset(
    {"message/delivery-status", "message/global-delivery-status", "message/disposition-notification", "message/feedback-report"}
)
_UNREADABLE = frozenset({"text/html", "text/calendar", "text/x-amp-html", "text/vcard", "text/x-vcard", "text/directory"})


@dataclass(frozen=True, slots=True)
class Text:
    """One text to be read."""

    part: Part
    pieces: Sequence[Piece]
    cut: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """One part as the list of parts shows it."""

    part: Part
    size: int
    """Octets decoded; of what holds others those that it takes in the message."""
    picture: str | None
    """The media type under which browsers may be shown it; None: it is no picture."""
    subject: str
    """Of an enclosed message."""


class Letter:
    """One message; what a view needs is made when it is asked for, once."""

    def __init__(self, octets: bytes, *, whole: bool = True) -> None:
        self.octets = octets
        self.whole = whole
        """Whether these are all of its octets."""
        self.mail = mime.parse(octets)

    @property
    def top(self) -> Part:
        """The message itself."""
        return self.mail.parts[0]

    def subject(self) -> str:
        """Its subject, decoded; empty without one."""
        return self.field("subject")

    def field(self, name: str) -> str:
        """The topmost field called ``name``, for people."""
        return next((each.text for each in self.top.fields if each.name.lower() == name), "")

    def decoded(self, part: Part, most: int = DECODED) -> bytes:
        """The octets of a part without their transfer encoding."""
        return untransferred(self.octets[part.start : part.end], part.encoding, most)

    # ---- what is read

    @cached_property
    def texts(self) -> Sequence[Text]:
        """What stands in it as plain text, in order; of enclosed messages only where it says nothing itself."""
        readable = [part for part in mime.leaves(self.mail) if _is_read(part)]
        own = [part for part in readable if not part.enclosed] or ([] if self.html else readable)
        return [self._text(part) for part in own[:_TEXTS]]

    def _text(self, part: Part) -> Text:
        octets = self.decoded(part, _TEXT + 1)
        text = as_text(octets[:_TEXT], part.parameters.get("charset"))
        return Text(part, pieces(text.rstrip()), len(octets) > _TEXT)

    @cached_property
    def html(self) -> Part | None:
        """The part that is shown as HTML; of an enclosed message only where there is no other."""
        found = [part for part in mime.leaves(self.mail) if part.kind == "text/html" and part.disposition != "attachment"]
        return next((part for part in found if not part.enclosed), found[0] if found else None)

    @cached_property
    def framed(self) -> markup.Framed | None:
        """The page of its HTML."""
        part = self.html
        if part is None:
            return None
        octets = self.decoded(part)
        return markup.framed(as_text(octets, part.parameters.get("charset") or _declared(octets)), self.picture)

    @cached_property
    def _by_content_id(self) -> dict[str, Part]:
        return {part.content_id: part for part in reversed(list(mime.leaves(self.mail))) if part.content_id}

    def picture(self, content_id: str) -> tuple[str, bytes] | None:
        """Media type and octets of the picture that ``cid:`` means; None where it means none."""
        part = self._by_content_id.get(content_id)
        if part is None:
            return None
        octets = self.decoded(part)
        kind = markup.type_of(octets)
        return None if kind is None else (kind, octets)

    # ---- what is looked into

    @cached_property
    def source(self) -> tuple[Sequence[Piece], bool]:
        """The beginning of the message as it is, and whether more follows."""
        return pieces(as_text(self.octets[:_SOURCE], "utf-8")), len(self.octets) > _SOURCE or not self.whole

    @cached_property
    def fields(self) -> Sequence[tuple[str, Sequence[Piece], str]]:
        """Name, value as it stands, and the value as people read it where that is something else."""
        rows = []
        for each in self.top.fields:
            raw = as_text(each.raw, None)
            rows.append((each.name, pieces(raw), "" if each.text.split() == raw.split() else each.text))
        return rows

    @cached_property
    def parts(self) -> Sequence[Listed]:
        """Its parts, in order; a message of one part is one."""
        room = DECODED
        rows = []
        for part in self.mail.parts if len(self.mail.parts) == 1 else self.mail.parts[1:]:
            octets = self.decoded(part, room) if part.leaf else b""
            room = max(0, room - len(octets))
            subject = next((each.text for each in part.fields if each.name.lower() == "subject"), "") if part.within in _HOLDING else ""
            rows.append(Listed(part, len(octets) if part.leaf else part.end - part.start, markup.type_of(octets), subject))
        return rows

    def part(self, number: int) -> Part | None:
        """The part of that number."""
        return self.mail.parts[number] if 0 <= number < len(self.mail.parts) else None


_HOLDING = frozenset({"message/rfc822", "message/global", "message/news"})


def _is_read(part: Part) -> bool:
    if part.kind in _READABLE:
        return True
    return (part.kind.startswith("text/") and part.kind not in _UNREADABLE and not part.attached) or (
        part.kind.startswith("multipart/") and part.end > part.start
    )


def _declared(octets: bytes) -> str | None:
    """The charset that HTML declares in itself."""
    _, found, rest = octets[:2048].lower().partition(b"charset=")
    name = rest.lstrip(b"\"' ")[:40] if found else b""
    for end in b"\"'>; /\r\n":
        name = name.partition(bytes([end]))[0]
    return name.decode("ascii", "replace") or None
