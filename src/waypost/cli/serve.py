"""``waypost serve``: runs the server. Knows no part of it: hands the configuration to ``daemon``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.exits import Exit, FailureError
from waypost.config.check import demand

if TYPE_CHECKING:
    import argparse

    from waypost.config.load import Loaded

HELP = "run the server"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = (
        "Without a configuration the dev profile runs on loopback: SMTP on 1025, submission on 1587 (STARTTLS) and 1465 (TLS); any sender, "
        "recipient and password; everything is captured in the inbox and nothing leaves. SIGTERM drains, SIGHUP reloads."
    )
    options.add_data_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from waypost.daemon.run import StartError, serve  # noqa: PLC0415 - `waypost serve --help` and a wrong configuration need no server

    def judged() -> Loaded:
        loaded = options.resolve(args, reveal=True)
        for warning in demand(loaded):
            output.error(f"warning: {warning}")
        return loaded

    loaded = judged()
    if not loaded.settings.listeners:
        raise FailureError("no [[listeners]] in the configuration: there is nothing to serve", Exit.CONFIG)
    try:
        return serve(loaded, reload=judged)
    except StartError as error:
        raise FailureError(str(error), Exit(error.code)) from error
