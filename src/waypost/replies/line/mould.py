"""The little language of phrases, turned into regular expressions with the words that a text must have before one is tried.

Used when the index is generated, and by tests; reading a line loads what came of it. Knows no reply.

``no such (user|mailbox)`` words, and a choice; ``is?`` a word that may be missing, ``users?`` one or several; ``e-?mail`` with the mark
or without; ``fail(ure|ed)?`` endings; ``user ?name`` in one word or two; ``{box}`` words of the list of that name; ``..`` up to four
words between; ``...`` up to seventy characters between; ``@`` an address; ``#`` a number; ``reject*`` any ending; ``^`` and ``$`` the
ends of the text; ``link:`` before the phrase: it may stand in an address or link.
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

_BETWEEN = "[ .]+"
_BETWEEN_HAN = "[ .]*"
"""Writing without spaces may have them."""

_FEW_WORDS = " +(?:[^ .]+ +){0,4}?"
_SOME_TEXT = ".{0,70}?"
_ADDRESS = "@+"

_NEEDS = 3
"""Further words that are asked for before a pattern is tried."""


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
class Piece:
    """A part of a phrase."""

    pattern: str
    words: tuple[str, ...] | None
    """One of these is there where the piece matches; None: nothing can be said."""
    glue: str
    """``word``, ``han`` (no spaces needed around it), ``gap`` (words between), ``text`` (anything between), ``end``."""
    maybe: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What phrases are written with."""

    lists: Mapping[str, Sequence[str]]
    frequency: Mapping[str, int]
    """In thousandths of replies; a word that is not there is rare."""

    def cost(self, words: tuple[str, ...]) -> tuple[int, str]:
        """How often one of ``words`` is met in vain."""
        return sum(self.frequency.get(word, 2) for word in words), words[0]


def mould(phrase: str, words: Words, *, anchored: bool = True) -> Mould:
    """``phrase`` made ready; MouldError where it is not understood, or where it is to be ``anchored`` and has no word for it."""
    whole = phrase.startswith("link:")
    parts = _parts(phrase.removeprefix("link:"))
    pieces, rest = _sequence(parts, words)
    if rest and rest[0] == "|":  # a choice that has no brackets
        piece, rest = _choice([*parts, ")"], words)
        pieces = [piece]
    if rest:
        raise MouldError(f"{phrase!r}: a bracket too many")
    known = sorted({piece.words for piece in pieces if piece.words and not piece.maybe}, key=words.cost)
    if not known and anchored:
        raise MouldError(f"{phrase!r}: no word to look it up by")
    return Mould(_framed(pieces), known[0] if known else (), tuple(known[1 : 1 + _NEEDS]), whole)


def _parts(phrase: str) -> list[str]:
    text = _APART.sub(r"(\1\2|\1 \2)", plain(phrase).replace("...", " ... "))
    return _PART.findall(_ENDINGS.sub(_with_endings, text))


def _with_endings(found: re.Match[str]) -> str:
    ended = [found[1] + ending for ending in found[2].split("|")]
    return f"({'|'.join([found[1], *ended] if found[3] else ended)})"


def _sequence(parts: list[str], words: Words) -> tuple[list[Piece], list[str]]:
    pieces: list[Piece] = []
    while parts and parts[0] not in ("|", ")", ")?"):
        first, parts = parts[0], parts[1:]
        if first == "(":
            piece, parts = _choice(parts, words)
        else:
            piece = _single(first, words)
        pieces.append(piece)
    return pieces, parts


def _choice(parts: list[str], words: Words) -> tuple[Piece, list[str]]:
    alternatives: list[list[Piece]] = []
    while True:
        pieces, parts = _sequence(parts, words)
        alternatives.append(pieces)
        if not parts:
            raise MouldError("a bracket is not closed")
        closing, parts = parts[0], parts[1:]
        if closing != "|":
            return _either(alternatives, words, maybe=closing == ")?"), parts


def _either(alternatives: Iterable[list[Piece]], words: Words, *, maybe: bool) -> Piece:
    full = [pieces for pieces in alternatives if pieces]
    told: list[str] | None = []
    for pieces in full:
        known: list[tuple[str, ...]] = [piece.words for piece in pieces if piece.words and not piece.maybe]
        if told is None or not known:
            told = None
        else:
            fewest: tuple[str, ...] = min(known, key=words.cost)
            told.extend(fewest)
    glue = "han" if any(pieces[0].glue == "han" or pieces[-1].glue == "han" for pieces in full) else "word"
    pattern = "|".join(_joined(pieces) for pieces in full)
    return Piece(f"(?:{pattern})", None if told is None else tuple(dict.fromkeys(told)), glue, maybe)


def _single(part: str, words: Words) -> Piece:
    if part in ("...", ".."):
        return Piece(_SOME_TEXT, None, "text") if part == "..." else Piece(_FEW_WORDS, None, "gap")
    if part in ("^", "$"):
        return Piece(r"\A *" if part == "^" else r"[ .]*\Z", None, "end")
    maybe = part.endswith("?") and len(part) > 1 and not _PLURAL.fullmatch(part)
    part = part[:-1] if maybe else part
    if part.startswith("{"):
        return _listed(part[1:-1], words, maybe=maybe)
    if part == "@":
        return Piece(_ADDRESS, None, "word", maybe)
    if part == "#":
        return Piece("[0-9]+", None, "word", maybe)
    return _word(part, maybe=maybe)


def _listed(name: str, words: Words, *, maybe: bool) -> Piece:
    """A list by its name: its pattern is kept once for all phrases."""
    if name not in words.lists:
        raise MouldError(f"there is no list {name!r}")
    piece = listed(name, words)
    return Piece(f"<{name}>", piece.words, piece.glue, maybe)


def listed(name: str, words: Words) -> Piece:
    """The choice that a list is."""
    return _either([_sequence(_parts(entry), words)[0] for entry in words.lists[name]], words, maybe=False)


def _word(word: str, *, maybe: bool) -> Piece:
    open_end, word = word.endswith("*"), word.removesuffix("*")
    plural, word = bool(_PLURAL.fullmatch(word)), word.removesuffix("?")
    loose = "-?" in word or ".?" in word or "'" in word  # e-?mail, doesn't
    found = tokens(word)
    if not found or word.endswith((".?", "-?", ".", "-")):
        raise MouldError(f"{word!r} is no word")
    han = not all(token.isascii() or "\u0400" <= token[0] <= "\u04ff" for token in found)
    between = " ?" if loose else _BETWEEN_HAN if han else _BETWEEN
    pattern = between.join(map(re.escape, found)) + ("?" if plural else "[^ .]*" if open_end else "")
    told = None if open_end and loose else _told(found, open_end=open_end)
    if told and loose:
        told = ("".join(found), found[-1])
    if told and plural:
        told = (*told, *(one[:-1] for one in told))
    return Piece(pattern, told, "han" if han else "word", maybe)


def _told(found: list[str], *, open_end: bool) -> tuple[str, ...] | None:
    """A word that is in any text that has these: not one with an open end, of which any piece may be in the text."""
    sure = found[:-1] if open_end else found
    if sure:
        return (max(sure, key=len),)
    stem = STEM_CYRILLIC if found[-1][0] >= "\u0400" else STEM
    return (found[-1][:stem],) if len(found[-1]) >= stem else None


def _joined(pieces: Sequence[Piece]) -> str:
    """The pieces one after another, with what may stand between them; no space before the first and none after the last."""
    made, before = "", ""
    for piece in pieces:
        glue = _glue(before, piece.glue)
        if not piece.maybe:
            made += glue + piece.pattern
            before = piece.glue
        elif glue and before != "text":
            made += f"(?:{glue}{piece.pattern})?"
        else:  # at the start, or after a gap: the space comes after it
            made += f"(?:{glue}{piece.pattern}{_BETWEEN if glue == '' else ''})?"
    return made


def _glue(before: str, after: str) -> str:
    if "han" in (before, after):
        return "" if before in ("", "gap", "end", "text") or after in ("gap", "end", "text") else _BETWEEN_HAN
    match before, after:
        case ("" | "gap" | "end", _) | (_, "gap" | "end"):
            return ""
        case "text", _:  # a word begins
            return " "
        case _, "text":  # a word has ended
            return "(?=[ .])"
        case _:
            return _BETWEEN


def _framed(pieces: Sequence[Piece]) -> str:
    """The whole pattern: words at its ends are whole words."""
    before = " " if pieces[0].glue == "word" else ""
    after = "(?=[ .])" if pieces[-1].glue == "word" else ""
    return f"{before}{_joined(pieces)}{after}"
