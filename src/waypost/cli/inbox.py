"""``waypost inbox``: the mail that was captured, with the conversation that brought it. Knows no store: asks ``operate``."""

from __future__ import annotations

import asyncio
import base64
import sys
from typing import TYPE_CHECKING, Any

from waypost.cli import options, output
from waypost.cli.conversation import show_conversation
from waypost.cli.desk import check_filter, open_desk
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.phrases import age, age_cell, moment, octets, size_cell
from waypost.cli.tables import Cell, Column
from waypost.clock import SYSTEM
from waypost.operate.filters import inbox_search

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from waypost.cli.desk import Desk

HELP = "list, show, wait for and delete captured mail"
_FILTER = "ids, from:ADDRESS, from:@DOMAIN, to:..., subject:WORDS, newer:30m, all"
_COLUMNS = (
    Column("ID"),
    Column("AGE", right=True, leave=3),
    Column("SIZE", right=True, leave=1),
    Column("FROM", least=14, leave=2),
    Column("TO", least=14),
    Column("SUBJECT", least=14),
)
_REFUSED_COLUMNS = (
    Column("SESSION"),
    Column("AGE", right=True, leave=3),
    Column("CLIENT", least=16, leave=1),
    Column("HELLO", least=12, leave=2),
    Column("REFUSED WITH"),
)
_READABLE = 262_144
"""Octets of a message that are shown to people."""
_LOOK_AGAIN = 0.25
"""Seconds between two looks for a server that does not run yet."""


def configure(parser: options.Parser) -> None:
    """Declare the sub-commands."""
    verbs = options.Verbs(parser)
    listing = verbs.add("list", "captured mail, newest first")
    listing.add_argument("filter", nargs="*", metavar="FILTER", help=_FILTER)
    options.add_limit(listing, "messages")
    listing.add_argument("--refused", action="store_true", help="instead of mail the sessions that ended in a refusal, with its name")
    showing = verbs.add("show", "one message: envelope, source and the conversation that brought it")
    showing.add_argument("id", metavar="ID", help="its id, or `latest`")
    showing.add_argument("--source", action="store_true", help="print the message itself, octet for octet, and nothing else")
    options.add_language(showing)
    waiting = verbs.add(
        "wait",
        "wait for a message; exit 1 when none came",
        "Wait for a message: the newest that is there already and matches, else the first that comes. Prints its id, sender, recipients "
        "and subject. A server that is not up yet is waited for too. To begin a test with an empty inbox: waypost inbox delete all.",
    )
    waiting.add_argument("filter", nargs="*", metavar="FILTER", help=_FILTER)
    waiting.add_argument("--timeout", type=options.seconds, default=30.0, metavar="SECONDS", help="how long to wait (30)")
    deleting = verbs.add("delete", "delete captured mail")
    deleting.add_argument("filter", nargs="+", metavar="FILTER", help=_FILTER)
    for verb in verbs.parsers:
        options.add_json_option(verb)
        options.add_data_options(verb)


def run(args: argparse.Namespace) -> int:
    """Do the verb."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {"list": _list, "show": _show, "wait": _wait, "delete": _delete}
    return verbs[args.verb](args)


def _list(args: argparse.Namespace) -> int:
    if args.refused:
        return _refused(args)
    check_filter(args.filter, inbox_search)
    with open_desk(args) as desk:
        rows = desk.call("inbox.list", filter=args.filter, limit=output.screenful(args.limit, json=args.json))
    if args.json:
        output.json_out(rows)
        return Exit.OK
    rows = output.cut(rows, args.limit)
    table = [(row["id"], age_cell(row["captured"]), size_cell(row["size"]), row["from"], _to(row), row["subject"]) for row in rows]
    output.table(_COLUMNS, table, empty="No such message was captured." if args.filter else "The inbox is empty.")
    return Exit.OK


def _to(row: dict[str, Any]) -> Cell:
    first, *others = row["to"]
    return Cell(f"{first}, +{len(others)}" if others else first, ", ".join(row["to"]))


def _refused(args: argparse.Namespace) -> int:
    if args.filter:
        raise UsageError("--refused takes no filter: refused sessions have no message to match")
    with open_desk(args) as desk:
        rows = desk.call("refused", limit=args.limit)
    if args.json:
        output.json_out(rows)
        return Exit.OK
    table = [(row["session"], age_cell(row["began"]), _peer(row), row["helo"], Cell(row["refused"], style=output.RED)) for row in rows]
    output.table(_REFUSED_COLUMNS, table, empty="No session was refused.")
    return Exit.OK


def _peer(row: dict[str, Any]) -> str:
    """The other side; of an attempt of ours that it was one."""
    return f"to {row['peer']}" if row["outbound"] else row["peer"]


def _show(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        id_ = _identified(desk, args.id)
        row: dict[str, Any] | None = desk.call("inbox.show", id=id_, lang=args.lang) if id_ else None
        if row is None:
            output.error(f"there is no captured message {args.id}: `waypost inbox list` shows those that there are")
            return Exit.NOT_FOUND
        if args.source:
            _copy(desk, row)
            return Exit.OK
    if args.json:
        output.json_out(row)
        return Exit.OK
    _message(row, args.lang)
    return Exit.OK


def _identified(desk: Desk, said: str) -> str:
    """The id that is meant; empty when there is no latest message."""
    if said.lower() != "latest":
        return said
    newest = desk.call("inbox.list", filter=[], limit=1)
    return newest[0]["id"] if newest else ""


def _copy(desk: Desk, row: dict[str, Any]) -> None:
    """The message to standard output, piece by piece where it is large."""
    written, out = 0, sys.stdout.buffer
    while (piece := desk.call("inbox.source", id=row["id"], offset=written)) != "":
        if piece is None:
            raise FailureError(f"{row['id']} was deleted while it was read", Exit.NOT_FOUND)
        written += out.write(base64.b64decode(piece))
    out.flush()


def _message(row: dict[str, Any], lang: str) -> None:
    output.title(f"Message {row['id']}")
    output.pairs(
        [
            ("captured", f"{moment(row['captured'])}, {age(row['captured'])} ago"),
            ("from", row["from"]),
            *(("to", address) for address in row["to"]),
            ("subject", row["subject"]),
            ("size", octets(row["size"])),
            ("client", f"{row['helo']} [{row['client']}]"),
            ("TLS", row["tls"]),
            ("account", row["account"]),
        ]
    )
    source = base64.b64decode(row["source"])
    output.section("Source" if len(source) <= _READABLE else f"Source (its first {octets(_READABLE)}; --source gives all of it)")
    output.text(source[:_READABLE].decode("utf-8", "replace"))
    if row["conversation"]:
        output.section("The conversation that brought it")
        show_conversation(row["conversation"], lang)


def _wait(args: argparse.Namespace) -> int:
    check_filter(args.filter, inbox_search)
    row = _awaited(args)
    if row is None:
        output.error(f"no such message came within {args.timeout:g} s")
        return Exit.NOT_FOUND
    if args.json:
        output.json_out(row)
    else:
        output.row((row["id"], row["from"], ", ".join(row["to"]), row["subject"]))
    return Exit.OK


def _awaited(args: argparse.Namespace) -> dict[str, Any] | None:
    """The message. While no server runs, what is kept is looked through again and again, for the server may be about to start."""
    until = SYSTEM.monotonic() + args.timeout
    while True:
        left = max(until - SYSTEM.monotonic(), 0.0)
        with open_desk(args, may_be_absent=True) as desk:
            row: dict[str, Any] | None = desk.call("inbox.wait", filter=args.filter, seconds=left if desk.live else 0.0)
            if row is not None or desk.live or left <= 0:
                return row
        with asyncio.Runner() as runner:
            runner.run(asyncio.sleep(min(_LOOK_AGAIN, left)))


def _delete(args: argparse.Namespace) -> int:
    check_filter(args.filter, inbox_search)
    with open_desk(args) as desk:
        done = desk.call("inbox.delete", filter=args.filter)
    if args.json:
        output.json_out(done)
    else:
        output.line(f"{done['deleted']} message{'' if done['deleted'] == 1 else 's'} deleted.")
    return Exit.OK
