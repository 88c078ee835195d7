"""``waypost postqueue`` and ``mailq``: the queue listed and flushed in Postfix's shapes. Knows no store: asks ``operate``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from waypost.cli import output
from waypost.cli.desk import open_desk
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.programs.waiting import rows
from waypost.cli.programs.words import Takes, configured, read
from waypost.mail.identifier import is_identifier

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

HELP = "list and flush the queue, as Postfix's does"
USAGE = """usage: postqueue -p | -j | -f | -i ID | -s DOMAIN

  -p         list what waits, as mailq
  -j         the same as JSON, one message a line
  -f         try everything now that waits
  -i ID      try this message now
  -s DOMAIN  try the mail for this domain now
--config FILE, --data DIR, --set KEY=VALUE as of every waypost command; -c FILE is --config; -v means nothing here."""
_LETTERS = {"p": Takes.NOTHING, "j": Takes.NOTHING, "f": Takes.NOTHING, "v": Takes.NOTHING} | dict.fromkeys("isc", Takes.VALUE)
_FLAGS = {"active": "*", "hold": "!", "maildrop": "+"}
_REASON = 76
"""The column at which a reason ends."""


def run_words(words: Sequence[str]) -> int:
    """Do what the command line asks."""
    where = configured()
    wanted = []
    for letter, value in read(words, _LETTERS, "postqueue", where=where):
        match letter:
            case "c":
                where.config = value
            case "v":
                pass
            case "":
                raise UsageError(f"postqueue: {value} means nothing here (see `waypost postqueue --help`)")
            case _:
                wanted.append((letter, value))
    if where.help:
        print(USAGE)
        return Exit.OK
    if len(wanted) != 1:
        raise UsageError("postqueue: say one of -p, -j, -f, -i ID and -s DOMAIN")
    return _do(*wanted[0], where)


def mailq(words: Sequence[str]) -> int:
    """List the queue, with no options but where it is; Sendmail's ``-v`` means nothing here."""
    where = configured()
    given = list(read(words, {"v": Takes.NOTHING, "C": Takes.VALUE, "A": Takes.ATTACHED, "O": Takes.VALUE}, "mailq", where=where))
    for letter, value in given:
        if not letter:
            raise UsageError(f"mailq: {value} means nothing here: it lists everything that waits; `waypost queue list` takes filters")
        if letter == "C":
            where.config = value
    if where.help:
        print("usage: mailq [--config FILE] [--data DIR] [--set KEY=VALUE]\n\nLists what waits, as postqueue -p.")
        return Exit.OK
    return listing(where)


def _do(letter: str, value: str, where: Namespace) -> int:
    match letter:
        case "p":
            return listing(where)
        case "j":
            for row in rows(where):
                print(json.dumps(row, ensure_ascii=False))
            return Exit.OK
        case "f":
            return flush(where, ["all"])
        case "i":
            if not is_identifier(value.upper()):
                raise UsageError(f"postqueue: {value} is no queue id")
            if not _retried(where, [value]):
                raise FailureError(f"no message {value} waits for another attempt: `waypost queue list` shows what waits")
            return Exit.OK
        case _:
            return flush(where, [f"to:@{value.removeprefix('@')}"])


def flush(where: Namespace, filters: Sequence[str]) -> int:
    """Try now what each of ``filters`` means; nothing that waits is no failure."""
    for one in filters:
        _retried(where, [one])
    return Exit.OK


def _retried(where: Namespace, filters: Sequence[str]) -> int:
    """How many messages are tried now."""
    with open_desk(where) as desk:
        pages = desk.pages("queue.alter", change="retry", filter=list(filters), dry_run=False)
        return sum(len(page["changed"]) + len(page["busy"]) for page in pages)


def listing(where: Namespace) -> int:
    """List what waits, as Postfix does but for the longer queue ids."""
    count = size = 0
    for row in rows(where):
        if not count:
            print(f"{'-Queue ID-':<28} {'--Size--':>8} ----Arrival Time---- -Sender/Recipient-------")
        count += 1
        size += row["message_size"]
        _show(row)
    if not count:
        print("Mail queue is empty")
        return Exit.OK
    print(f"-- {(size + 1023) // 1024} Kbytes in {count} Request{'' if count == 1 else 's'}.")
    return Exit.OK


def _show(row: dict[str, Any]) -> None:
    name = row["queue_id"] + _FLAGS.get(row["queue_name"], "")
    moment = time.strftime("%a %b %e %H:%M:%S", time.localtime(row["arrival_time"]))
    print(f"{name:<28} {row['message_size']:>8} {moment:<20} {output.printable(row['sender'])}")
    before = ""
    for one in sorted(row["recipients"], key=lambda each: each.get("delay_reason", "")):
        reason = one.get("delay_reason", "")
        if reason and reason != before:
            print(f"({output.printable(reason)})".rjust(_REASON))
        before = reason
        print(f"{'':<59}{output.printable(one['address'])}")
    print()
