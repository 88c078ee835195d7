"""``waypost codes choose``: which code to answer with, by reason; asks for a number on a terminal. Knows no code: asks ``replies``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from waypost.cli import output, sheet
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.said import page
from waypost.replies.choose import search
from waypost.replies.explanation import Permanence
from waypost.replies.shapes import choice_json
from waypost.replies.terms import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.replies.choose import Choice


def choose(words: str, *, lang: str, json_wanted: bool) -> int:
    """Show the one that ``words`` tell of, or list those among which to choose."""
    found = search(words, lang)
    if not found:
        raise FailureError(f"no reason tells of {words!r}: `waypost codes choose` lists them all")
    if json_wanted:
        output.json_out([choice_json(choice) for choice in found])
        return Exit.OK
    if len(found) == 1:
        _show(found[0], lang)
        return Exit.OK
    if not (output.on_terminal() and sys.stdin.isatty()):
        for choice in found:
            output.row((choice.name, choice.code, choice.status or "", choice.reason))
        return Exit.OK
    _list(found, lang)
    picked = _asked(found, lang)
    if picked is not None:
        print()
        _show(picked, lang)
    return Exit.OK


def _list(found: Sequence[Choice], lang: str) -> None:
    output.title(page("because_ask", lang))
    room = len(str(len(found)))
    for number, choice in enumerate(found, 1):
        output.paragraph(choice.reason, f"  {output.painted(f'{number:>{room}}', output.CYAN)}  ", " " * (room + 4))


def _asked(found: Sequence[Choice], lang: str) -> Choice | None:
    """The one whose number is typed; None for an empty line. Raises UsageError for what is no number of the list."""
    try:
        typed = input(page("number", lang).format(count=len(found))).strip()
    except EOFError:
        return None
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(found)):
        raise UsageError(f"{typed} is no number from 1 to {len(found)}")
    return found[int(typed) - 1]


def _show(choice: Choice, lang: str) -> None:
    permanence = Permanence.PERMANENT if choice.code >= 500 else Permanence.TEMPORARY
    colour = sheet.LOST if choice.code >= 500 else sheet.LATE
    sheet.head(" ".join(filter(None, (str(choice.code), choice.status))), choice.reason, colour)
    sheet.gist([label("permanence", permanence, lang)], colour)
    sheet.gap()
    known = label("phase", choice.phase, lang) if choice.phase in ("CONNECT", "EOM", "ANY") else choice.phase
    sheet.labelled([(page("wording", lang), choice.reply), (page("where", lang), known), (page("why", lang), choice.why)])
    sheet.section(page("not", lang))
    sheet.labelled(choice.neighbours.items())
