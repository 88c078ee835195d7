"""The options that commands share, and the configuration that they lead to. Knows no command."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from waypost.cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from waypost.config.load import Loaded


class Parser(argparse.ArgumentParser):
    """A parser that leaves exiting to ``main``, so that every usage error is one line and exit code 64."""

    verbs: Sequence[str] = ()
    """What the command can do, when it can do several things."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{self._told(message)} (see `{self.prog} --help`)")

    def _told(self, message: str) -> str:
        """Argparse's words, but for those that a newcomer sees first."""
        if message == "the following arguments are required: VERB":
            return f"say what to do: {', '.join(self.verbs)}"
        if message.startswith("argument VERB: invalid choice: "):
            wrong = message.removeprefix("argument VERB: invalid choice: ").split("'")[1]
            import difflib  # noqa: PLC0415 - only a wrong verb needs it

            close = difflib.get_close_matches(wrong, self.verbs, n=1)
            return f"{self.prog} has no verb {wrong}{f'; did you mean {close[0]}?' if close else ': it has ' + ', '.join(self.verbs)}"
        if message.startswith("unrecognized arguments: -"):
            return message + self._nearest(message.split()[2].partition("=")[0])
        return message

    def _nearest(self, wrong: str) -> str:
        """The option that is spelt most like a wrong one."""
        import difflib  # noqa: PLC0415 - only a wrong option needs it

        close = difflib.get_close_matches(wrong, self._option_string_actions, n=1, cutoff=0.7)
        return f"; did you mean {close[0]}?" if close else ""

    def format_help(self) -> str:
        """The help, in plainer words."""
        told = super().format_help()
        return told.replace("\npositional arguments:\n", "\narguments:\n").replace("show this help message and", "show this help and")


class Verbs:
    """What one command can do: a parser for each."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._group = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        self.parsers: list[Parser] = []

    def add(self, name: str, about: str, description: str = "") -> Parser:
        """A verb: ``about`` stands in the command's help, ``description``, by default the same, in its own."""
        told = description or f"{about[0].upper()}{about[1:]}."
        added: Parser = self._group.add_parser(name, help=about, description=told, allow_abbrev=False)
        self._parser.verbs = (*self._parser.verbs, name)
        self.parsers.append(added)
        return added


def count(text: str) -> int:
    """For arguments that count: at least 1. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def seconds(text: str) -> float:
    """For arguments that are a time. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 30 or 0.5")
    return value


def add_limit(parser: argparse.ArgumentParser, what: str) -> None:
    """``--limit``: for commands that list."""
    parser.add_argument("--limit", type=count, metavar="N", help=f"at most N {what}")


def add_language(parser: argparse.ArgumentParser) -> None:
    """``--lang``: for commands that explain."""
    parser.add_argument(
        "--lang",
        choices=("en", "zh"),
        default=spoken(os.environ),
        help="the language of explanations; without it that of the terminal (LANG)",
    )


def spoken(environ: Mapping[str, str]) -> str:
    """The language that the environment asks for, where explanations have it; else English."""
    asked = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "zh" if asked.lower().startswith("zh") else "en"


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
    from pathlib import Path  # noqa: PLC0415 - commands that need no file start faster

    if args.config == "":
        raise UsageError("--config needs a file")
    name = args.config or (os.environ if environ is None else environ).get("WAYPOST_CONFIG")
    return Path(name) if name else None


def resolve(args: argparse.Namespace, *, environ: Mapping[str, str] | None = None, reveal: bool = False) -> Loaded:
    """The configuration that the options of ``add_data_options`` lead to. Raises ConfigError, UsageError.

    Types and bounds are checked, rules between settings are not: ``config.check.demand`` does that, for whoever acts on them.
    ``reveal``: read secrets (``serve`` needs them, other commands do not).
    """
    from pathlib import Path  # noqa: PLC0415 - likewise

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
