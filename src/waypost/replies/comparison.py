"""Any two codes beside each other: what they share, where they part, which to answer with, what to do on meeting them.

The differences are computed from the facts of both records; a pair that people mix up has words of its own. Reads no reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.library import facts, words
from waypost.replies.records import CODES, Record, RecordKind, Reference, Who, code_key, lookup
from waypost.replies.terms import label, listed, phase_names, spaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact in which two codes part."""

    point: str
    """Its name in the language: class, retry, connection."""
    text: str
    """A sentence that names both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two codes, in canonical order: numbers ascending, then enhanced codes ascending."""

    first: Record
    second: Record
    same: bool
    """Whether both are one code in one class."""
    summary: str
    differences: tuple[Difference, ...]
    choose: str
    """For the author of a server or policy: when to answer which."""
    meet: str
    """For whoever reads one: what to do after each."""
    related: tuple[str, ...]
    references: tuple[Reference, ...]
    written: bool
    """Whether summary, choose and meet were written for this pair, instead of computed."""

    @property
    def name(self) -> str:
        """The pair's canonical name: ``214-220``, ``552-5.2.2``."""
        return f"{self.first.asked}-{self.second.asked}"


class UnknownCodeError(LookupError):
    """What was given is no code that the reference knows; the text says so to people."""


def compare(a: str, b: str, lang: str = "en") -> Comparison:
    """Compare two codes (``550``, ``5.1.1``, ``X.1.1``), in whichever order they are given.

    Raises UnknownCodeError for what is no known code, LookupError for an unknown language.
    """
    first, second = sorted((_code(a, lang), _code(b, lang)), key=lambda record: code_key(record.asked))
    differences = tuple(_differences(first, second))
    name = _own(first, second)
    own = words(lang, "registry")["pair"][name] if name else {}
    read = facts("registry")["pair"][name] if name else {}
    sources = (*map(Reference, (*read.get("rfc", ()), *read.get("learn", ()))), *first.references, *second.references)
    same = first.asked == second.asked
    return Comparison(
        first=first,
        second=second,
        same=same,
        summary=own.get("summary") or _summary(first, second, differences),
        differences=(*_written(own), *differences),
        choose=own.get("choose") or _choose(first, second),
        meet=own.get("meet") or _meet(first, second),
        related=tuple(each for each in dict.fromkeys((*first.related, *second.related)) if each not in (first.code, second.code)),
        references=tuple(dict.fromkeys(sources)),
        written=bool(own),
    )


def pairs(lang: str = "en") -> tuple[tuple[str, str], ...]:
    """The pairs that have words of their own, in order."""
    names = [tuple(name.split("-", 1)) for name in words(lang, "registry")["pair"]]
    return tuple(sorted(((a, b) for a, b in names), key=lambda pair: (code_key(pair[0]), code_key(pair[1]))))


def _code(asked: str, lang: str) -> Record:
    record = lookup(asked, lang)
    if record is None or record.kind not in CODES:
        raise UnknownCodeError(f"{asked} is no known reply code: write one such as 550 or 5.1.1 (`waypost codes` lists them all)")
    return record


def _own(first: Record, second: Record) -> str | None:
    """The name of the pair in the data, if it has words of its own; those of a class stand for the code without one too."""
    written = words(first.lang, "registry")["pair"]
    if first.code == second.code:  # its classes beside each other
        return name if (name := f"{first.asked}-{second.asked}") in written else None
    names = (f"{a}-{b}" for a in _spelled(first) for b in _spelled(second))
    return next((name for name in names if name in written), None)


def _spelled(record: Record) -> Sequence[str]:
    if record.kind is not RecordKind.ENHANCED:
        return (record.code,)
    detail = record.code.removeprefix("X.")
    return (record.asked, record.code) if record.digit else (record.code, f"5.{detail}", f"4.{detail}")


def _written(own: Mapping[str, str]) -> Iterator[Difference]:
    if text := own.get("difference"):
        yield Difference(point="", text=text)


def _differences(first: Record, second: Record) -> Iterator[Difference]:
    for point, text in (
        ("kind", _kind(first, second)),
        ("class", _class(first, second)),
        ("group", _fact(first, second, "group", first.group, second.group)),
        ("phase", _phase(first, second)),
        ("who", _fact(first, second, "who", who_acts(first), who_acts(second))),
        ("retry", _retry(first, second)),
        ("connection", _connection(first, second)),
        ("source", _source(first, second)),
    ):
        if text:
            yield Difference(point=label(point, "name", first.lang), text=text)


def _said(first: Record, second: Record, group: str, name: str, **values: str) -> str:
    facts = {"a": first.asked, "b": second.asked, "a_title": first.prose.title, "b_title": second.prose.title}
    return spaced(label(group, name, first.lang).format(**facts, **values))


def _fact(first: Record, second: Record, group: str, a: str, b: str) -> str:
    """A sentence where two values are known and differ."""
    return _said(first, second, group, "differs", a_value=a, b_value=b) if a and b and a != b else ""


def _kind(first: Record, second: Record) -> str:
    if first.kind is second.kind:
        return ""
    if second.kind is RecordKind.ENHANCED and first.kind is RecordKind.BASIC:
        if _clash(first, second):
            return _said(first, second, "kind", "clash")
        paired = int(first.code) in second.facts.get("basic", ()) or first.code in second.facts.get("also", ())
        return _said(first, second, "kind", "together" if paired else "detail")
    return _fact(first, second, "kind", *(label("kind_a", record.kind.value, record.lang) for record in (first, second)))


def _clash(first: Record, second: Record) -> bool:
    """Whether a reply code and an enhanced one have first digits that exclude each other (2034#4)."""
    return second.digit is not None and first.digit != second.digit


def _digit(record: Record) -> int | None:
    """The first digit, where it is certain."""
    return record.digit or (record.classes[0] if len(record.classes) == 1 else None)


def _digit_name(record: Record) -> str:
    """What sentences about the first digit are chosen by."""
    digit = _digit(record)
    if digit is None:
        return "45" if record.classes == (4, 5) else "X"
    return str(digit) if 2 <= digit <= 5 else "other"


def _class(first: Record, second: Record) -> str:
    if {"X", "45"} & {_digit_name(first), _digit_name(second)}:
        return ""
    return _fact(first, second, "class", *(label("verdict", _digit_name(record), record.lang) for record in (first, second)))


def _phase(first: Record, second: Record) -> str:
    shared, *alone = _shared(_bare(first.phases), _bare(second.phases))
    rest = [(record, phases) for record, phases in zip((first, second), alone, strict=True) if phases]
    if not rest:
        return ""
    if len(rest) == 1 and not shared:
        return _silent(*rest[0], second if rest[0][0] is first else first)
    if not shared:
        return _fact(first, second, "phase", *(phase_names(record.phases, record.lang) for record in (first, second)))
    only = [label("phase", "only", first.lang).format(name=record.asked, value=phase_names(phases, first.lang)) for record, phases in rest]
    return _said(
        first, second, "phase", "overlaps", shared=phase_names(shared, first.lang), rest=label("join", "semicolon", first.lang).join(only)
    )


def _silent(spoken: Record, phases: Sequence[str], silent: Record) -> str:
    """Where one of two is never said to a client."""
    told = label("phase", "silent", spoken.lang)
    return spaced(told.format(name=spoken.asked, value=phase_names(phases, spoken.lang), silent=silent.asked))


def _bare(phases: Sequence[str]) -> Sequence[str]:
    """Without what ``ANY`` says already."""
    return [phase for phase in phases if phase in ("ANY", "CONNECT")] if "ANY" in phases else phases


def _shared(first: Sequence[str], second: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """What both may answer, and what only one may; ``ANY`` holds every command, but not the opening of the connection."""
    if "ANY" in first and "ANY" not in second:
        shared, more, less = _within(first, second)
        return shared, more, less
    if "ANY" in second and "ANY" not in first:
        shared, more, less = _within(second, first)
        return shared, less, more
    shared = [phase for phase in first if phase in second]
    return shared, [phase for phase in first if phase not in shared], [phase for phase in second if phase not in shared]


def _within(every: Sequence[str], some: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The same, where the first of both holds every command."""
    shared = [phase for phase in some if phase != "CONNECT" or phase in every]
    opening = [phase for phase in every if phase == "CONNECT" and phase not in some]
    return shared, [*opening, "OTHER" if shared else "ANY"], [phase for phase in some if phase not in shared]


def who_acts(record: Record) -> str:
    """Who has to act, as part of a sentence; empty where it is not known."""
    if not record.who:
        return ""
    if Who.NOBODY in record.who:
        return label("meet_who", "nobody", record.lang)
    names = [label("who", each.value, record.lang) for each in record.who]
    return label("meet_who", "others", record.lang).format(who=listed(names, "or", record.lang))


def _retry(first: Record, second: Record) -> str:
    told = [label("retry_after", record.retry, record.lang) if record.retry else "" for record in (first, second)]
    return _fact(first, second, "retry", *told)


def _connection(first: Record, second: Record) -> str:
    told = [label("connection", record.connection, record.lang) if record.connection else "" for record in (first, second)]
    return _fact(first, second, "connection", *told)


def _source(first: Record, second: Record) -> str:
    return _fact(first, second, "source", *map(_defined, (first, second)))


def _defined(record: Record) -> str:
    """The document that defines it, without its section; else how it is known."""
    if record.references:
        return record.references[0].document
    return label("source_of", record.known_from, record.lang) if record.known_from else ""


def _summary(first: Record, second: Record, differences: Sequence[Difference]) -> str:
    if first.asked == second.asked:
        return _said(first, second, "summary", "same")
    verdicts = {
        "a_verdict": label("verdict", _digit_name(first), first.lang),
        "b_verdict": label("verdict", _digit_name(second), first.lang),
    }
    if first.code == second.code:
        return _said(first, second, "summary", "classes", **verdicts)
    if _digit_name(first) != _digit_name(second):
        return _said(first, second, "summary", "apart", **verdicts)
    points = [each.point for each in differences]
    if not points:
        return _said(first, second, "summary", "twins", **verdicts)
    return _said(first, second, "summary", "alike", points=listed(points, "and", first.lang), **verdicts)


def _choose(first: Record, second: Record) -> str:
    if first.asked == second.asked:
        return _said(first, second, "choose", "same")
    if strange := [record.asked for record in (first, second) if record.kind is RecordKind.NONSTANDARD]:
        return _said(first, second, "choose", "nonstandard", names=listed(strange, "or", first.lang))
    if first.kind is not second.kind:
        return _detail(first, second)
    if _class(first, second):
        acts = {f"{which}_act": label("choose_act", _digit_name(record), record.lang) for which, record in (("a", first), ("b", second))}
        return _said(first, second, "choose", "class", **acts)
    if _apart(first, second):
        values = {f"{which}_value": phase_names(record.phases, record.lang) for which, record in (("a", first), ("b", second))}
        return _said(first, second, "choose", "phase", **values)
    return _said(first, second, "choose", "meaning")


def _detail(first: Record, second: Record) -> str:
    """Where a reply code and an enhanced one go together, and where not."""
    if not _clash(first, second):
        return _said(first, second, "choose", "detail")
    if first.digit not in second.classes:
        return _said(first, second, "choose", "apart", digit=str(second.digit))
    return _said(first, second, "choose", "clash", c=f"{first.digit}{second.code[1:]}", digit=str(second.digit))


def _apart(first: Record, second: Record) -> bool:
    """Whether no command may get both."""
    phases = (set(first.phases), set(second.phases))
    return all(phases) and "ANY" not in phases[0] | phases[1] and not phases[0] & phases[1]


def _meet(first: Record, second: Record) -> str:
    once = (first,) if first.asked == second.asked else (first, second)
    return label("join", "sentence", first.lang).join(filter(None, map(_met, once)))


def _met(record: Record) -> str:
    who = who_acts(record)
    if not who or record.retry is None:
        return ""
    retry = label("meet_retry", record.retry, record.lang)
    return spaced(label("meet", "one", record.lang).format(code=record.asked, retry=retry, who=who))
