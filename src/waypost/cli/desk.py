"""Where a command goes with its question: to the server that runs, or to the stores themselves when none does. Knows no verb."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from waypost.cli import options
from waypost.cli.exits import Exit, FailureError
from waypost.daemon.offline import Offline, opened
from waypost.net.control import ControlError, NobodyThereError, ask
from waypost.operate.verbs import OperatorError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine, Iterator
    from pathlib import Path


class Desk:
    """Asks in the one way that works this moment."""

    def __init__(self, control: Path, runner: asyncio.Runner, offline: Offline | None) -> None:
        self._control = control
        self._runner = runner
        self._offline = offline

    def call(self, verb: str, **args: Any) -> Any:
        """Do ``verb``. Raises FailureError with one sentence."""
        try:
            return self._runner.run(self._ask(verb, args))
        except (OperatorError, ControlError) as error:
            raise FailureError(str(error), Exit.DATA) from error
        except NobodyThereError as error:
            raise FailureError(f"the server behind {self._control} went away; say it again", Exit.TEMPORARY) from error

    def _ask(self, verb: str, args: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        if self._offline is not None:
            return self._offline.call(verb, args)
        return ask(self._control, verb, args)


@contextlib.contextmanager
def open_desk(args: argparse.Namespace) -> Iterator[Desk]:
    """A desk for the data that ``args`` name: the server is asked when it runs, else the shards are opened and locked."""
    settings = options.resolve(args).settings
    control = settings.data / "control.sock"
    with asyncio.Runner() as runner:
        if _runs(runner, control):
            yield Desk(control, runner, None)
            return
        with opened(settings, runner) as offline:
            yield Desk(control, runner, offline)


def _runs(runner: asyncio.Runner, control: Path) -> bool:
    """Whether a server answers; one that may not be asked is a failure, not an absence."""
    try:
        runner.run(ask(control, "ping", {}, seconds=10))
    except NobodyThereError:
        return False
    except ControlError as error:
        raise FailureError(str(error), Exit.NO_PERMISSION) from error
    except TimeoutError as error:
        raise FailureError(f"the server behind {control} does not answer", Exit.TEMPORARY) from error
    return True
