"""``waypost postsuper``: messages deleted, held, released and tried anew in Postfix's words. Knows no store: asks ``operate``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from waypost.cli import output
from waypost.cli.desk import Desk, open_desk
from waypost.cli.exits import Exit, UsageError
from waypost.cli.programs.waiting import STATES
from waypost.cli.programs.words import Takes, configured, read
from waypost.mail.identifier import is_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HELP = "delete, hold and release messages, as Postfix's does"
USAGE = """usage: postsuper [-d ID|ALL|-] [-h ID|ALL|-] [-H ID|ALL|-] [-r ID|ALL|-] [-e ID|ALL|-] [QUEUE ...]

  -d   delete, and tell nobody        -h   hold
  -e   give up, and tell the senders  -H   release what is held
  -r   try now
Each may be repeated; `-` reads ids from standard input, one a line; ALL may be narrowed to queues: hold, incoming, active, deferred.
--config FILE, --data DIR, --set KEY=VALUE as of every waypost command; -c FILE is --config; -v, -s and -p mean nothing here."""
_LETTERS = dict.fromkeys("dhHrefc", Takes.VALUE) | dict.fromkeys("vspS", Takes.NOTHING)
_CHANGES = {"d": "delete", "h": "hold", "H": "release", "r": "retry", "e": "fail", "f": "fail"}
_PAST = {"d": "Deleted", "h": "Placed on hold", "H": "Released from hold", "r": "Requeued", "e": "Expired", "f": "Expired"}
_AT_ONCE = 1000
"""Ids of one request."""


def run_words(words: Sequence[str]) -> int:
    """Do what the command line asks, in its order."""
    where = configured()
    wanted: list[tuple[str, str]] = []
    queues: list[str] = []
    for letter, value in read(words, _LETTERS, "postsuper", where=where):
        if letter == "c":
            where.config = value
        elif letter in _CHANGES:
            wanted.append((letter, _meant(letter, value)))
        elif not letter:
            queues.append(_queue(value))
    if where.help:
        print(USAGE)
        return Exit.OK
    states = f"state:{','.join(queues)}" if queues else ""
    if wanted:
        with open_desk(where) as desk:
            for letter, value in wanted:
                _do(desk, letter, value, states)
    return Exit.OK


def _meant(letter: str, value: str) -> str:
    if value in ("ALL", "-") or is_identifier(value.upper()):
        return value
    raise UsageError(f"postsuper: -{letter} {value} is no queue id, ALL or -")


def _queue(name: str) -> str:
    if name not in STATES:
        raise UsageError(f"postsuper: {name} is no queue: {', '.join(STATES)}")
    return STATES[name]


def _do(desk: Desk, letter: str, value: str, states: str) -> None:
    count = 0
    for filters in _filters(value):
        asked = [*filters, states] if states else filters
        for page in desk.pages("queue.alter", change=_CHANGES[letter], filter=asked, dry_run=False):
            count += len(page["changed"])
            for id_ in page["busy"]:
                output.error(f"{id_} is being attempted this moment and was left alone: say it again in a while")
    print(f"postsuper: {_PAST[letter]}: {count} message{'' if count == 1 else 's'}", file=sys.stderr)


def _filters(value: str) -> Iterator[list[str]]:
    """The messages that are meant, in the words of ``waypost queue``."""
    if value == "ALL":
        yield ["all"]
        return
    if value != "-":
        yield [value]
        return
    ids = list(_ids())
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _ids() -> Iterator[str]:
    for line in sys.stdin:
        word = line.strip().rstrip("*!+")  # as mailq marks them
        if is_identifier(word.upper()):
            yield word
        elif word:
            output.error(f"{word} is no queue id")
