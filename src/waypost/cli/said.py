"""How a record is shown: its head, its gist and its parts, in the reader's language. For explain and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import sheet
from waypost.replies.explanation import Permanence
from waypost.replies.library import facts
from waypost.replies.records import CODES, RecordKind, Retry, Who, cited, lookup
from waypost.replies.registry import class_word
from waypost.replies.sightings import beyond_told, seen_with
from waypost.replies.terms import label, listed, phase_names, spaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.replies.prose import Prose
    from waypost.replies.records import Record


def page(name: str, lang: str) -> str:
    """A heading."""
    return label("page", name, lang)


def tone(permanence: Permanence | None, digit: int | None = None) -> str:
    """The colour of an answer."""
    match permanence, digit:
        case Permanence.PERMANENT, _:
            return sheet.LOST
        case Permanence.TEMPORARY, _:
            return sheet.LATE
        case _, 3:
            return sheet.GO_ON
        case _, 2:
            return sheet.GOOD
        case _:
            return sheet.PLAIN


def acts(who: Sequence[Who], lang: str) -> str:
    """Who must act, in a few words; empty where it is not known."""
    if not who:
        return ""
    if Who.NOBODY in who:
        return page("no_act", lang)
    names = [label("who", each.value, lang) for each in who]
    return page("must_act", lang).format(who=listed(names, "or", lang))


def retries(retry: Retry | None, lang: str) -> str:
    """Whether to retry, in a few words; empty where it is not known or nothing failed."""
    return "" if retry in (None, Retry.NONE) else page("retry_gist", lang).format(says=label("retry", retry, lang))


def show_record(record: Record) -> None:
    """All that is known of it."""
    show_head(record)
    sheet.gap()
    show_prose(record.prose, record.lang)
    rest(record)


def show_head(record: Record) -> None:
    """What it is, whether it lasts, who must act."""
    said = record.asked if record.kind in CODES or record.kind is RecordKind.EXTENSION else ""
    colour = tone(record.permanence, record.digit)
    sheet.head(said, record.prose.title, colour)
    lasting = label("permanence", record.permanence or "none", record.lang) if record.kind in CODES or record.permanence else ""
    nature = "" if record.kind in (RecordKind.BASIC, RecordKind.ENHANCED) else label("kind", record.kind.value, record.lang)
    sheet.gist([lasting, acts(record.who, record.lang), retries(record.retry, record.lang), nature], colour)


def show_prose(prose: Prose, lang: str) -> None:
    """What it means and what to do."""
    sheet.text(prose.meaning)
    if prose.sender_fix or prose.operator_fix:
        sheet.section(page("fix", lang))
        sheet.labelled([(page("sender", lang), prose.sender_fix), (page("operator", lang), prose.operator_fix)])
    sheet.gap()
    sheet.labelled([(page("occurs", lang), prose.occurs)])


def rest(record: Record) -> None:
    """Whatever else is known, what matters most first."""
    lang = record.lang
    if record.lives:
        sheet.section(page("lives", lang))
        sheet.labelled((phase, said) for phase, said in record.lives.items())
        sheet.gap()
    if record.in_class:
        sheet.section(page("classes", lang))
        sheet.labelled((class_word(digit * 100, lang), said) for digit, said in record.in_class.items())
        sheet.gap()
    sheet.labelled(_own(record))
    sheet.labelled(
        [
            (page("class", lang), record.class_name if record.kind in CODES else ""),
            (page("phases", lang), spaced(phase_names(record.phases, lang)) if record.phases else ""),
            (page("beyond", lang), beyond_told(record)),
            (page("connection", lang), label("connection", record.connection, lang) if record.connection else ""),
            (page("category", lang), category(record.category, lang)),
        ]
    )
    if record.example:
        sheet.dialogue(page("example", lang), record.example)
    sheet.labelled(
        [
            (page("related", lang), "  ".join(record.related)),
            (page("references", lang), cited(record.references, lang)),
            (page("seen", lang), label("join", "comma", lang).join(seen_with(record))),
            (page("known_from", lang), label("known_from", record.known_from, lang) if record.known_from else ""),
        ]
    )


def _own(record: Record) -> list[tuple[str, str]]:
    """What only records of its kind have."""
    lang, row = record.lang, record.facts
    match record.kind:
        case RecordKind.EXTENSION:
            here = page("offered" if row.get("here") else "not_offered", lang)
            return [
                (page("parameters", lang), ", ".join(row.get("parameters", ()))),
                (page("verbs", lang), ", ".join(row.get("verbs", ()))),
                (page("standing", lang), label("standing", record.standing, lang) if record.standing else ""),
                (page("here", lang), here),
            ]
        case RecordKind.COMMAND:
            answers = facts("registry")["answers"].get(record.code.partition(".")[2], {})
            return [(page("syntax", lang), row.get("syntax", "")), (page("answered", lang), "  ".join(sorted(answers)))]
        case RecordKind.PROVIDER:
            meant = lookup(f"X{row['codes'][0][1:]}", lang) if row.get("codes") else None
            registered = "" if meant is None or meant.kind is not RecordKind.ENHANCED else f"{meant.code} {meant.prose.title}"
            return [(page("codes", lang), "  ".join(row.get("codes", ()))), (page("registry", lang), registered)]
        case RecordKind.CATEGORY:
            scope = label("scope", row["scope"], lang) if row.get("scope", "unknown") != "unknown" else ""
            return [(page("scope", lang), scope), (page("codes", lang), ", ".join(row.get("codes", ())))]
        case RecordKind.VENDOR:
            texts = [(page("texts", lang), text["text"]) for text in row.get("texts", ())]
            return [(name if number == 0 else "", said) for number, (name, said) in enumerate(texts)]
        case _:
            return []


def category(name: str, lang: str) -> str:
    """A category for people: its title and its id; empty for unknown."""
    if name == "unknown" or name not in facts("registry").get("category", {}):
        return ""
    found = lookup(name, lang)
    return name if found is None else f"{found.prose.title} ({name})" if lang == "en" else f"{found.prose.title}（{name}）"
