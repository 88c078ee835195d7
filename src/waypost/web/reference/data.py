"""The JSON beside each page, as values. Pure: no route, and nothing that a builder of files would have to load for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.replies.choose import choices
from waypost.replies.comparison import compare
from waypost.replies.records import RecordKind, records
from waypost.replies.shapes import choice_json, comparison_json
from waypost.replies.shapes import record_json as shared
from waypost.web.reference.names import found, page_of, shelf

if TYPE_CHECKING:
    from waypost.replies.records import Record


def record_json(record: Record) -> dict[str, Any]:
    """A record: what the command line prints, and further facts that a page shows."""
    return {
        **shared(record),
        "lang": record.lang,
        "retry": record.retry.value if record.retry else None,
        "who": [each.value for each in record.who],
        "connection": record.connection.value if record.connection else None,
        "category": record.category,
        "example": list(record.example),
    }


def all_json(lang: str) -> list[dict[str, Any]]:
    """Every code: as ``waypost codes --json``, in one language."""
    return [record_json(record) for record in records(lang).values()]


def beside(name: str, lang: str) -> object:
    """The JSON beside the page ``name``, or None where there is none."""
    if not name:
        return all_json(lang)
    if name == "choose":
        return [choice_json(choice) for choice in choices(lang).values()]
    if name == "glossary":
        return [record_json(term) for term in shelf(lang, RecordKind.GLOSSARY).values()]
    if name.startswith("compare/") and "-" in name:
        a, _, b = name.removeprefix("compare/").partition("-")
        return comparison_json(compare(a, b, lang))
    record = found(name, lang)
    return record_json(record) if record is not None and page_of(record) == name else None
