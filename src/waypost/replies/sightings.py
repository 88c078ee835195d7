"""Where codes were met beside what defines them: programs that utter them, and commands that no table names. Knows no layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.replies.library import words
from waypost.replies.records import Reference
from waypost.replies.terms import label

if TYPE_CHECKING:
    from waypost.replies.records import Record

_OBSERVED = "observed"


def seen_with(record: Record) -> tuple[str, ...]:
    """Programs, providers and lists that have a code that no standard defines."""
    return tuple(record.facts.get("seen", ()))


def beyond(record: Record) -> dict[str, str]:
    """Commands and phases, as people call them, that the tables do not give to a code, and where it is known from that they get it."""
    lang = record.lang
    named = words(lang, "terms")["phase"]
    return {
        named[phase]["says"] if phase in named else phase: label("page", _OBSERVED, lang)
        if source == _OBSERVED
        else Reference(source).name(lang)
        for phase, source in record.facts.get("beyond", {}).items()
    }


def beyond_told(record: Record) -> str:
    """The same in one line; empty where there is nothing to tell."""
    mark = "{} ({})" if record.lang == "en" else "{}（{}）"
    return label("join", "comma", record.lang).join(mark.format(phase, source) for phase, source in beyond(record).items())
