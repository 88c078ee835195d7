"""How commands print: for people on a terminal, tabs for programs in a pipe, JSON when asked. Knows no command.

On a terminal lines fit its width and colour tells states apart, unless NO_COLOR or TERM=dumb ask for none; in a pipe nothing is cut,
wrapped or coloured.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from waypost.cli.tables import Cell, Column, Drawing
from waypost.observe.layout import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"
_WIDEST, _NARROWEST = 120, 40
"""Columns of running text: longer lines are hard to read."""
_SCREENFUL = 1000
"""Rows that people are shown unless they ask for more."""
_HANGING = 4
"""Columns that wide marks take which may not begin a line: a bracket and a full stop."""


def printable(text: str) -> str:
    """``text`` with nothing in it that could steer a terminal or break a line."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def on_terminal() -> bool:
    """Whether people read standard output."""
    return sys.stdout.isatty()


def painted(text: str, style: str) -> str:
    """``text`` in ``style`` (numbers of ANSI), where colour is welcome."""
    if not (style and text and on_terminal()):
        return text
    from waypost.observe.log import wants_colour  # noqa: PLC0415 - only a terminal needs it

    return f"\x1b[{style}m{text}\x1b[0m" if wants_colour(1) else text


def line(said: str) -> None:
    """One line."""
    print(printable(said))


def row(cells: Iterable[object]) -> None:
    """One line of cells separated by tabs."""
    print("\t".join(printable(str(cell)) for cell in cells))


def text(said: str) -> None:
    """Many lines, such as a message: line ends and tabs stay, whatever else could steer a terminal does not."""
    for each in said.splitlines():
        print("\t".join(printable(part) for part in each.split("\t")))


def title(said: str, style: str = BOLD) -> None:
    """What the lines below are about."""
    print(painted(printable(said), style))


def section(said: str, style: str = BOLD) -> None:
    """A title below something else."""
    print()
    title(said, style)


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Names and what they are, one below the other; those that are empty are left out."""
    shown = [(name, printable(said)) for name, said in rows if said]
    space = max((len(name) for name, _ in shown), default=0)
    for name, said in shown:
        paragraph(said, f"  {painted(f'{name:{space}}', DIM)}  ", " " * (space + 4))


def paragraph(said: str, first: str = "", later: str = "", style: str = "") -> None:
    """Text that fits the terminal: ``first`` stands before its first line, ``later``, which tells the indentation too, before others."""
    for number, each in enumerate(fitted(said, len(later))):
        print(f"{later if number else first}{painted(each, style)}")


def fitted(said: str, indent: int = 0) -> list[str]:
    """Text in lines that fit the terminal behind ``indent`` columns; one line in a pipe."""
    shown = printable(said)
    room = max(min(width(), _WIDEST), _NARROWEST) - indent - (0 if shown.isascii() else _HANGING)
    return wrapped(shown, room) if on_terminal() else [shown]


def width() -> int:
    """Columns of the terminal."""
    import shutil  # noqa: PLC0415 - only a terminal needs it

    return shutil.get_terminal_size().columns


def table(columns: Sequence[Column | str], rows: Iterable[Sequence[object]], *, empty: str = "", group: int = 0) -> None:
    """Rows under their columns' names on a terminal; in a pipe one line per row, cells separated by tabs, without a heading.

    ``empty`` is said on a terminal when there are none. ``group``: so many first cells are shown once where they repeat.
    """
    table_in_parts(columns, [rows], empty=empty, group=group)


def table_in_parts(
    columns: Sequence[Column | str], parts: Iterable[Iterable[Sequence[object]]], *, empty: str = "", group: int = 0
) -> None:
    """The same for rows that come in parts: each is shown as it comes, and forgotten."""
    heads = [Column(column) if isinstance(column, str) else column for column in columns]
    drawing = Drawing(heads, width(), group=group, paint=painted) if on_terminal() else None
    for part in parts:
        cells = [[cell if isinstance(cell, Cell) else Cell(str(cell)) for cell in each] for each in part]
        if drawing is None:
            for each in cells:
                row(cell.exact or cell.shown for cell in each)
        elif cells:
            for shown in drawing.lines([[cell._replace(shown=printable(cell.shown)) for cell in each] for each in cells]):
                print(shown)
        sys.stdout.flush()
    if drawing is not None and not drawing.begun and empty:
        print(empty)


def screenful(limit: int | None, *, json: bool) -> int | None:
    """How many rows to ask for: one more than are shown, so that it can be told that there are more; None for all."""
    return limit if limit or json or not on_terminal() else _SCREENFUL + 1


def cut(rows: list[Any], limit: int | None) -> list[Any]:
    """Those of ``rows`` that are shown; that there are more is told."""
    return [each for part in cut_parts([rows], limit) for each in part]


def cut_parts(parts: Iterable[list[Any]], limit: int | None) -> Iterator[list[Any]]:
    """Those of rows that come in parts which are shown: up to ``limit``, else a screenful for people, all for programs. No part is
    asked for behind the last row that is shown; that there are more is told.
    """
    most = limit or (_SCREENFUL if on_terminal() else None)
    left = most
    for part in parts:
        yield part[:left]
        if left is None:
            continue
        left -= len(part)
        if left < 0 and not limit:
            error(f"more than {_SCREENFUL} match: a filter chooses among them, --limit N shows more")
        if left < 0 or (limit and not left):
            return


def json_out(value: Any) -> None:
    """``value`` as JSON: indented on a terminal, else on one line."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if on_terminal() else None, default=str))


def json_list(parts: Iterable[Iterable[Any]]) -> None:
    """A JSON list whose members come in parts, written as they come: what ``json_out`` makes of all of them together."""
    indent = 2 if on_terminal() else None
    begin, between, end = ("[\n  ", ",\n  ", "\n]") if indent else ("[", ", ", "]")
    begun = False
    for part in parts:
        for each in part:
            text = json.dumps(each, ensure_ascii=False, indent=indent, default=str)
            sys.stdout.write((between if begun else begin) + text.replace("\n", "\n  "))
            begun = True
        sys.stdout.flush()
    print(end if begun else "[]")


def error(said: str) -> None:
    """One line on standard error."""
    print(f"waypost: {printable(said)}", file=sys.stderr)
