"""Explains whatever is given: a code, a reply, a line of a log, a whole message. Joins what was read with the prose that fits it best.

The order: what a provider means by it, our own words, the category, the enhanced code, the reply code, its first digit. Reads nothing
itself: ``line`` and ``bounce`` do. RFC 5321 section 4.2 (form of a reply), RFC 5322 section 2.2 (form of a message).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from waypost.replies.explanation import Evidence, Explained, Kind, Permanence, Reading, Report, Scope
from waypost.replies.gloss import telling
from waypost.replies.library import facts, words
from waypost.replies.prose import Prose
from waypost.replies.records import CODES, Record, RecordKind, Who, lookup
from waypost.replies.shapes import as_json, prose_json
from waypost.replies.terms import label

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_json", "explain", "explanation_of", "is_code", "prose_json", "succeeded", "who_acts"]

_BLANK = " \t\r\n\v\f\ufeff"
_CODE = re.compile(r"[2-5]\d\d")
"""The form of a reply code (5321#4.2), and of those that break its rule for the second digit."""
_STATUS = re.compile(r"[245X]\.\d{1,3}\.\d{1,3}", re.IGNORECASE)
_REPLY_LINE = re.compile(r"[2-5]\d\d(?:[ -]|$)")
_HEADER = re.compile(rb"(?:>?From |[A-Za-z][\w.-]{0,75}[ \t]?:)")
"""How a message begins: with a field, or with the line that parts messages in a mailbox file; no time and no program of a log."""


def explain(given: str | bytes, *, lang: str = "en", name: str | None = None) -> Explained:
    """Explain a code (``550``, ``5.7.1``), a reply, a line of a log, or a whole message, in ``lang``.

    ``name`` is what a message is called in the answer (a path; ``-`` by default). Never fails for what is given: what cannot be read
    has no reports. Raises LookupError for an unknown language.
    """
    words(lang, "registry")
    if isinstance(given, bytes):
        octets = given.removeprefix(codecs.BOM_UTF8)
        if _is_message(octets):
            return _message(octets, lang, name or "-")
        given = octets.decode("utf-8", "replace")
    shown = given.strip(_BLANK)
    if not shown:
        return Explained(input=name or shown, kind=Kind.ORDINARY, reports=())
    if is_code(shown):
        return Explained(input=name or shown, kind=Kind.CODE, reports=(_code(shown, lang),))
    lines = shown.splitlines()
    if len(lines) < 2 or _REPLY_LINE.match(lines[0]):
        return _line(shown, lang, name)
    return _many(shown, lang, name)


def is_code(text: str) -> bool:
    """Whether ``text`` is a reply code or an enhanced one, by its form or because it circulates."""
    if _CODE.fullmatch(text) or _STATUS.fullmatch(text):
        return True
    return len(text) == 3 and text in facts("registry").get(RecordKind.NONSTANDARD.value, ())


def _is_message(octets: bytes) -> bool:
    """Whether octets begin as a message does and have more than one line."""
    begun = octets[:4000].lstrip()
    return _HEADER.match(begun) is not None and b"\n" in begun.replace(b"\r", b"\n").rstrip()


def _many(text: str, lang: str, name: str | None) -> Explained:
    """Several lines: a message, or the head of one torn off; or a reply, or a line of a log, that was broken when it was copied."""
    octets = text.encode("utf-8", "surrogateescape")
    told = _message(octets, lang, name or "-")
    if told.reports or told.kind is not Kind.ORDINARY or _is_message(octets):
        return told
    line = _line(text, lang, name)
    return line if line.reports else told


def _message(octets: bytes, lang: str, name: str) -> Explained:
    from waypost.replies.bounce import read_message  # noqa: PLC0415 - loads the parser of messages, which a code does not need

    kind, readings = read_message(octets)
    return Explained(input=name, kind=kind, reports=tuple(_report(reading, lang) for reading in readings))


def _line(text: str, lang: str, name: str | None) -> Explained:
    from waypost.replies.line import read_line  # noqa: PLC0415 - loads the rules, which a code does not need

    kind, reading = read_line(text)
    return Explained(input=name or text, kind=kind, reports=() if reading is None else (_report(reading, lang),))


def _report(reading: Reading, lang: str) -> Report:
    return Report(reading=reading, explanation=explanation_of(reading, lang))


def explanation_of(reading: Reading, lang: str) -> Prose:
    """The prose that explains a reading best."""
    provider = lookup(reading.entry, lang) if reading.entry else None
    if provider is not None:
        return provider.prose
    return _own(reading, lang) or _category(reading, lang) or _of_code(reading, lang)


def _own(reading: Reading, lang: str) -> Prose | None:
    from waypost.replies.own_words import own_key  # noqa: PLC0415 - loads the catalogue, which a code does not need

    key = own_key(reading.code, reading.status, reading.text)
    return None if key is None else Prose(**words(lang, "catalogue")["catalogue"][key])


def _category(reading: Reading, lang: str) -> Prose | None:
    """The category's prose, where it is known and something failed; of good news only where code and status tell nothing."""
    mute = reading.code is None and (reading.status or "").endswith(".0.0")
    if reading.category == "unknown" or (succeeded(reading) and not mute):
        return None
    record = lookup(reading.category, lang)
    return record.prose if record is not None and record.kind is RecordKind.CATEGORY else None


def _of_code(reading: Reading, lang: str) -> Prose:
    prose = telling(reading.code or 0, reading.status, lang)
    if prose is not None:
        return prose
    row = words(lang, "registry")["digit"]["none"]
    return Prose(**{each: row[each] for each in ("title", "meaning", "occurs", "sender_fix", "operator_fix")})


def _code(text: str, lang: str) -> Report:
    """A code alone: its own record, or what its first digit says where it has none."""
    record = lookup(text, lang)
    if record is not None and record.kind in CODES:
        return Report(reading=_code_reading(text, record), explanation=_with_class(record))
    reading = _code_reading(text, None)
    return Report(reading=reading, explanation=_of_code(reading, lang))


def _with_class(record: Record) -> Prose:
    """A record's prose, with what its first digit makes of it."""
    told = record.in_class.get(record.digit) if record.digit else None
    if told is None:
        return record.prose
    return replace(record.prose, meaning=label("join", "sentence", record.lang).join((record.prose.meaning, told)))


def _code_reading(text: str, record: Record | None) -> Reading:
    basic = int(text) if text.isdigit() else None
    category = "unknown" if record is None else record.category
    if text[0] in "23" and not category.startswith("report."):  # nothing failed: the subject is no cause
        category = "unknown"
    row = facts("registry").get(RecordKind.CATEGORY.value, {}).get(category, {})
    return Reading(
        code=basic,
        status=None if basic else text.upper(),
        host=None,
        text="",
        recipient=None,
        category=category,
        permanence=_permanence(text, record),
        because="",
        scope=Scope(row.get("scope", "unknown")),
        confidence=0.3 if record is None else 1.0,
        evidence=(_evidence(text, record),),
        entry=None,
    )


def _permanence(text: str, record: Record | None) -> Permanence:
    if record is not None:
        return record.permanence or Permanence.UNKNOWN
    return {"4": Permanence.TEMPORARY, "5": Permanence.PERMANENT}.get(text[0], Permanence.UNKNOWN)


def _evidence(text: str, record: Record | None) -> Evidence:
    if record is None:
        return Evidence(rule="digit", words=text[0], source="RFC 5321 section 4.2.1", sure=0.3)
    source = record.references[0].name() if record.references else (record.known_from or "observed")
    return Evidence(rule=f"{record.kind.value}.{record.code}", words=text, source=source, sure=1.0)


def succeeded(reading: Reading) -> bool:
    """Whether it is good news: by the reply code, else by the status."""
    return str(reading.code or reading.status or "")[:1] in ("2", "3")


def who_acts(reading: Reading) -> Sequence[Who]:
    """Who has to act on a reading: by its provider's record, its category, its code."""
    for name in (reading.entry, reading.category, reading.status, None if reading.code is None else str(reading.code)):
        record = lookup(name) if name and name != "unknown" else None
        if record is not None and record.who:
            return record.who
    return ()
