"""The little language of phrases, turned into regular expressions with the words that a text must have before one is tried.

Used when the index is generated, and by tests; reading a line loads what came of it. Knows no reply.

``no such (user|mailbox)`` words, and a choice; ``is?`` a word that may be missing; ``{box}`` words of the list of that name;
``users?`` one or several; ``e-?mail`` with the mark or without;
``fail(ure|ed)?`` endings; ``user ?name`` in one word or two; ``..`` up to four words between; ``...`` up to seventy characters between; ``@`` an address; ``#`` a number; ``reject*`` any
ending; ``^`` and ``$`` the ends of the text; ``link:`` before the phrase: it may stand in an address or link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.line.fold import STEM, STEM_CYRILLIC, plain, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PART = re.compile(r"\.\.\.|\.\.|\^|\$|\(|\)\??|\||\{[\w-]+\}\??|[^\s()|{}]+")

_PLURAL = re.compile(r"\w[\w.?'-]{3,}s\?")
"""``users?``: one or several; of a shorter word (``is?``) the mark says that it may be missing."""

_ENDINGS = re.compile(r"(?<![\w'-])([\w'-]+)\(([\w'|]+)\)(\?)?")
"""``fail(ure|ed)?``: a word with endings."""

_APART = re.compile(r"(?<![\w'-])(\w+) \?(\w+)")
"""``user ?name``: in one word or two."""

_BETWEEN = r"\W{1,8}"
"""What may stand between two words: ``User unknown``, ``<a@b>... unknown``, ``mailbox-full``."""

_BETWEEN_HAN = r"\W{0,8}"

_FEW_WORDS = r"\W{1,8}(?:\w+\W{1,8}){0,4}?"

_SOME_TEXT = r".{0,70}?"

_ADDRESS = r"<?[@]+>?"

_COMMON = frozenset(
    "a an the is are was be been has have had not no this that your you our we to from for in of on at by with and or it its as any due "
    "mail email message messages address user mailbox recipient sender server host domain ip smtp error rejected account blocked please "
    "access denied temporarily failed service try again later connection policy too many unknown spam invalid does exist found".split()
)
"""Words that stand in many replies: a phrase is looked up by another of its words, if it has one."""


class MouldError(ValueError):
    """A phrase that cannot be understood, or that has no word to look it up by."""


@dataclass(frozen=True, slots=True)
class Mould:
    """A phrase made ready."""

    pattern: str
    """A regular expression for a folded text."""
    anchor: tuple[str, ...]
    """One of these words must be in a text, for the pattern to be tried."""
    needs: tuple[tuple[str, ...], ...]
    """And one of each of these."""
    whole: bool
    """Whether addresses and links are looked at."""


@dataclass(frozen=True, slots=True)
class _Piece:
    pattern: str
    words: tuple[str, ...] | None
    """One of these is there where the piece matches; None: nothing can be said."""
    glue: str
    """``word``, ``han`` (no spaces needed around it), ``gap``, ``end``."""
    maybe: bool = False


def mould(phrase: str, lists: Mapping[str, Sequence[str]], *, anchored: bool = True) -> Mould:
    """``phrase`` made ready; MouldError where it is not understood, or where it is to be ``anchored`` and has no word for it."""
    whole = phrase.startswith("link:")
    parts = _parts(phrase.removeprefix("link:"))
    pieces, rest = _sequence(parts, lists)
    if rest and rest[0] == "|":  # a choice that has no brackets
        piece, rest = _choice([*parts, ")"], lists)
        pieces = [piece]
    if rest:
        raise MouldError(f"{phrase!r}: a bracket too many")
    known = sorted({piece.words for piece in pieces if piece.words and not piece.maybe}, key=_cost)
    if not known and anchored:
        raise MouldError(f"{phrase!r}: no word to look it up by")
    return Mould(_joined(pieces), known[0] if known else (), tuple(known[1:3]), whole)


def _parts(phrase: str) -> list[str]:
    text = _APART.sub(r"(\1\2|\1 \2)", plain(phrase))
    return _PART.findall(_ENDINGS.sub(_with_endings, text))


def _with_endings(found: re.Match[str]) -> str:
    ended = [found[1] + ending for ending in found[2].split("|")]
    return f"({'|'.join([found[1], *ended] if found[3] else ended)})"


def _cost(words: tuple[str, ...]) -> tuple[int, str]:
    return sum(12 if word in _COMMON else 1 for word in words), words[0]


def _sequence(parts: list[str], lists: Mapping[str, Sequence[str]]) -> tuple[list[_Piece], list[str]]:
    pieces: list[_Piece] = []
    while parts and parts[0] not in ("|", ")", ")?"):
        first, parts = parts[0], parts[1:]
        if first == "(":
            piece, parts = _choice(parts, lists)
        else:
            piece = _single(first, lists)
        pieces.append(piece)
    return pieces, parts


def _choice(parts: list[str], lists: Mapping[str, Sequence[str]]) -> tuple[_Piece, list[str]]:
    alternatives: list[list[_Piece]] = []
    while True:
        pieces, parts = _sequence(parts, lists)
        alternatives.append(pieces)
        if not parts:
            raise MouldError("a bracket is not closed")
        closing, parts = parts[0], parts[1:]
        if closing != "|":
            return _either(alternatives, maybe=closing == ")?"), parts


def _either(alternatives: Iterable[list[_Piece]], *, maybe: bool) -> _Piece:
    full = [pieces for pieces in alternatives if pieces]
    words: list[str] | None = []
    for pieces in full:
        told = [piece.words for piece in pieces if piece.words and not piece.maybe]
        if words is None or not told:
            words = None
        else:
            words.extend(min(told, key=_cost))
    glue = "han" if any(pieces[0].glue == "han" or pieces[-1].glue == "han" for pieces in full) else "word"
    pattern = "|".join(_joined(pieces) for pieces in full)
    return _Piece(f"(?:{pattern})", None if words is None else tuple(dict.fromkeys(words)), glue, maybe)


def _single(part: str, lists: Mapping[str, Sequence[str]]) -> _Piece:
    if part in ("...", ".."):
        return _Piece(_SOME_TEXT if part == "..." else _FEW_WORDS, None, "gap")
    if part in ("^", "$"):
        return _Piece(r"\A\W*" if part == "^" else r"\W*\Z", None, "end")
    maybe = part.endswith("?") and len(part) > 1 and not _PLURAL.fullmatch(part)
    part = part[:-1] if maybe else part
    if part.startswith("{"):
        return _listed(part[1:-1], lists, maybe=maybe)
    if part == "@":
        return _Piece(_ADDRESS, None, "word", maybe)
    if part == "#":
        return _Piece(r"\d+", None, "word", maybe)
    return _word(part, maybe=maybe)


def _listed(name: str, lists: Mapping[str, Sequence[str]], *, maybe: bool) -> _Piece:
    if name not in lists:
        raise MouldError(f"there is no list {name!r}")
    alternatives = [_sequence(_parts(entry), lists)[0] for entry in lists[name]]
    return _either(alternatives, maybe=maybe)


def _word(word: str, *, maybe: bool) -> _Piece:
    open_end, word = word.endswith("*"), word.removesuffix("*")
    plural, word = bool(_PLURAL.fullmatch(word)), word.removesuffix("?")
    loose = "-?" in word or ".?" in word or "'" in word  # e-?mail, doesn't
    found = tokens(word)
    if not found or word.endswith((".?", "-?", ".", "-")):
        raise MouldError(f"{word!r} is no word")
    han = not all(token.isascii() or "\u0400" <= token[0] <= "\u04ff" for token in found)
    between = r"\W?" if loose else _BETWEEN_HAN if han else _BETWEEN
    pattern = between.join(map(re.escape, found)) + ("?" if plural else r"\w*" if open_end else "")
    if not han:
        pattern = rf"\b{pattern}\b"
    told = None if open_end and loose else _told(found, open_end=open_end)
    if told and loose:
        told = ("".join(found), found[-1])
    if told and plural:
        told = (*told, *(one[:-1] for one in told))
    return _Piece(pattern, told, "han" if han else "word", maybe)


def _told(found: list[str], *, open_end: bool) -> tuple[str, ...] | None:
    """A word that is in any text that has these: not one with an open end, of which any piece may be in the text."""
    sure = found[:-1] if open_end else found
    if sure:
        return (min(sure, key=lambda token: (token in _COMMON, -len(token))),)
    stem = STEM_CYRILLIC if found[-1][0] >= "\u0400" else STEM
    return (found[-1][:stem],) if len(found[-1]) >= stem else None


def _joined(pieces: Sequence[_Piece]) -> str:
    made, before = "", ""
    for piece in pieces:
        glue = "" if before in ("", "gap", "end") or piece.glue in ("gap", "end") else _BETWEEN
        if glue and "han" in (before, piece.glue):
            glue = _BETWEEN_HAN
        if not piece.maybe:
            made += glue + piece.pattern
            before = piece.glue
        elif glue:
            made += f"(?:{glue}{piece.pattern})?"
        else:  # at the start, or after a gap: the space comes after it
            made += f"(?:{piece.pattern}{_BETWEEN_HAN})?"
    return made
