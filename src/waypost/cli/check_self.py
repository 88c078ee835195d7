"""``waypost check --self``: this server from inside. Joins the facts that ``daemon`` gathers with the probes of ``diagnose``."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.exits import UsageError
from waypost.cli.progress import Progress
from waypost.clock import SYSTEM
from waypost.daemon.selfcheck import gather
from waypost.diagnose.check import check
from waypost.diagnose.lookup import DnsLookup
from waypost.diagnose.own.steps import steps, target
from waypost.diagnose.plan import Limits, Options

if TYPE_CHECKING:
    import argparse

    from waypost.diagnose.own.facts import Own
    from waypost.diagnose.verdict import Diagnosis

_FOREIGN = {"target": "a host", "port": "--port", "sender": "--from", "auth": "--auth", "own": "--own"}
"""What belongs to checks of others, and how it is called."""


def run_self(args: argparse.Namespace) -> Diagnosis:
    """Gather, then check. Raises UsageError, ConfigError."""
    from waypost.cli.check import read_authorities, read_resolvers  # noqa: PLC0415 - it imports this one

    for name, called in _FOREIGN.items():
        if getattr(args, name):
            raise UsageError(f"--self checks this server as its configuration says: leave out {called}")
    read_resolvers(args)
    loaded = options.resolve(args)
    plan = Options(
        hostname=loaded.settings.hostname if "." in loaded.settings.hostname else "",
        intrusive=args.intrusive,
        selectors=tuple(args.selector),
        authorities=read_authorities(args.ca),
    )
    began = SYSTEM.monotonic()
    own = gather(loaded, command=_command(args))
    lookup = DnsLookup(tuple(args.resolver) or loaded.settings.dns.resolvers)
    limits = Limits(whole=Limits().whole - (SYSTEM.monotonic() - began))  # a server that hangs has taken its part of the time
    return asyncio.run(_check(own, plan, limits, lookup, args))


def _command(args: argparse.Namespace) -> str:
    """How the same server is started."""
    file = options.chosen_file(args)
    words = ["waypost", "serve"]
    words += ["--config", str(file)] if file is not None else []
    words += ["--data", args.data] if args.data else []
    words += [word for setting in args.set for word in ("--set", setting)]
    return shlex.join(words)


async def _check(own: Own, plan: Options, limits: Limits, lookup: DnsLookup, args: argparse.Namespace) -> Diagnosis:
    progress = Progress(own.hostname, args.lang, shown=not args.json and sys.stderr.isatty() and output.on_terminal())
    with progress:
        ticking = asyncio.ensure_future(progress.tick())
        try:
            return await check(target(own), plan, tell=progress.tell, limits=limits, lookup=lookup, probes=steps(own))
        finally:
            ticking.cancel()
