"""Tables that fit a terminal: what matters least is left out, then what is long is shortened; one row stays one line. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from waypost.observe.layout import columns as taken
from waypost.observe.layout import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_GAP = "  "
_MORE = "…"


class Cell(NamedTuple):
    """One value."""

    shown: str
    """For people."""
    exact: str = ""
    """For programs, where it is not ``shown``."""
    style: str = ""
    """Numbers of ANSI."""


@dataclass(frozen=True, slots=True)
class Column:
    """How the values below one name are laid out."""

    name: str
    least: int = 0
    """Columns of the terminal below which it is not shortened; 0: never shortened, for what is copied and typed."""
    right: bool = False
    """Numbers end at the same place."""
    leave: int = 0
    """Which goes first when the terminal is narrow: the lowest; 0: never."""
    wraps: bool = False
    """Break what is long instead of shortening it."""


def drawn(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, *, group: int = 0, paint: Callable[[str, str], str]
) -> Iterator[str]:
    """The lines of the table, its heading first; ``paint`` colours a text that is laid out already."""
    return Drawing(columns, width, group=group, paint=paint).lines(rows)


class Drawing:
    """A table whose rows come in parts: its heading comes once, and its columns grow with what comes but never shrink."""

    def __init__(self, columns: Sequence[Column], width: int, *, group: int = 0, paint: Callable[[str, str], str]) -> None:
        self.begun = False
        """Whether the heading was shown."""
        self._columns = columns
        self._width = width
        self._group = group
        self._paint = paint
        self._natural = [taken(column.name) for column in columns]
        self._above: Sequence[Cell] = ()

    def lines(self, rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
        """The lines of the next ``rows``."""
        columns = self._columns
        self._natural = [max([wide, *(taken(row[place].shown) for row in rows)]) for place, wide in enumerate(self._natural)]
        kept, widths = _fitted(columns, self._natural, self._width)
        if not self.begun:
            self.begun = True
            yield _joined([_laid(columns[place], columns[place].name, widths[place]) for place in kept], ["1"] * len(kept), self._paint)
        for row in rows:
            repeats = self._group if self._above and row[:1] == self._above[:1] else 0
            cells = [Cell("") if place < repeats else row[place] for place in range(len(row))]
            yield from _lines(columns, cells, kept, widths, self._paint)
            self._above = row


def _lines(
    columns: Sequence[Column], cells: Sequence[Cell], kept: Sequence[int], widths: Sequence[int], paint: Callable[[str, str], str]
) -> Iterator[str]:
    """One row: one line, but for columns that wrap."""
    parts = [wrapped(cells[place].shown, widths[place]) if columns[place].wraps else [cells[place].shown] for place in kept]
    for number in range(max(len(part) for part in parts)):
        texts = [
            _laid(columns[place], part[number] if number < len(part) else "", widths[place])
            for place, part in zip(kept, parts, strict=True)
        ]
        yield _joined(texts, [cells[place].style for place in kept], paint)


def _joined(texts: Sequence[str], styles: Sequence[str], paint: Callable[[str, str], str]) -> str:
    """One line; blanks at its end are no part of it."""
    last = len(texts) - 1
    return _GAP.join(
        paint(text.rstrip() if place == last else text, style) for place, (text, style) in enumerate(zip(texts, styles, strict=True))
    ).rstrip()


def _fitted(columns: Sequence[Column], natural: Sequence[int], width: int) -> tuple[list[int], list[int]]:
    """Which columns are shown, and how wide each is."""
    least = [min(wide, column.least) if column.least else wide for column, wide in zip(columns, natural, strict=True)]
    kept = list(range(len(columns)))
    while _whole(kept, least) > width and (spare := [place for place in kept if columns[place].leave]):
        kept.remove(min(spare, key=lambda place: columns[place].leave))
    widths = list(natural)
    while _whole(kept, widths) > width and (long := [place for place in kept if widths[place] > least[place]]):
        widths[max(long, key=lambda place: widths[place])] -= 1
    return kept, widths


def _whole(kept: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[place] for place in kept) + len(_GAP) * (len(kept) - 1)


def _laid(column: Column, text: str, width: int) -> str:
    """``text`` in exactly ``width`` columns, unless it is of a column that wraps and holds a longer word."""
    if taken(text) > width and not column.wraps:
        while taken(text) >= width and text:
            text = text[:-1]
        text += _MORE
    blank = " " * (width - taken(text))
    return f"{blank}{text}" if column.right else f"{text}{blank}"
