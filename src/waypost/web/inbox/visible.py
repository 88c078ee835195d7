"""Text of strangers as pieces that a page can show: addresses as links, and what hides or turns the text made visible. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 2000
"""Links and marks in one text; beyond it links are text and what hides is a replacement character."""
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and line feed
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f"
)
"""Zero-width joiners are not among them: scripts and emoji need them."""
_PIECE = re.compile(rf"(?P<link>https?://[^\s<>\"'`{_HIDDEN}]{{1,2000}})|(?P<mark>[{_HIDDEN}])")
_STRIP = re.compile(rf"[{_HIDDEN}]")
_CLOSING = ".,;:!?)]}…。，；：！？）】》"


class Piece(NamedTuple):
    """A run of text, a link, or one mark."""

    kind: str
    """``text``, ``link`` or ``mark``."""
    text: str
    """What is shown; of a mark its code point, ``U+202E``."""
    title: str = ""
    """Of a mark its name."""


def pieces(text: str) -> list[Piece]:
    """``text`` with line ends of one kind, piece by piece."""
    return list(_pieces(text.replace("\r\n", "\n").replace("\r", "\n")))


def plain(text: str) -> str:
    """``text`` for where there is room for text alone: what hides or turns is a replacement character."""
    return _STRIP.sub("\N{REPLACEMENT CHARACTER}", text)


def _pieces(text: str) -> Iterator[Piece]:
    place = 0
    for number, found in enumerate(_PIECE.finditer(text)):
        if number == _MOST:
            break
        piece = _link(found[0]) if found.lastgroup == "link" else _mark(found[0])
        if found.start() > place:
            yield Piece("text", text[place : found.start()])
        yield piece
        place = found.start() + (len(piece.text) if piece.kind == "link" else 1)
    if place < len(text):
        yield Piece("text", plain(text[place:]))


def _link(text: str) -> Piece:
    """What stands behind an address in a sentence is no part of it."""
    return Piece("link", text.rstrip(_CLOSING) or text)


def _mark(letter: str) -> Piece:
    return Piece("mark", f"U+{ord(letter):04X}", unicodedata.name(letter, "CONTROL CHARACTER"))
