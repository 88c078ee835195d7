"""How a stored conversation is shown on a terminal: who said what when, each reply explained in a line, a refusal with its fix."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from waypost.cli.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = {"client": "C", "server": "S", "note": "·"}
_INDENT = " " * 13


def show_conversation(conversation: dict[str, Any]) -> None:
    """Print it."""
    colour = sys.stdout.isatty()
    for entry in conversation["lines"]:
        for line in _entry(entry, colour=colour):
            print(line)


def _entry(entry: dict[str, Any], *, colour: bool) -> Iterator[str]:
    mark = _MARKS[entry["who"]]
    for number, text in enumerate(entry["lines"]):
        when = f"{entry['after']:8.3f} s" if number == 0 else " " * 10
        yield _painted(f"{when}  {mark} {printable(text)}", entry, colour=colour)
    told = entry["explanation"]
    if not told:
        return
    code = entry["code"] or 0
    if code >= 400:
        yield from _wrapped(f"{told['title']}. {told['meaning']}")
        yield from _wrapped(f"→ {told['fix']}")
    else:
        yield from _wrapped(told["title"])


def _wrapped(text: str) -> Iterator[str]:
    width = max(40, min(shutil.get_terminal_size().columns, 120))
    yield from textwrap.wrap(printable(text), width, initial_indent=f"{_INDENT}│ ", subsequent_indent=f"{_INDENT}│ ")


def _painted(line: str, entry: dict[str, Any], *, colour: bool) -> str:
    if not colour or entry["who"] != "server":
        return line
    code = entry["code"] or 0
    paint = "31" if code >= 500 else "33" if code >= 400 else "32"
    return f"\x1b[{paint}m{line}\x1b[0m"
