"""What templates show, worked out of records: groups, neighbours, facts in words. Pure; knows no template and no address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.comparison import compare
from waypost.replies.library import words
from waypost.replies.records import CODES, Record, RecordKind, lookup
from waypost.replies.sightings import beyond_told, seen_with
from waypost.replies.terms import label
from waypost.web.reference.names import commands, comparable, every, page_of, shelf, spellings
from waypost.web.templates import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from waypost.replies.choose import Choice
    from waypost.replies.comparison import Comparison
    from waypost.replies.records import Reference
    from waypost.web.links import Links

_IN_BADGES = frozenset({"permanence", "who", "retry"})
"""Facts that stand at the head of a page already."""
_FEW = 3
_NEIGHBOURS = 8
"""Neighbours that a page tells apart at length; the others are links."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A code that is easily taken for another, and what tells them apart."""

    record: Record
    pair: str
    says: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact in words; ``page`` where it has one."""

    kind: str
    name: str
    text: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """One fact of two codes."""

    name: str
    a: str
    b: str


def page_named(code: str) -> str:
    """The page of a code as it stands in a reply: ``5.7.1`` is told of at ``X.7.1``."""
    record = lookup(code)
    return code if record is None else page_of(record) + (f"#class-{record.digit}" if record.asked != record.code else "")


def every_record() -> Iterator[Record]:
    """Every record with a page, in the first language."""
    return every("en")


def beside(record: Record) -> dict[str, object]:
    """Everything that the page of a record shows besides the record itself."""
    members = held(record)
    compared = list(_unique(comparable(record)))
    alike = [other for other in compared if (other.kind is RecordKind.ENHANCED) == (record.kind is RecordKind.ENHANCED)]
    return {
        "facts": [fact for fact in facts(record) if fact.kind not in _IN_BADGES or record.kind is RecordKind.EXTENSION],
        "neighbours": [_neighbour(record, other) for other in alike[:_NEIGHBOURS]],
        "together": [other for other in compared if other not in alike],
        "related": [other for other in related(record) if not (other in members or (other.kind in CODES and record.kind in CODES))],
        "texts": list(texts(record)),
        "providers": own_meanings(record),
        "held": members,
        "alias": list(spellings(record)),
    }


def related(record: Record) -> list[Record]:
    """The records that it names, those that there are."""
    return [other for name in record.related if (other := lookup(name, record.lang)) is not None]


def texts(record: Record) -> Iterator[tuple[str, Record | None]]:
    """What a provider or program typically says, as received, each with the reason that it comes to."""
    for row in record.facts.get("texts", ()):
        reason = lookup(row.get("category", ""), record.lang)
        yield row["text"], reason


def _unique(records: Iterator[Record]) -> Iterator[Record]:
    seen: set[str] = set()
    for record in records:
        if record.code not in seen:
            seen.add(record.code)
            yield record


def _neighbour(record: Record, other: Record) -> Neighbour:
    told = compare(record.code, other.code, record.lang)
    return Neighbour(record=other, pair=f"compare/{told.name}", says=told.summary if told.written else other.prose.meaning)


def facts(record: Record) -> list[Fact]:
    """The facts of a record in words, for the box beside its prose."""
    w = wording(record.lang)["reference"]["record"]
    return [fact for fact in (Fact(name, w[name], *told) for name, told in _told(record)) if fact.text]


def _told(record: Record) -> Iterator[tuple[str, tuple[str, ...]]]:
    lang = record.lang
    is_code = record.kind in CODES
    yield "class", (record.class_name if is_code else "",)
    yield "group", (record.group,)
    yield "permanence", (permanence(record) if is_code or record.kind is RecordKind.PROVIDER else "",)
    yield "retry", (label("retry", record.retry.value, lang) if record.retry else "",)
    yield "who", (joined(actors(record), lang),)
    yield "beyond", (beyond_told(record),)
    yield "seen", (joined(seen_with(record), lang),)
    yield "connection", (label("connection", record.connection.value, lang) if record.connection else "",)
    yield "standing", (standing(record),)
    yield "parameters", (" ".join(record.facts.get("parameters", ())),)
    yield "verbs", (" ".join(record.facts.get("verbs", ())),)
    reason = lookup(record.category, lang) if record.category != "unknown" else None
    if reason is not None and reason.kind is RecordKind.CATEGORY:
        yield "category", (reason.prose.title, page_of(reason))


def permanence(record: Record) -> str:
    """Whether it lasts, in words."""
    return label("permanence", record.permanence.value if record.permanence else "none", record.lang)


def standing(record: Record) -> str:
    """What kind of document defines it, in words; empty where none does."""
    known = words(record.lang, "terms").get("standing", {})
    return str(known[record.standing]["says"]) if record.standing in known else ""


def joined(names: Sequence[str], lang: str) -> str:
    """Names in a row."""
    return label("join", "comma", lang).join(names)


def actors(record: Record) -> list[str]:
    """Who acts, in words, each."""
    return [label("who", each.value, record.lang) for each in record.who]


def big(record: Record) -> str:
    """What stands large at the head of a page: the code as one meets it."""
    if record.kind is not RecordKind.PROVIDER:
        return record.code
    codes = sorted(codes_of(record))
    return " ".join(codes) if 0 < len(codes) < _FEW else record.code.partition(".")[2]


def shown_source(each: Reference, lang: str) -> str:
    """How a document is called; an address without what all addresses have."""
    return each.name(lang).removeprefix("https://").removeprefix("www.").rstrip("/")


def phase(name: str, lang: str) -> str:
    """A command or phase for people."""
    row: Mapping[str, str] | None = words(lang, "terms")["phase"].get(name)
    return name if row is None else row["says"]


def command_page(name: str) -> str:
    """The page of a command or phase; that of all where it means all."""
    return f"command/{name}" if name in commands() else "command/"


def own_meanings(record: Record) -> list[Record]:
    """What providers mean by the code of ``record``, against or beside the registry."""
    if record.kind not in CODES:
        return []
    wanted = {record.code, *spellings(record)}
    return [one for one in shelf(record.lang, RecordKind.PROVIDER).values() if wanted & codes_of(one)]


def codes_of(provider: Record) -> set[str]:
    """The codes that a provider's record is about."""
    return {str(each) for each in provider.facts.get("codes", ())}


def held(record: Record) -> list[Record]:
    """The records that belong to a provider or a reason."""
    match record.kind:
        case RecordKind.VENDOR:
            return [one for one in shelf(record.lang, RecordKind.PROVIDER).values() if one.facts.get("vendor") == record.code]
        case RecordKind.CATEGORY:
            kinds = (*CODES, RecordKind.PROVIDER)
            return [one for kind in kinds for one in shelf(record.lang, kind).values() if one.category == record.code]
        case _:
            return []


def crumbs(record: Record, links: Links) -> list[tuple[str, str]]:
    """The way to a record's page: texts and page names."""
    del links
    lang = record.lang
    w = wording(lang)["reference"]["index"]
    way = [(wording(lang)["frame"]["codes"], "")]
    match record.kind:
        case RecordKind.BASIC:
            way.append((f"{record.code[0]}xx", f"#class-{record.code[0]}"))
        case RecordKind.ENHANCED:
            way.append((w["enhanced"], "#enhanced"))
        case RecordKind.NONSTANDARD:
            way.append((w["nonstandard"], "#nonstandard"))
        case RecordKind.EXTENSION:
            way.append((w["extensions"], "#extensions"))
        case RecordKind.CATEGORY:
            way.append((w["reasons"], "#reasons"))
        case RecordKind.PROVIDER | RecordKind.VENDOR:
            way.append((w["vendors"], "#vendors"))
            vendor = lookup(record.facts.get("vendor", ""), lang)
            if record.kind is RecordKind.PROVIDER and vendor is not None and vendor.kind is RecordKind.VENDOR:
                way.append((vendor.prose.title, page_of(vendor)))
    return way


def subjects(lang: str) -> list[tuple[str, str, list[Record]]]:
    """The enhanced codes by subject: its number, what it is about, its codes."""
    groups: dict[str, list[Record]] = {}
    for record in shelf(lang, RecordKind.ENHANCED).values():
        groups.setdefault(record.code.split(".")[1], []).append(record)
    return [(number, members[0].group, members) for number, members in groups.items()]


def answers(phase_name: str, lang: str) -> list[Record]:
    """The basic codes that may answer a command or phase."""
    return [record for record in shelf(lang, RecordKind.BASIC).values() if phase_name in record.phases]


def here(record: Record, phase_name: str) -> str:
    """What a code means in one phase, where it has several lives; else what it means."""
    return record.lives.get(phase_name, record.prose.meaning)


def documents(records: Sequence[Reference]) -> list[Reference]:
    """The references that can be read."""
    return [each for each in records if each.url]


def by_phase(told: Iterable[Choice]) -> dict[str, list[Choice]]:
    """The reasons to refuse by the phase in which one refuses, in the order of a session."""
    groups: dict[str, list[Choice]] = {}
    for each in told:
        groups.setdefault(each.phase, []).append(each)
    order = list(commands())
    return dict(sorted(groups.items(), key=lambda group: order.index(group[0]) if group[0] in order else len(order)))


def pair_groups(pairs: Sequence[tuple[str, str]], lang: str) -> dict[str, list[tuple[Record, Record]]]:
    """The listed pairs: those with words of their own, and all within a class by its digit."""
    written = set(written_names(lang))
    groups: dict[str, list[tuple[Record, Record]]] = {"written": []}
    for a, b in pairs:
        first, second = lookup(a, lang), lookup(b, lang)
        if first is None or second is None:
            continue
        if (a, b) in written:
            groups["written"].append((first, second))
        elif first.kind is RecordKind.BASIC and second.kind is RecordKind.BASIC and a[0] == b[0]:
            groups.setdefault(a[0], []).append((first, second))
    return groups


def written_names(lang: str) -> tuple[tuple[str, str], ...]:
    """The pairs that have words of their own."""
    from waypost.replies.comparison import pairs as written  # noqa: PLC0415 - the name is taken here

    return written(lang)


def other_pairs(told: Comparison, pairs: Sequence[tuple[str, str]], lang: str) -> list[str]:
    """Other listed pairs with one of the two codes: those with words of their own first."""
    mine = {told.first.asked, told.second.asked}
    written = set(written_names(lang))
    near = [pair for pair in pairs if mine & set(pair) and set(pair) != mine]
    near.sort(key=lambda pair: pair not in written)
    return [f"{a}-{b}" for a, b in near[:12]]


def beside_each_other(told: Comparison) -> list[Beside]:
    """The facts of two codes in one table; what neither says is left out."""
    w = wording(told.first.lang)["reference"]["record"]
    rows: dict[str, list[str]] = {}
    for place, record in enumerate((told.first, told.second)):
        for name, row in _told(record):
            rows.setdefault(name, ["", ""])[place] = row[0]
        rows.setdefault("where", ["", ""])[place] = joined([phase(each, record.lang) for each in record.phases], record.lang)
    return [Beside(w[name], a or "–", b or "–") for name, (a, b) in rows.items() if a or b]
