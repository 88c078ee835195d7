"""Finding a page: the index that browsers search as one types, and the same search for those without a script. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from waypost.replies.library import LANGUAGES
from waypost.replies.records import CODES, Record, RecordKind, lookup
from waypost.replies.terms import label
from waypost.web.reference.names import command_name, every, page_of, shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 40
"""Results shown."""
_LONGEST = 200
"""Characters of a question that are looked at."""
_CODE = re.compile(r"(?<![\d.])([245X]\.\d{1,3}\.\d{1,3}|[1-9]\d\d)(?![\d.])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One page as the search knows it."""

    code: str
    title: str
    meaning: str
    kind: str
    page: str
    digit: str
    """What colours it."""
    also: str
    """Other words under which it is sought: its title in other languages, an extension's whole name, a provider's codes."""


@cache
def entries(lang: str) -> tuple[Entry, ...]:
    """Every page of a record or a command, and every term."""
    others = (record for kind in (RecordKind.COMMAND, RecordKind.GLOSSARY) for record in shelf(lang, kind).values())
    return tuple(_entry(record) for record in (*every(lang), *others))


def _entry(record: Record) -> Entry:
    return Entry(
        code=_called(record),
        title=record.prose.title,
        meaning=record.prose.meaning,
        kind=label("kind", record.kind.value, record.lang),
        page=page_of(record),
        digit=digit_of(record),
        also=" ".join(_also(record)),
    )


def _also(record: Record) -> Iterator[str]:
    for other in LANGUAGES:
        told = lookup(record.code, other) if other != record.lang else None
        if told is not None and told.kind is record.kind:
            yield told.prose.title
    yield str(record.facts.get("name", ""))
    yield from map(str, record.facts.get("codes", ()) if record.kind is RecordKind.PROVIDER else ())


def _called(record: Record) -> str:
    """What one types to find it."""
    match record.kind:
        case RecordKind.GLOSSARY | RecordKind.VENDOR:
            return record.prose.title
        case RecordKind.COMMAND:
            return command_name(record)
        case _:
            return record.code


def digit_of(record: Record) -> str:
    """The name of a record's colour: its first digit, ``x`` for several, ``n`` for none."""
    if record.kind not in CODES or record.kind is RecordKind.NONSTANDARD:
        return "n"
    if record.digit:
        return str(record.digit)
    return str(record.classes[0]) if len(record.classes) == 1 else "x"


def codes_in(text: str, lang: str) -> Iterator[Record]:
    """The codes that a pasted reply names, the telling ones first."""
    named = [match[1].upper() for match in _CODE.finditer(text[:_LONGEST])]
    for name in sorted(dict.fromkeys(named), key=lambda name: "." not in name):
        record = lookup(name, lang)
        if record is not None and record.kind in CODES:
            yield record


def alone(question: str, lang: str) -> Record | None:
    """The code that the question is, if it is nothing else."""
    return next(codes_in(question, lang), None) if _CODE.fullmatch(question.strip()) else None


def search(question: str, lang: str) -> tuple[Entry, ...]:
    """The pages that answer a question, best first: those that are named, then words in titles, then words in meanings."""
    asked = question[:_LONGEST].strip().casefold()
    if not asked:
        return ()
    named = dict.fromkeys(_entry(record) for record in codes_in(question, lang))
    words = asked.split()
    scored = [(score, place, entry) for place, entry in enumerate(entries(lang)) if (score := _score(entry, asked, words))]
    ranked = [entry for _, _, entry in sorted(scored, key=lambda one: (-one[0], one[1]))]
    return tuple(dict.fromkeys((*named, *ranked)))[:_MOST]


def _score(entry: Entry, asked: str, words: list[str]) -> int:
    """The same as in ``static/site.js``; 0: no match."""
    code, title = entry.code.casefold(), entry.title.casefold()
    if asked in (code, code.removeprefix("x.")):
        return 100
    if code.startswith(asked) or (code.startswith("x.") and re.fullmatch(r"[245]\.[\d.]*", asked) and code[1:].startswith(asked[1:])):
        return 60
    text = f"{code} {title}"
    if all(word in text for word in words):
        return 40 if title.startswith(asked) else 30
    text += f" {entry.also.casefold()}"
    if all(word in text for word in words):
        return 20
    text += f" {entry.meaning.casefold()}"
    return 10 if all(word in text for word in words) else 0


def index_json(lang: str) -> list[dict[str, Any]]:
    """The index as browsers load it; short names, for it is loaded by every reader who searches."""
    return [
        {"c": one.code, "t": one.title, "m": one.meaning, "k": one.kind, "p": one.page, "d": one.digit, "a": one.also}
        for one in entries(lang)
    ]
