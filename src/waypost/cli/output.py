"""How commands print: tables for people on a terminal, tabs for programs in a pipe, JSON when asked. Knows no command."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def printable(text: str) -> str:
    """``text`` with nothing in it that could steer a terminal or break a line."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def line(said: str) -> None:
    """One line."""
    print(printable(said))


def text(said: str) -> None:
    """Many lines, such as a message: line ends and tabs stay, whatever else could steer a terminal does not."""
    for each in said.splitlines():
        print("\t".join(printable(part) for part in each.split("\t")))


def title(said: str) -> None:
    """What the lines below are about: bold on a terminal."""
    shown = printable(said)
    print(f"{_BOLD}{shown}{_PLAIN}" if sys.stdout.isatty() else shown)


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Names and what they are, one below the other; those that are empty are left out."""
    shown = [(name, printable(said)) for name, said in rows if said]
    width = max((len(name) for name, _ in shown), default=0)
    for name, said in shown:
        print(f"  {name:{width}}  {said}")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """Rows under their columns' names on a terminal; in a pipe one line per row, cells separated by tabs, without a heading.

    ``empty`` is said on a terminal when there are none.
    """
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            print("\t".join(row))
    elif cells:
        _drawn(columns, cells)
    elif empty:
        print(empty)


def _drawn(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that only a terminal needs
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def json_out(value: Any) -> None:
    """``value`` as JSON: indented on a terminal, else on one line."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, default=str))


def error(said: str) -> None:
    """One line on standard error."""
    print(f"waypost: {printable(said)}", file=sys.stderr)
