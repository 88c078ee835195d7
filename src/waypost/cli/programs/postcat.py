"""``waypost postcat -q ID``: a message of the queue, envelope and content, in Postfix's form. Knows no store: asks ``operate``."""

from __future__ import annotations

import base64
import sys
import time
from typing import TYPE_CHECKING, Any

from waypost.cli.desk import Desk, open_desk
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.output import printable
from waypost.cli.programs.words import Takes, configured, read
from waypost.mail.header import end_of_header
from waypost.mail.identifier import is_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HELP = "show a message of the queue, as Postfix's does"
USAGE = """usage: postcat [-beh] [-v] -q ID ...

Shows messages of the queue: envelope, header and body, or of these what -e, -h and -b ask for.
  -v   more of the envelope
--config FILE, --data DIR, --set KEY=VALUE as of every waypost command; -c FILE is --config; -o and -d mean nothing here."""
_LETTERS = dict.fromkeys("behqvod", Takes.NOTHING) | {"c": Takes.VALUE}
_FLAGS = {"delivered": "done_recipient", "relayed": "done_recipient", "failed": "done_recipient"}


def run_words(words: Sequence[str]) -> int:
    """Show what the command line asks for."""
    where = configured()
    given = list(read(words, _LETTERS, "postcat", where=where))
    letters = {letter for letter, _ in given if letter}
    for letter, value in given:
        if letter == "c":
            where.config = value
    ids = [value for letter, value in given if not letter]
    if where.help:
        print(USAGE)
        return Exit.OK
    if "q" not in letters or not ids:
        raise UsageError("postcat: say -q and a queue id: there are no queue files to name")
    for each in ids:
        if not is_identifier(each.upper()):
            raise UsageError(f"postcat: {each} is no queue id")
    shown = letters & set("ehb") or set("ehb")
    with open_desk(where) as desk:
        for each in ids:
            _show(desk, each, shown, verbose="v" in letters)
    return Exit.OK


def _show(desk: Desk, id_: str, shown: set[str], *, verbose: bool) -> None:
    row = desk.call("queue.show", id=id_)
    if row is None:
        raise FailureError(f"no message {id_} waits: it was delivered, given up or never here; `waypost queue list` shows what waits")
    marks = "e" in shown
    if marks:
        _write(_envelope(row, verbose=verbose))
        _write([f"*** MESSAGE CONTENTS {row['id']} ***"] if shown & {"h", "b"} else [])
    if shown & {"h", "b"}:
        _content(desk, row["id"], shown)
    if marks:
        _write([f"*** MESSAGE FILE END {row['id']} ***"])


def _envelope(row: dict[str, Any], *, verbose: bool) -> Iterator[str]:
    yield f"*** ENVELOPE RECORDS {row['id']} ***"
    yield f"message_size: {row['size']}"
    yield f"message_arrival_time: {time.strftime('%a %b %e %H:%M:%S %Y', time.localtime(row['arrived']))}"
    if verbose:
        yield f"named_attribute: client_address={row['client']}"
        yield f"named_attribute: helo_name={row['helo']}"
        yield f"named_attribute: protocol_name={row['protocol']}"
        yield f"named_attribute: sasl_username={row['account']}"
        yield f"named_attribute: dsn_envid={row['envid'] or ''}"
    yield f"sender: {'' if row['from'] == '<>' else row['from']}"
    for one in row["recipients"]:
        yield f"{_FLAGS.get(one['state'], 'recipient')}: {one['address']}"


def _content(desk: Desk, id_: str, shown: set[str]) -> None:
    """The header section, the body, or both, with the line ends of this system. The header is within the first piece: none is larger."""
    for number, octets in enumerate(_pieces(desk, id_)):
        end = max(end_of_header(octets), 0) if number == 0 else 0
        if "h" in shown and number == 0:
            _out(octets[:end] if "b" in shown else octets[: max(end - 2, 0)])
        if "b" not in shown:
            break
        _out(octets[end:])
    sys.stdout.buffer.flush()


def _pieces(desk: Desk, id_: str) -> Iterator[bytes]:
    offset = 0
    while True:
        source = desk.call("queue.source", id=id_, offset=offset)
        octets = base64.b64decode(source or "")
        if not octets:
            return
        offset += len(octets)
        yield octets


def _out(octets: bytes) -> None:
    sys.stdout.buffer.write(octets.replace(b"\r", b""))  # content has no CR but in line ends, and a piece may cut one in two


def _write(lines: Sequence[str] | Iterator[str]) -> None:
    for line in lines:
        sys.stdout.buffer.write(f"{printable(line)}\n".encode("utf-8", "replace"))
