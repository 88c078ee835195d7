"""The options that commands share, and the configuration that they lead to. Knows no command."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from waypost.cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.config.load import Loaded


class Parser(argparse.ArgumentParser):
    """A parser that leaves exiting to ``main``, so that every usage error is one line and exit code 64."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """``--config``, ``--data`` and ``--set``: for every command that touches data; ``resolve`` reads them."""
    group = parser.add_argument_group("configuration")
    group.add_argument(
        "--config",
        metavar="FILE",
        help="the configuration; without it $WAYPOST_CONFIG, without that the dev profile: no file is found by itself",
    )
    group.add_argument("--data", metavar="DIR", help="the data directory, whatever the configuration says")
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one setting, over file and environment, as in limits.recipients=200 or listeners.0.bind=127.0.0.1:2525; may be repeated",
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``: for every command that prints data."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def chosen_file(args: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Path | None:
    """The configuration file that ``--config``, or else ``$WAYPOST_CONFIG``, names; None for the dev profile. Raises UsageError."""
    if args.config == "":
        raise UsageError("--config needs a file")
    name = args.config or (os.environ if environ is None else environ).get("WAYPOST_CONFIG")
    return Path(name) if name else None


def resolve(args: argparse.Namespace, *, environ: Mapping[str, str] | None = None, reveal: bool = False) -> Loaded:
    """The configuration that the options of ``add_data_options`` lead to. Raises ConfigError, UsageError.

    Types and bounds are checked, rules between settings are not: ``config.check.demand`` does that, for whoever acts on them.
    ``reveal``: read secrets (``serve`` needs them, other commands do not).
    """
    from waypost.config.load import load  # noqa: PLC0415 - commands that need no configuration start faster
    from waypost.config.problem import ConfigError  # noqa: PLC0415 - likewise
    from waypost.config.sources import from_command_line  # noqa: PLC0415 - likewise

    environ = os.environ if environ is None else environ
    if args.data == "":
        raise UsageError("--data needs a folder")
    try:
        from_command_line(args.set)
    except ConfigError as fault:  # what is no KEY=VALUE at all is the command line's fault, not a setting's
        raise UsageError(str(fault)) from fault
    return load(
        chosen_file(args, environ),
        overrides=args.set,
        data=None if args.data is None else Path(args.data),
        environ=environ,
        reveal=reveal,
    )
