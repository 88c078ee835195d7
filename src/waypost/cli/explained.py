"""How an explanation is shown: what it is, whether it lasts, who must act, what to do; then the evidence; then more. Knows no rule."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from waypost.cli import output, sheet
from waypost.cli.said import acts, category, page, retries, show_prose, show_record, tone
from waypost.replies.explaining import succeeded, who_acts
from waypost.replies.explanation import Kind, Permanence, Scope
from waypost.replies.library import words
from waypost.replies.records import CODES, Retry, Who, lookup
from waypost.replies.terms import label
from waypost.replies.vendors import vendors_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from waypost.replies.explanation import Explained, Reading, Report
    from waypost.replies.prose import Prose

_NAMED = 8
"""Recipients that are named of those who share one explanation."""


def show(told: Explained, lang: str, *, first: bool, empty: bool) -> None:
    """Print it; ``first``: nothing stands above it; ``empty``: there was nothing to read."""
    if not first:
        sheet.gap()
    if told.kind is Kind.CODE and (record := lookup(told.input, lang)) is not None and record.kind in CODES:
        show_record(record)
        return
    if told.kind not in (Kind.CODE, Kind.LINE, Kind.LOG):
        output.title(told.input, output.DIM)
    if not told.reports:
        sheet.text(page(_silence(told.kind, empty=empty), lang))
        return
    if told.kind is Kind.DELAYED:
        sheet.text(page("delayed", lang))
        sheet.gap()
    groups = [list(group) for _, group in groupby(told.reports, key=_sameness)]
    told_of: list[Prose] = []
    for number, group in enumerate(groups):
        if number:
            sheet.gap()
        _group(group, lang, again=group[0].explanation in told_of)
        told_of.append(group[0].explanation)


def _silence(kind: Kind, *, empty: bool) -> str:
    """What is said of an input that reports no failure."""
    if empty:
        return "empty"
    return kind.value if kind in (Kind.AUTO_REPLY, Kind.FEEDBACK, Kind.DELIVERED, Kind.DELAYED, Kind.ORDINARY) else "unread"


def _sameness(report: Report) -> tuple[object, ...]:
    """What recipients share who are told of together: all but the address, and the address within the text."""
    reading = report.reading
    return (reading.code, reading.status, reading.category, reading.permanence, reading.host, report.explanation)


def _group(reports: Sequence[Report], lang: str, *, again: bool) -> None:
    """Those who share a failure; ``again``: its explanation stands above already."""
    report = reports[0]
    reading = report.reading
    _head(report, lang)
    _received([each.reading for each in reports], lang)
    sheet.gap()
    if again:
        sheet.text(page("as_above", lang))
    else:
        show_prose(report.explanation, lang)
    _evidence(reading, lang)
    _more(reading, lang)


def _head(report: Report, lang: str) -> None:
    reading = report.reading
    name = " ".join(filter(None, (str(reading.code or ""), reading.status)))
    good = succeeded(reading)
    colour = tone(None if good else reading.permanence, int(name[0]) if good else None)
    sheet.head(name, report.explanation.title, colour)
    lasting = label("permanence", "none" if good else reading.permanence, lang)
    who = (Who.NOBODY,) if good else who_acts(reading)
    sheet.gist([lasting, acts(who, lang), "" if good else retries(_retry(reading), lang), _category(report, lang)], colour)


def _category(report: Report, lang: str) -> str:
    """The category; its title too, where that does not stand above already."""
    name = report.reading.category
    if name == "unknown":
        return page("unknown", lang)
    record = lookup(name, lang)
    return name if record is None or record.prose.title == report.explanation.title else category(name, lang)


def _retry(reading: Reading) -> Retry | None:
    """Whether to retry, as far as what lasts allows: what passes is tried again, what stays is not, unless something changes."""
    names = (reading.entry, reading.category, reading.status, str(reading.code or ""))
    known = (found for name in names if name and name != "unknown" and (found := lookup(name)) is not None and found.retry)
    record = next(known, None)
    match reading.permanence:
        case Permanence.TEMPORARY:
            return Retry.LATER
        case Permanence.PERMANENT if record is None or record.retry in (Retry.LATER, Retry.NONE):
            return Retry.AFTER_CHANGE
        case _:
            return None if record is None else record.retry


def _received(readings: Sequence[Reading], lang: str) -> None:
    reading = readings[0]
    names = [each.recipient for each in readings if each.recipient]
    shown = label("join", "comma", lang).join(names[:_NAMED]) + (f" … (+{len(names) - _NAMED})" if len(names) > _NAMED else "")
    sheet.gap()
    sheet.labelled(
        [
            (page("recipients" if len(names) > 1 else "recipient", lang), shown),
            (page("host", lang), reading.host or ""),
            (page("said", lang), " ".join(reading.text.split())),
            (page("scope", lang), "" if reading.scope is Scope.UNKNOWN else label("scope", reading.scope, lang)),
        ]
    )


def _evidence(reading: Reading, lang: str) -> None:
    sheet.section(f"{page('evidence', lang)}: {page('sure', lang).format(percent=round(reading.confidence * 100))}")
    steps = [(step.rule, f"{step.words!r}  [{step.source}]") for step in reading.evidence]
    if reading.because:
        told = page("because", lang).format(lasting=label("permanence", reading.permanence, lang), reason=_because(reading.because, lang))
        steps.append((page("permanence", lang), told))
    sheet.labelled(steps)


def _because(name: str, lang: str) -> str:
    """Why the first digit does not decide: a reason that has words, or a category."""
    row = words(lang, "terms")["because"].get(name)
    return category(name, lang) or name if row is None else str(row["says"])


def _more(reading: Reading, lang: str) -> None:
    """Where to read on."""
    category_name = None if reading.category == "unknown" else reading.category
    names = filter(None, (reading.entry, str(reading.code or ""), reading.status, category_name, *vendors_of(reading)))
    known = [name for name in names if lookup(name) is not None]
    if known:
        sheet.gap()
        sheet.labelled([(page("more", lang), "  ".join(f"waypost codes {name}" for name in known))], style=output.DIM)


def show_tally(count: int, tally: Mapping[tuple[str, str], int], lang: str) -> None:
    """What many inputs come to: how many of each kind, and the categories, the most frequent first."""
    ranked = sorted(tally.items(), key=lambda row: -row[1])
    kinds = label("join", "comma", lang).join(f"{number} {name}" for (what, name), number in ranked if what == "kind")
    sheet.section(page("together", lang))
    sheet.text(page("inputs", lang).format(count=count, kinds=kinds))
    sheet.labelled((str(number), category(name, lang) or page("unknown", lang)) for (what, name), number in ranked if what == "category")
