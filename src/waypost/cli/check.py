"""``waypost check``: why a mail server does not answer, or answers no. Knows no probe: asks ``diagnose`` and shows what it found."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.exits import Exit, FailureError, UsageError

if TYPE_CHECKING:
    import argparse

    from waypost.diagnose.plan import Options, Target
    from waypost.diagnose.verdict import Diagnosis

HELP = "find out why a mail server does not answer, or answers no"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "%(prog)s [options] (HOST|DOMAIN|ADDRESS | --self)"
    parser.add_argument(
        "target", metavar="HOST|DOMAIN|ADDRESS", nargs="?", help="a host, a domain, an IP address or a mailbox; host:port works too"
    )
    parser.add_argument("--self", dest="itself", action="store_true", help="this server, from inside, against its own configuration")
    parser.add_argument("--port", type=options.count, metavar="N", help="try this port of that host alone, and no MX")
    parser.add_argument(
        "--from", dest="sender", metavar="ADDRESS", help="envelope sender when mailboxes are tried; without it the empty one"
    )
    parser.add_argument(
        "--auth", metavar="USER", help="log in too, under verified TLS; the password is asked for, or taken from $WAYPOST_PASSWORD"
    )
    parser.add_argument("--selector", action="append", default=[], metavar="NAME", help="a DKIM selector to look for; may be repeated")
    add_world(parser)
    parser.add_argument(
        "--intrusive",
        action="store_true",
        help="try relaying and smuggling as well, on hosts that are named with --own; with --self, paths around the relay rules",
    )
    parser.add_argument("--own", action="append", default=[], metavar="HOST", help="a host that is yours; may be repeated")
    parser.add_argument("--full", action="store_true", help="tell of what is well, and of notes, in full too")
    options.add_language(parser)
    options.add_json_option(parser)
    options.add_data_options(parser)


def add_world(parser: argparse.ArgumentParser) -> None:
    """``--resolver`` and ``--ca``: who is asked and believed."""
    parser.add_argument(
        "--resolver",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="ask this DNS resolver (192.0.2.53, 127.0.0.1:5353); may be repeated",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="believe the authorities in this PEM file, in place of the system's")


def run(args: argparse.Namespace) -> int:
    """Check, show; 0 healthy, 1 a warning or an error, 2 no mail server was reached."""
    if args.itself:
        from waypost.cli.check_self import run_self  # noqa: PLC0415 - other checks need no configuration

        return shown(run_self(args), args)
    if args.target is None:
        raise UsageError("say what to check: a host, a domain or a mailbox, or --self for this server (see `waypost check --help`)")
    if args.config is not None or args.data is not None or args.set:
        raise UsageError("--config, --data and --set say which server is meant by --self, which was not given")
    target, plan = _target(args), _options(args)
    read_resolvers(args)
    return shown(asyncio.run(_check(target, plan, args)), args)


def shown(diagnosis: Diagnosis, args: argparse.Namespace) -> int:
    """Print it; the exit code."""
    if args.json:
        from waypost.diagnose.shapes import as_json  # noqa: PLC0415 - people need it not

        output.json_out(as_json(diagnosis, args.lang))
    else:
        from waypost.cli.checked import show  # noqa: PLC0415 - JSON needs it not

        show(diagnosis, args.lang, full=args.full)
    return diagnosis.exit_code


def _target(args: argparse.Namespace) -> Target:
    from waypost.diagnose.plan import TargetError, target  # noqa: PLC0415 - `waypost check --help` needs it not

    try:
        return target(args.target, port=args.port)
    except TargetError as fault:
        raise UsageError(str(fault)) from fault


def _options(args: argparse.Namespace) -> Options:
    from waypost.diagnose.plan import Options  # noqa: PLC0415 - likewise

    if args.intrusive and not args.own:
        raise UsageError("--intrusive is for hosts of your own: name them with --own HOST")
    if args.own and not args.intrusive:
        raise UsageError("--own names hosts for --intrusive, which was not given")
    return Options(
        hostname=hostname(),
        sender=read_sender(args.sender),
        account=args.auth,
        password=_password(args.auth) if args.auth else "",
        intrusive=args.intrusive,
        own=frozenset(host.lower().strip("[]").rstrip(".") for host in args.own),
        selectors=tuple(args.selector),
        authorities=read_authorities(args.ca),
    )


def read_authorities(file: Path | None) -> Path | None:
    """The file of ``--ca``, which can be read. Raises UsageError."""
    from waypost.net.tls import CertificateError, client_context  # noqa: PLC0415 - likewise

    if file is not None:
        try:
            client_context(verify=True, ca=file)
        except CertificateError as fault:
            raise UsageError(str(fault)) from fault
    return file


def read_resolvers(args: argparse.Namespace) -> None:
    """Those of ``--resolver`` are addresses. Raises UsageError."""
    from waypost.net.dns import resolver_address  # noqa: PLC0415 - likewise

    try:
        for each in args.resolver:
            resolver_address(each)
    except ValueError as fault:
        raise UsageError(f"--resolver: {fault}") from fault


def hostname() -> str:
    """This machine's name where it is a full one; else none, and its address speaks for it."""
    name = socket.gethostname()
    return name if "." in name.strip(".") and name.isascii() and not name.endswith((".local", ".localdomain")) else ""


def read_sender(given: str | None) -> str | None:
    """The envelope sender; None: the empty one. Raises UsageError."""
    if not given or given == "<>":
        return None
    from waypost.smtp.errors import AddressError  # noqa: PLC0415 - likewise
    from waypost.smtp.grammar import parse_mailbox  # noqa: PLC0415 - likewise

    bare = given.removeprefix("<").removesuffix(">")
    try:
        parse_mailbox(bare)
    except AddressError as fault:
        raise UsageError(f"--from {given}: {fault}") from fault
    return bare


def _password(account: str) -> str:
    given = os.environ.get("WAYPOST_PASSWORD")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError("--auth needs a password: put it into $WAYPOST_PASSWORD, or run the check on a terminal")
    import getpass  # noqa: PLC0415 - likewise

    try:
        return getpass.getpass(f"Password of {output.printable(account)}: ")
    except EOFError as fault:
        raise FailureError("no password was given", Exit.USAGE) from fault


async def _check(target: Target, plan: Options, args: argparse.Namespace) -> Diagnosis:
    from waypost.cli.progress import Progress  # noqa: PLC0415 - likewise
    from waypost.diagnose.check import check  # noqa: PLC0415 - likewise
    from waypost.diagnose.lookup import DnsLookup  # noqa: PLC0415 - likewise

    lookup = DnsLookup(tuple(args.resolver))
    progress = Progress(target.text, args.lang, shown=not args.json and sys.stderr.isatty() and output.on_terminal())
    with progress:
        ticking = asyncio.ensure_future(progress.tick())
        try:
            return await check(target, plan, tell=progress.tell, lookup=lookup)
        finally:
            ticking.cancel()
