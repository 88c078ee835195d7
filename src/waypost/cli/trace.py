"""``waypost trace ID``: a stored conversation, each reply explained; ``--follow``: those that happen. Knows no store: asks ``operate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.conversation import show_conversation
from waypost.cli.desk import open_desk
from waypost.cli.exits import Exit, UsageError
from waypost.cli.phrases import moment

if TYPE_CHECKING:
    import argparse

HELP = "a stored conversation, explained"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", metavar="ID", nargs="?", help="the id of a session, or of a message in the queue or the inbox")
    parser.add_argument("--follow", action="store_true", help="show conversations as they happen, in and out, until Ctrl-C")
    parser.add_argument("--client", metavar="IP", help="with --follow: of this client alone, or of a network (192.0.2.0/24)")
    parser.add_argument("--to", metavar="DOMAIN", help="with --follow: with recipients in this domain alone")
    options.add_language(parser)
    options.add_json_option(parser)
    options.add_data_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    if args.follow:
        if args.id:
            raise UsageError("trace: an ID and --follow are two different things (see `waypost trace --help`)")
        from waypost.cli.follow import follow  # noqa: PLC0415 - a stored conversation needs nothing of it

        return follow(args)
    if not args.id or args.client or args.to:
        raise UsageError("trace: say an ID, or --follow, which --client and --to belong to (see `waypost trace --help`)")
    with open_desk(args) as desk:
        conversation = desk.call("trace", id=args.id, lang=args.lang)
    if conversation is None:
        output.error(f"no conversation is kept under {args.id}: that of captured mail, a refusal or a failed attempt is, for a while")
        return Exit.NOT_FOUND
    if args.json:
        output.json_out(conversation)
        return Exit.OK
    who = "to" if conversation["outbound"] else "from"
    output.title(f"Session {conversation['session']}, {moment(conversation['began'])}, {who} {conversation['peer']}")
    show_conversation(conversation, args.lang)
    return Exit.OK
