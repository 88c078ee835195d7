"""``waypost compare-servers A B``: two mail servers beside each other. Knows no probe and no difference: asks ``diagnose.beside``."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from waypost.cli import check, options, output
from waypost.cli.exits import UsageError

if TYPE_CHECKING:
    import argparse

    from waypost.diagnose.beside.run import Beside
    from waypost.diagnose.plan import Options, Target

HELP = "hold two mail servers beside each other: what differs, and who does it better"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("a", metavar="A", help="a host, a domain, an IP address or a mailbox, as for check; host:port works too")
    parser.add_argument("b", metavar="B", help="the other one")
    parser.add_argument("--port", type=options.count, metavar="N", help="that port of both, and no MX")
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", help="envelope sender; without it the empty one")
    check.add_world(parser)
    parser.add_argument("--full", action="store_true", help="show what is alike too")
    options.add_language(parser)
    options.add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compare, show; 0 the same, 1 they differ, 2 one of them was not reached."""
    targets = (_target(args.a, args.port), _target(args.b, args.port))
    plan = _options(args)
    check.read_resolvers(args)
    beside = asyncio.run(_compare(targets, plan, args))
    if args.json:
        from waypost.diagnose.beside.shapes import as_json  # noqa: PLC0415 - people need it not

        output.json_out(as_json(beside, args.lang))
    else:
        from waypost.cli.beside import show  # noqa: PLC0415 - JSON needs it not

        show(beside, args.lang, full=args.full)
    return beside.exit_code


def _target(text: str, port: int | None) -> Target:
    from waypost.diagnose.plan import TargetError, target  # noqa: PLC0415 - `--help` needs it not

    try:
        return target(text, port=port)
    except TargetError as fault:
        raise UsageError(str(fault)) from fault


def _options(args: argparse.Namespace) -> Options:
    from waypost.diagnose.plan import Options  # noqa: PLC0415 - likewise

    return Options(hostname=check.hostname(), sender=check.read_sender(args.sender), authorities=check.read_authorities(args.ca))


async def _compare(targets: tuple[Target, Target], plan: Options, args: argparse.Namespace) -> Beside:
    from waypost.cli.progress import Progress  # noqa: PLC0415 - likewise
    from waypost.diagnose.beside.run import compare  # noqa: PLC0415 - likewise
    from waypost.diagnose.lookup import DnsLookup  # noqa: PLC0415 - likewise
    from waypost.replies.library import words  # noqa: PLC0415 - likewise

    both = words(args.lang, "beside")["beside"]["checking"]["says"].format(a=targets[0].text, b=targets[1].text)
    progress = Progress(both, args.lang, shown=not args.json and sys.stderr.isatty() and output.on_terminal())
    with progress:
        ticking = asyncio.ensure_future(progress.tick())
        try:
            return await compare(targets, plan, tell=progress.tell, lookup=DnsLookup(tuple(args.resolver)))
        finally:
            ticking.cancel()
