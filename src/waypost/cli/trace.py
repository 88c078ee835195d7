"""``waypost trace ID``: a stored conversation, each reply explained. Knows no store: asks ``operate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.conversation import show_conversation
from waypost.cli.desk import open_desk
from waypost.cli.exits import Exit
from waypost.cli.phrases import moment

if TYPE_CHECKING:
    import argparse

HELP = "a stored conversation, explained"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", metavar="ID", help="the id of a session, or of a message in the queue or the inbox")
    options.add_language(parser)
    options.add_json_option(parser)
    options.add_data_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
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
