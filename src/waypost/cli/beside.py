"""How two servers are shown beside each other: the answer, then what differs in two columns, each point explained. Knows no probe.

On a terminal the columns share its width and hold Chinese, whose letters take two; in a pipe each thing is one line.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from waypost.cli import output, sheet
from waypost.diagnose.beside.point import Point, Section, Side
from waypost.diagnose.shapes import next_step
from waypost.diagnose.verdict import Verdict
from waypost.observe.layout import columns, wrapped
from waypost.replies.library import words
from waypost.replies.records import Reference, cited, lookup
from waypost.replies.terms import label, spaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.beside.point import Value
    from waypost.diagnose.beside.run import Beside

_TONES = {Verdict.WORKS: sheet.GOOD, Verdict.WITH_FAULTS: sheet.LATE, Verdict.DOES_NOT_WORK: sheet.LOST}
_WIDEST, _NARROWEST = 120, 60
_MARGIN, _BETWEEN = 2, 2
_LINES = 5
"""Lines of an answer that are shown, unless all is asked for."""
_HANGING = 2
"""Columns that a mark may take which may not begin a line."""


def show(beside: Beside, lang: str, *, full: bool) -> None:
    """Print it."""
    _summary(beside, lang)
    shown = beside.difference.points if full else beside.difference.differing
    for section, points in groupby(shown, key=lambda point: point.trait.section):
        sheet.section(_section(section, lang))
        for number, point in enumerate(points):
            if number and not point.same:
                sheet.gap()
            _point(point, lang, full=full)
    alike = len(beside.difference.points) - len(beside.difference.differing)
    if alike and beside.difference.differing and not full:
        sheet.gap()
        sheet.text(_say("rest", lang, count=alike), output.DIM)


def _say(name: str, lang: str, **facts: object) -> str:
    return spaced(words(lang, "beside")["beside"][name]["says"].format(**facts))


def _section(section: Section, lang: str) -> str:
    title: str = words(lang, "beside")["section"][section.value]["title"]
    return title


# ---- the answer -----------------------------------------------------------------------------------------------


def _summary(beside: Beside, lang: str) -> None:
    for side in Side:
        seen = beside.seen(side)
        place = seen.contact.place.shown if seen.contact is not None else seen.diagnosis.target.text
        verdict = seen.diagnosis.verdict
        sheet.head(side.upper(), f"{place}  {label('check', verdict.value, lang)}", _TONES[verdict])
    sheet.gap()
    for line in _answer(beside, lang):
        sheet.text(line, output.BOLD)
    sheet.labelled((_say("next", lang, server=side.upper()), next_step(beside.seen(side).diagnosis, lang)) for side in beside.unreached)


def _answer(beside: Beside, lang: str) -> Iterator[str]:
    for side in beside.unreached:
        found = beside.seen(side).diagnosis.next_finding
        yield _say("unreached", lang, server=side.upper(), why=found.told(lang).title if found is not None else "-")
    if beside.unreached:
        return
    difference = beside.difference
    count, differing = len(difference.points), len(difference.differing)
    if not differing:
        yield _say("alike", lang, count=count)
        return
    yield _say("differ", lang, count=count, differing=differing)
    better = {side: difference.better(side) for side in Side}
    if any(better.values()):
        yield _say("better", lang, a="A", b="B", a_count=better[Side.A], b_count=better[Side.B])


# ---- points ---------------------------------------------------------------------------------------------------


def _point(point: Point, lang: str, *, full: bool) -> None:
    a, b = _lines(point.a, lang, full=full), _lines(point.b, lang, full=full)
    if not output.on_terminal():
        _in_pipe(point, a, b, lang)
        return
    _row(point, a, b, lang)
    if not point.same:
        for line in _explained(point, lang):
            output.paragraph(line, "    ", "      ", output.DIM)
        _better(point, lang)


def _lines(value: Value, lang: str, *, full: bool) -> list[str]:
    lines = [line for line in value.shown(lang) if line]
    if full or len(lines) <= _LINES:
        return lines or ["-"]
    return [*lines[: _LINES - 1], "..."]


def _in_pipe(point: Point, a: Sequence[str], b: Sequence[str], lang: str) -> None:
    title = point.trait.title(lang)
    output.line(f"{title}: {point.trait.asked}" if point.trait.asked and point.trait.asked != title else title)
    if point.same and list(a) == list(b):
        sheet.labelled([("A = B", " / ".join(a))])
        return
    sheet.labelled([("A", " / ".join(a)), ("B", " / ".join(b))])
    if not point.same:
        for line in _explained(point, lang):
            output.line(line)
        _better(point, lang)


def _row(point: Point, a: Sequence[str], b: Sequence[str], lang: str) -> None:
    """Title, A and B beside each other, as many lines as the longest of them needs."""
    left, cell = _widths()
    title, asked = point.trait.title(lang), point.trait.asked
    head = [(line, "") for line in _fitted([title], left)]
    head += [(line, output.DIM) for line in _fitted([asked] if asked and asked != title else [], left)]
    same = point.same and list(a) == list(b)
    first = _fitted([f"= {a[0]}", *a[1:]] if same else a, cell * 2 + _BETWEEN if same else cell)
    second = [] if same else _fitted(b, cell)
    styles = {side: _style(point, side) for side in Side}
    for number in range(max(len(head), len(first), len(second))):
        name, style = head[number] if number < len(head) else ("", "")
        cells = [(side[number] if number < len(side) else "") for side in (first, second)]
        _print([(name, style, left), (cells[0], styles[Side.A], cell), (cells[1], styles[Side.B], cell)])


def _widths() -> tuple[int, int]:
    """Columns of titles and of each server."""
    room = max(min(output.width(), _WIDEST), _NARROWEST) - _MARGIN - 2 * _BETWEEN
    left = max(20, room // 4)
    return left, (room - left) // 2


def _style(point: Point, side: Side) -> str:
    if point.same:
        return output.DIM
    if point.better is None:
        return ""
    return output.GREEN if point.better is side else output.YELLOW


def _fitted(lines: Sequence[str], width: int) -> list[str]:
    """Every line broken to ``width`` columns, words too that are longer."""
    fitted: list[str] = []
    for line in lines:
        shown = output.printable(line)
        for part in wrapped(shown, width if shown.isascii() else width - _HANGING):
            fitted += _chopped(part, width)
    return fitted


def _chopped(text: str, width: int) -> Iterator[str]:
    part, taken = "", 0
    for letter in text:
        size = columns(letter)
        if taken + size > width:
            yield part
            part, taken = "", 0
        part, taken = part + letter, taken + size
    yield part


def _print(cells: Sequence[tuple[str, str, int]]) -> None:
    line = " " * _MARGIN
    for text, style, width in cells:
        line += output.painted(text, style) + " " * (max(0, width - columns(text)) + _BETWEEN)
    print(line.rstrip())


def _explained(point: Point, lang: str) -> Iterator[str]:
    """What two replies mean that differ in their codes; what an extension is for that only one offers."""
    for side, value in ((Side.A, point.a), (Side.B, point.b)):
        if value.reply is not None and point.codes_differ:
            code = f"{value.reply.code} {value.reply.status or ''}".strip()
            yield f"{side.upper()} {code}: {value.reply.explained(lang).title}"
    known = lookup(point.trait.record, lang) if point.trait.record else None
    if known is not None:
        yield known.prose.title


def _better(point: Point, lang: str) -> None:
    """Who does it better, and what the standard wants; of a fault what to do about it."""
    rule, colour = point.trait.rule(lang), output.GREEN
    if point.trait.finding is not None:
        faulty = Side.B if point.a.good is not False else Side.A
        name, colour = _say("fix", lang, server=faulty.upper()), ""
    elif point.better is not None:
        name = _say("better-one", lang, server=point.better.upper())
    else:
        return
    standard = cited([Reference(section) for section in point.trait.standard], lang)
    told = f"{rule} ({standard})" if lang == "en" and standard else f"{rule}（{standard}）" if standard else rule
    if output.on_terminal():
        output.paragraph(f"{name}{': ' if lang == 'en' else '：'}{spaced(told)}", "    ", "      ", colour)
    else:
        sheet.labelled([(name, told)])
