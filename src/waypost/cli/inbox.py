"""``waypost inbox``: the mail that was captured, with the conversation that brought it. Knows no store: asks ``operate``."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

from waypost.cli import options, output
from waypost.cli.conversation import show_conversation
from waypost.cli.desk import open_desk
from waypost.cli.exits import Exit
from waypost.cli.phrases import age, moment, octets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

HELP = "list, show, wait for and delete captured mail"
_FILTER = "ids, from:ADDRESS, from:@DOMAIN, to:..., subject:WORDS, newer:30m, all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="captured mail, newest first")
    listing.add_argument("filter", nargs="*", metavar="FILTER", help=_FILTER)
    listing.add_argument("--limit", type=int, metavar="N", help="at most N messages")
    listing.add_argument("--refused", action="store_true", help="sessions that were refused instead, with the reason")
    showing = verbs.add_parser("show", help="one message: envelope, headers, text and the conversation that brought it")
    showing.add_argument("id", metavar="ID", help="its id, or `latest`")
    showing.add_argument("--source", action="store_true", help="print the message itself, octet for octet, and nothing else")
    showing.add_argument("--lang", choices=("en", "zh"), default="en", help="the language of explanations")
    waiting = verbs.add_parser("wait", help="the first message that matches, there already or coming; exit 1 when none came")
    waiting.add_argument("filter", nargs="*", metavar="FILTER", help=_FILTER)
    waiting.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="how long to wait (30)")
    deleting = verbs.add_parser("delete", help="delete captured mail")
    deleting.add_argument("filter", nargs="+", metavar="FILTER", help=_FILTER)
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="print JSON")
        options.add_data_options(verb)


def run(args: argparse.Namespace) -> int:
    """Do the verb."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {"list": _list, "show": _show, "wait": _wait, "delete": _delete}
    return verbs[args.verb](args)


def _list(args: argparse.Namespace) -> int:
    if args.refused:
        return _refused(args)
    with open_desk(args) as desk:
        rows = desk.call("inbox.list", filter=args.filter, limit=args.limit)
    if args.json:
        output.json_out(rows)
        return Exit.OK
    table = [(row["id"], age(row["captured"]), octets(row["size"]), row["from"], ", ".join(row["to"]), row["subject"]) for row in rows]
    output.table(("ID", "AGE", "SIZE", "FROM", "TO", "SUBJECT"), table, empty="The inbox is empty.")
    return Exit.OK


def _refused(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        rows = desk.call("refused", limit=args.limit)
    if args.json:
        output.json_out(rows)
        return Exit.OK
    table = [(row["session"], age(row["began"]), row["peer"], row["helo"], row["refused"]) for row in rows]
    output.table(("SESSION", "AGE", "CLIENT", "HELLO", "REFUSED WITH"), table, empty="No session was refused.")
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        id_ = args.id
        if id_.lower() == "latest":
            newest = desk.call("inbox.list", filter=[], limit=1)
            id_ = newest[0]["id"] if newest else id_
        row: dict[str, Any] | None = desk.call("inbox.show", id=id_, lang=args.lang)
    if row is None:
        output.error(f"there is no captured message {args.id} (waypost inbox list)")
        return Exit.NOT_FOUND
    if args.source:
        sys.stdout.buffer.write(base64.b64decode(row["source"]))
        return Exit.OK
    if args.json:
        output.json_out(row)
        return Exit.OK
    _message(row)
    return Exit.OK


def _message(row: dict[str, Any]) -> None:
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
    output.title("Source" if row["whole"] else "Source (its beginning; --source gives no more than this)")
    output.text(source.decode("utf-8", "replace"))
    if row["conversation"]:
        output.title("The conversation that brought it")
        show_conversation(row["conversation"])


def _wait(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        row = desk.call("inbox.wait", filter=args.filter, seconds=max(args.timeout, 0.0))
    if row is None:
        output.error(f"no such message came within {args.timeout:g} s")
        return Exit.NOT_FOUND
    if args.json:
        output.json_out(row)
    else:
        output.line(f"{row['id']}\t{row['from']}\t{', '.join(row['to'])}\t{row['subject']}")
    return Exit.OK


def _delete(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        done = desk.call("inbox.delete", filter=args.filter)
    if args.json:
        output.json_out(done)
    else:
        output.line(f"{done['deleted']} message{'' if done['deleted'] == 1 else 's'} deleted.")
    return Exit.OK
