"""How an explanation is laid out: head, gist, paragraphs, labelled texts. Knows no code and no command.

On a terminal it is set in columns that fit, Chinese too, with colour for what is good, late or lost; in a pipe each thing is one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import output
from waypost.observe.layout import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GOOD, GO_ON, LATE, LOST, PLAIN = "32", "36", "33", "31", "0"
"""What became of the command: done, go on, not now, no; and where that cannot be said."""
_CHIPS = {GOOD: "1;30;42", GO_ON: "1;30;46", LATE: "1;30;43", LOST: "1;37;41", PLAIN: "1;7"}
_MARGIN = "  "
_DOT = " · "
_LABEL = 10
"""Least columns of labels, so that the parts of a sheet stand in one line."""
_WIDEST_LABEL = 0.55
"""Of the terminal's width: labels that are wider leave no room for what they are about."""


def head(name: str, title: str, tone: str = PLAIN) -> None:
    """What it is: the code on its colour, and its title."""
    if not output.on_terminal():
        output.line(f"{name}  {title}" if name else title)
        return
    chip = output.painted(f" {output.printable(name)} ", _CHIPS[tone]) if name else ""
    space = " " * (columns(name) + 4) if name else ""
    if len(space) + columns(title) > output.width() and columns(title) < output.width():
        print(chip)
        output.paragraph(title, "", "", output.BOLD)
        return
    output.paragraph(title, f"{chip}  " if name else "", space, output.BOLD)


def gist(parts: Iterable[str], tone: str = PLAIN) -> None:
    """The answer in a line: permanent or not, which is coloured, who must act, whether to retry."""
    first, *rest = [part for part in parts if part]
    line, *more = output.fitted(_DOT.join((first, *rest)))
    said = output.printable(first)
    print(f"{output.painted(said, f'1;{tone}')}{line.removeprefix(said)}" if line.startswith(said) else line)
    for each in more:
        print(each)


def text(said: str, style: str = "") -> None:
    """A paragraph."""
    output.paragraph(said, "", "", style)


def gap() -> None:
    """An empty line."""
    print()


def section(title: str) -> None:
    """A heading within a sheet."""
    print()
    output.title(title, "1;4")


def labelled(rows: Iterable[tuple[str, str]], *, least: int = _LABEL, style: str = "") -> None:
    """Texts beside their labels; those that are empty are left out."""
    shown = [(name, said) for name, said in rows if said]
    if not output.on_terminal():
        for name, said in shown:
            output.line(f"{name}{': ' if name.isascii() else '：'}{said}" if name else said)
        return
    room = max([least, *(columns(name) for name, _ in shown)])
    if room > _WIDEST_LABEL * output.width():
        _below(shown, least, style)
        return
    for name, said in shown:
        blank = " " * (room - columns(name) + 2)
        output.paragraph(said, f"{_MARGIN}{output.painted(output.printable(name), output.DIM)}{blank}", " " * (room + 4), style)


def _below(rows: Iterable[tuple[str, str]], least: int, style: str) -> None:
    """The same where labels leave too little room beside them: each on a line of its own, its text below."""
    for name, said in rows:
        if columns(name) <= least:
            blank = " " * (least - columns(name) + 2)
            output.paragraph(said, f"{_MARGIN}{output.painted(output.printable(name), output.DIM)}{blank}", " " * (least + 4), style)
            continue
        output.paragraph(name, _MARGIN, _MARGIN, output.DIM)
        output.paragraph(said, _MARGIN * 2, _MARGIN * 2, style)


def dialogue(label: str, lines: Sequence[str], *, least: int = _LABEL) -> None:
    """What client and server say; the server's lines take the colour of their first digit."""
    if not output.on_terminal():
        for each in lines:
            output.line(f"{label}{': ' if label.isascii() else '：'}{each}")
        return
    blank = " " * (max(least, columns(label)) - columns(label) + 2)
    first = f"{_MARGIN}{output.painted(label, output.DIM)}{blank}"
    later = " " * (max(least, columns(label)) + 4)
    for number, each in enumerate(lines):
        output.paragraph(each, later if number else first, f"{later}   ", _voice(each))


def _voice(said: str) -> str:
    """The client is plain; the server is coloured by what it answers."""
    if not said.startswith("S: "):
        return ""
    return {"2": GOOD, "3": GO_ON, "4": LATE, "5": LOST}.get(said[3:4], "")


def bullets(lines: Iterable[str]) -> None:
    """Sentences one below the other, each with its mark."""
    for each in lines:
        output.paragraph(each, f"{_MARGIN}• " if output.on_terminal() else "- ", f"{_MARGIN}  ")


def entries(rows: Iterable[tuple[str, str, str]]) -> None:
    """A list: names in colour, and what each is."""
    shown = list(rows)
    room = max((columns(name) for name, *_ in shown), default=0)
    for name, said, colour in shown:
        blank = " " * (room - columns(name) + 2)
        output.paragraph(said, f"{_MARGIN}{output.painted(output.printable(name), colour)}{blank}", " " * (room + 4))
