"""The pages of the reference by name, and which record each is about. Pure; renders nothing.

Names are the same in every language (see ``links``). A pair has one canonical name: smaller code first.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

from waypost.replies.comparison import pairs as written_pairs
from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.records import CODES, Record, RecordKind, code_key, lookup, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDERS = {
    RecordKind.EXTENSION: "extension",
    RecordKind.PROVIDER: "provider",
    RecordKind.VENDOR: "vendor",
    RecordKind.CATEGORY: "category",
}
"""Kinds whose pages stand in a folder; codes stand at the top, terms are parts of one page."""
MAIN = LANGUAGES[0]


def page_of(record: Record) -> str:
    """The page that tells of ``record``."""
    if record.kind is RecordKind.GLOSSARY:
        return f"glossary#{record.code}"
    if record.kind is RecordKind.COMMAND:
        return f"command/{command_name(record)}"
    folder = FOLDERS.get(record.kind)
    return f"{folder}/{record.code}" if folder else record.code


def command_name(record: Record) -> str:
    """How a command is called where nothing else is meant: ``MAIL``, not ``command.MAIL``."""
    return record.code.partition(".")[2]


@cache
def shelf(lang: str, kind: RecordKind) -> Mapping[str, Record]:
    """The records of one kind, in order, by name; none where a kind has no prose."""
    return records(lang, kind) if kind.value in words(lang, "registry") else {}


def every(lang: str) -> Iterator[Record]:
    """Every record that has a page of its own."""
    for kind in (*CODES, *FOLDERS):
        yield from shelf(lang, kind).values()


def found(name: str, lang: str) -> Record | None:
    """The record whose page is called ``name``, or could be: ``sIzE`` finds ``SIZE``, ``5.7.1`` finds ``X.7.1``."""
    folder, slash, rest = name.rpartition("/")
    record = lookup(f"command.{rest}" if folder == "command" else rest, lang)
    if record is None or record.kind is RecordKind.GLOSSARY:
        return None
    own = "command" if record.kind is RecordKind.COMMAND else FOLDERS.get(record.kind, "")
    return record if own == folder or not slash else None


def commands() -> tuple[str, ...]:
    """The commands and phases that have a page: those that some code answers, in the order of a session, and those that are told of."""
    answered = dict.fromkeys((*_session(), *(command_name(record) for record in shelf(MAIN, RecordKind.COMMAND).values())))
    for kind in (RecordKind.BASIC, RecordKind.ENHANCED):
        for record in shelf(MAIN, kind).values():
            answered.update(dict.fromkeys(record.phases))
    return tuple(name for name in answered if name != "ANY")


def _session() -> tuple[str, ...]:
    return tuple(facts("registry").get("answers", ()))


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """The pairs that are listed and stand as files: with words of their own, related to one another, or of one class."""
    chosen = {*written_pairs(MAIN), *_related(), *_neighbours()}
    return tuple(sorted(chosen, key=lambda pair: (code_key(pair[0]), code_key(pair[1]))))


def _neighbours() -> Iterator[tuple[str, str]]:
    for a, b in combinations(shelf(MAIN, RecordKind.BASIC), 2):
        if a[0] == b[0]:
            yield a, b


def _related() -> Iterator[tuple[str, str]]:
    for kind in CODES:
        for record in shelf(MAIN, kind).values():
            for other in comparable(record):
                first, second = sorted((record.code, other.code), key=code_key)
                yield first, second


def comparable(record: Record) -> Iterator[Record]:
    """The codes that ``record`` names as related and that it can be compared with."""
    for name in record.related:
        other = lookup(name, record.lang)
        if other is not None and other.kind in CODES and record.kind in CODES and other.code != record.code:
            yield other if other.digit is None or other.kind is not RecordKind.ENHANCED else (lookup(other.code, record.lang) or other)


def spellings(record: Record) -> Iterator[str]:
    """Other names under which a record's page may be asked for: an enhanced code with each of its classes."""
    if record.kind is RecordKind.ENHANCED:
        for digit in record.classes:
            yield f"{digit}{record.code[1:]}"
