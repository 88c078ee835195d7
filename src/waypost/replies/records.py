"""The records: everything that is known of a code, an extension, a command, a provider's text, a category or a term, in one language.

Joins facts and prose; reads no reply and compares nothing. RFC 5321 section 4.2.1 (what the digits mean), RFC 3463 section 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from waypost.replies.explanation import Permanence
from waypost.replies.library import facts, words
from waypost.replies.prose import Prose
from waypost.replies.terms import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class RecordKind(StrEnum):
    """What a record is about; the name of its section in the data."""

    BASIC = "basic"
    """A reply code of an RFC or of the registry: ``550``."""
    ENHANCED = "enhanced"
    """An enhanced status code of the IANA registry, in all its classes: ``X.1.1``."""
    NONSTANDARD = "nonstandard"
    """A number that circulates and that no document defines: ``571``."""
    EXTENSION = "extension"
    """A keyword of the reply to EHLO: ``SIZE``."""
    PROVIDER = "provider"
    """What one provider means by a code, against or beside the registry: ``google.5.7.27``."""
    CATEGORY = "category"
    """A reason why mail fails: ``recipient.unknown``."""
    VENDOR = "vendor"
    """A provider or a mail server program: ``google``."""
    GLOSSARY = "glossary"
    """A term: ``envelope``."""
    COMMAND = "command"
    """A command of SMTP, or a phase that none opens: ``command.MAIL``, and ``MAIL`` where nothing else is called so."""


class Who(StrEnum):
    """Who has to act."""

    NOBODY = "nobody"
    SENDER = "sender"
    SENDING_OPERATOR = "sending_operator"
    RECEIVING_OPERATOR = "receiving_operator"
    MAILBOX_OWNER = "mailbox_owner"


class Retry(StrEnum):
    """Whether the same mail is worth another attempt."""

    NONE = "none"
    """Nothing failed."""
    LATER = "later"
    """Unchanged, after a while."""
    AFTER_CHANGE = "after_change"
    """Once something was mended."""
    NEVER = "never"


class Connection(StrEnum):
    """What becomes of the connection."""

    STAYS = "stays"
    CLOSES = "closes"
    EITHER = "either"


class KnownFrom(StrEnum):
    """How a record is known."""

    RFC = "rfc"
    IANA = "iana"
    VENDOR = "vendor"
    """A document of the provider or program."""
    OBSERVED = "observed"
    """Seen in real replies; documented nowhere."""


__all__ = [
    "CODES",
    "Connection",
    "KnownFrom",
    "Record",
    "RecordKind",
    "Reference",
    "Retry",
    "Who",
    "cited",
    "code_key",
    "label",
    "lookup",
    "records",
]

CODES = (RecordKind.BASIC, RecordKind.ENHANCED, RecordKind.NONSTANDARD)
"""The kinds that are codes."""
_LASTING = (*CODES, RecordKind.PROVIDER, RecordKind.CATEGORY)
"""The kinds that tell of failures, which last or do not."""

_STATUS = re.compile(r"([245X])\.(\d{1,3}\.\d{1,3})")
_RFC = re.compile(r"(\d+)(?:#(\d+(?:\.\d+)*))?(?::\s*(.*))?")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a record is defined."""

    source: str
    """As the data has it: ``5321#4.2.3``, an address, or a name."""

    def name(self, lang: str = "en") -> str:
        """For people: ``RFC 5321 section 4.2.3``."""
        found = _RFC.fullmatch(self.source)
        if found is None:
            return self.source
        return label("reference", "section" if found[2] else "whole", lang).format(rfc=found[1], section=found[2])

    @property
    def document(self) -> str:
        """Without its section: ``RFC 5321``."""
        found = _RFC.fullmatch(self.source)
        return self.source if found is None else f"RFC {found[1]}"

    @property
    def url(self) -> str | None:
        """Where it can be read, or None where nowhere is known."""
        found = _RFC.fullmatch(self.source)
        if found is None:
            return self.source if self.source.startswith("https://") else None
        return f"https://www.rfc-editor.org/rfc/rfc{found[1]}" + (f"#section-{found[2]}" if found[2] else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry of the reference, in one language."""

    code: str
    """Its name in the registry, unique within all codes: ``550``, ``X.1.1``, ``SIZE``, ``google.5.7.27``, ``command.MAIL``."""
    asked: str
    """As it was looked up, where that tells more: ``5.1.1``; else ``code``."""
    kind: RecordKind
    lang: str
    prose: Prose
    digit: int | None
    """The first digit that holds: of a basic code its own, of an enhanced one that which was asked for; None: any, or none at all."""
    classes: tuple[int, ...]
    """The first digits with which it is used."""
    category: str
    """The id of the reason that it stands for, ``unknown`` where it is too vague to say."""
    who: tuple[Who, ...]
    retry: Retry | None
    connection: Connection | None
    phases: tuple[str, ...]
    """Commands and phases that it may answer; ``ANY`` for all, CONNECT for the greeting, EOM for the end of content."""
    example: tuple[str, ...]
    """Lines of a dialogue, each beginning with ``C: `` or ``S: ``."""
    related: tuple[str, ...]
    """Names of other records."""
    references: tuple[Reference, ...]
    known_from: KnownFrom | None
    standing: str
    """Of a basic code: core, extension, registry (named by RFC 5248 alone) or historic; of an extension its status."""
    lives: Mapping[str, str]
    """Of a code with several lives: what it means in each phase."""
    in_class: Mapping[int, str]
    """Of an enhanced code: what it means with each first digit."""
    facts: Mapping[str, Any] = field(repr=False)
    """The row as it stands in the data, for what only some kinds have (an extension's parameters and verbs)."""

    @property
    def permanence(self) -> Permanence | None:
        """Whether the refusal lasts; None for what is no refusal, unknown where the first digit decides and is not given."""
        if self.kind not in _LASTING:
            return None
        if "permanence" in self.facts:
            return Permanence(self.facts["permanence"])
        digits = (self.digit,) if self.digit else self.classes
        verdicts = {_permanence(digit, self.retry) for digit in digits} or {_permanence(0, self.retry)}
        if len(verdicts) == 1:
            return verdicts.pop()
        return Permanence.UNKNOWN

    @property
    def class_(self) -> str:
        """The class in the words of the standards, in English: positive completion, permanent negative completion, permanent failure."""
        return _class(self, "en")

    @property
    def class_name(self) -> str:
        """The class, in the record's language."""
        return _class(self, self.lang)

    @property
    def group(self) -> str:
        """What the second digit, or the subject, says that it is about, in the record's language; empty where it says nothing."""
        return _group(self)


def lookup(code: str, lang: str = "en") -> Record | None:
    """The record of a code (``550``, ``5.1.1``, ``X.1.1``), an extension, a command, a provider's text, a category, a vendor or a term.

    None where there is none. Case does not matter. An enhanced code may be asked for with its class: its remedy, permanence and retry are
    then those of that class.
    Raises LookupError for an unknown language.
    """
    asked = code.strip()
    if len(asked) > 100:
        return None
    status = _STATUS.fullmatch(asked.upper())
    if status:
        return _enhanced(status[1], status[2], lang)
    for kind in RecordKind:
        if kind is not RecordKind.ENHANCED and (name := _name(kind, asked, lang)) is not None:
            return _record(kind, name, lang)
    return None


@cache
def records(lang: str = "en", *kinds: RecordKind) -> Mapping[str, Record]:
    """Every record of ``kinds``, by name: the codes where none are given, basic, enhanced (``X.1.1``) and nonstandard, each in order."""
    found = {}
    for kind in kinds or CODES:
        for name in _names(kind, lang):
            record = _record(kind, name, lang)
            found[record.code] = record
    return MappingProxyType(found)


def cited(references: Sequence[Reference], lang: str = "en") -> str:
    """References in a row, the sections of one document together: ``RFC 5321 sections 3.1, 4.2.3; RFC 7504 section 3``."""
    gathered: dict[str, list[Reference]] = {}
    for each in references:
        gathered.setdefault(each.document, []).append(each)
    told = [_together(document, same, lang) for document, same in gathered.items()]
    return label("join", "semicolon", lang).join(told)


def _together(document: str, references: Sequence[Reference], lang: str) -> str:
    sections = list(dict.fromkeys(found[2] for each in references if (found := _RFC.fullmatch(each.source)) and found[2]))
    if len(sections) < 2:
        return references[0].name(lang) if len(references) == 1 or not sections else Reference(f"{document[4:]}#{sections[0]}").name(lang)
    return label("reference", "several", lang).format(rfc=document[4:], section=label("join", "comma", lang).join(sections))


def code_key(code: str) -> tuple[int, int, int, int]:
    """What codes are sorted by: numbers first, ascending, then enhanced codes by subject, detail and class."""
    status = _STATUS.fullmatch(code)
    if status is None:
        return (0, int(code) if code.isdigit() else 0, 0, 0)
    subject, detail = status[2].split(".")
    return (1, int(subject), int(detail), 0 if status[1] == "X" else int(status[1]))


def _rows(kind: RecordKind, lang: str) -> Mapping[str, Any]:
    """The prose of a kind; of a code none counts that the facts do not know."""
    prose = words(lang, "registry").get(kind.value, _EMPTY)
    return {name: prose[name] for name in facts("registry")[kind.value] if name in prose} if kind in CODES else prose


def _names(kind: RecordKind, lang: str) -> Iterator[str]:
    """The names of a kind, in order."""
    yield from sorted(_rows(kind, lang), key=lambda name: code_key(_code(kind, name)))


@cache
def _folded(kind: RecordKind, lang: str) -> Mapping[str, str]:
    return {called.casefold(): name for name in _names(kind, lang) for called in (name, *_also(kind, name))}


def _also(kind: RecordKind, name: str) -> tuple[str, ...]:
    """Other names of a record."""
    match kind:
        case RecordKind.EXTENSION:
            return tuple(facts("registry")[kind.value][name].get("also", ()))
        case RecordKind.COMMAND:
            return (_code(kind, name),)
        case _:
            return ()


def _code(kind: RecordKind, name: str) -> str:
    """What a record is called outside its section: enhanced codes leave the class open, commands bear names that extensions bear too."""
    match kind:
        case RecordKind.ENHANCED:
            return f"X.{name}"
        case RecordKind.COMMAND:
            return f"command.{name}"
        case _:
            return name


def _name(kind: RecordKind, asked: str, lang: str) -> str | None:
    if asked in words(lang, "registry").get(kind.value, _EMPTY):
        return asked
    return _folded(kind, lang).get(asked.casefold())


@cache
def _record(kind: RecordKind, name: str, lang: str) -> Record:
    row = facts("registry").get(kind.value, _EMPTY).get(name, _EMPTY)
    prose = words(lang, "registry")[kind.value][name]
    digit = int(name[0]) if kind in (RecordKind.BASIC, RecordKind.NONSTANDARD) else None
    code = _code(kind, name)
    return Record(
        code=code,
        asked=code,
        kind=kind,
        lang=lang,
        prose=Prose(**{each: prose.get(each, "") for each in ("title", "meaning", "occurs", "sender_fix", "operator_fix")}),
        digit=digit,
        classes=tuple(row.get("classes", ())) if digit is None else (digit,),
        category=row.get("category", "unknown"),
        who=tuple(Who(each) for each in row.get("who", ())),
        retry=Retry(row["retry"]) if "retry" in row else None,
        connection=Connection(row["connection"]) if "connection" in row else None,
        phases=tuple(row.get("answers", ())),
        example=tuple(row.get("example", ())),
        related=tuple(row.get("related", ())),
        references=tuple(Reference(each) for each in row.get("rfc", ())),
        known_from=KnownFrom(row["known_from"]) if "known_from" in row else None,
        standing=row.get("standing", row.get("status", "")),
        lives=prose.get("at", _EMPTY),
        in_class={int(each[-1]): prose[each] for each in ("class_2", "class_4", "class_5") if each in prose},
        facts=row,
    )


def _enhanced(class_: str, detail: str, lang: str) -> Record | None:
    """An enhanced code; of a class, with what that class alone makes of it (3463#3.1)."""
    name = ".".join(str(int(part)) for part in detail.split("."))
    if name not in facts("registry")[RecordKind.ENHANCED.value]:
        return None
    whole = _record(RecordKind.ENHANCED, name, lang)
    if class_ == "X":
        return whole
    record = replace(whole, asked=f"{class_}.{name}", digit=int(class_))
    match class_:
        case "2":
            nothing = words(lang, "registry")["digit"]["2"]
            prose = replace(record.prose, sender_fix=nothing["sender_fix"], operator_fix=nothing["operator_fix"])
            return replace(record, prose=prose, who=(Who.NOBODY,), retry=Retry.NONE)
        case "4":
            return replace(record, retry=Retry.LATER)
        case _:
            lasting = record.retry in (Retry.AFTER_CHANGE, Retry.NEVER, None)
            return record if lasting else replace(record, retry=Retry.AFTER_CHANGE)


def _permanence(digit: int | None, retry: Retry | None) -> Permanence | None:
    """By the first digit (5321#4.2.1); a number that has none of the standard's is judged by its retry."""
    match digit, retry:
        case (2 | 3, _) | (_, Retry.NONE):
            return None
        case (4, _):
            return Permanence.TEMPORARY
        case (5, _):
            return Permanence.PERMANENT
        case (_, Retry.LATER):
            return Permanence.TEMPORARY
        case _:
            return Permanence.UNKNOWN


def _class(record: Record, lang: str) -> str:
    group = "failure_class" if record.kind is RecordKind.ENHANCED else "class"
    digits = (record.digit,) if record.digit else record.classes
    known = words(lang, "terms")[group]
    return label("join", "slash", lang).join(known[str(digit)]["says"] for digit in digits if str(digit) in known)


def _group(record: Record) -> str:
    if record.kind is RecordKind.ENHANCED:
        row = words(record.lang, "registry")["subject"].get(record.code.split(".")[1], _EMPTY)
        return str(row.get("about", ""))
    if record.kind is RecordKind.BASIC:
        row = words(record.lang, "terms")["second_digit"].get(record.code[1], _EMPTY)
        return str(row.get("says", ""))
    return ""
