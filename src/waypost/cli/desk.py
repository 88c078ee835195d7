"""Where a command goes with its question: to the server that runs, or to the stores themselves when none does. Knows no verb."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

from waypost.cli import options
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.clock import SYSTEM
from waypost.config.dev import dev_data
from waypost.net.control import ControlError, NobodyThereError, ask
from waypost.operate.filters import FilterError, words
from waypost.operate.verbs import OperatorError
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError
from waypost.store.database import StoreError
from waypost.store.lock import LockedError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path

    from waypost.config.settings import Settings
    from waypost.daemon.offline import Offline


_PATIENCE = 3.0
"""Seconds to wait for a server that is starting or stopping, or for another command, to let go of the data directory."""
_LOOK_AGAIN = 0.1


class Desk:
    """Asks in the one way that works this moment."""

    def __init__(self, control: Path, runner: asyncio.Runner, offline: Offline | None) -> None:
        self._control = control
        self._runner = runner
        self._offline = offline

    @property
    def live(self) -> bool:
        """Whether a server answers; else the stores are asked, and nothing new comes in."""
        return self._offline is None

    def call(self, verb: str, **args: Any) -> Any:
        """Do ``verb``. Raises FailureError with one sentence."""
        try:
            return self._runner.run(self._ask(verb, args))
        except (OperatorError, ControlError) as error:
            raise FailureError(str(error), Exit.DATA) from error
        except (StoreError, SpoolFullError, SpoolUnavailableError) as error:
            raise FailureError(str(error), Exit.UNAVAILABLE) from error
        except NobodyThereError as error:
            raise FailureError(f"the server behind {self._control} went away; say it again", Exit.TEMPORARY) from error

    def pages(self, verb: str, **args: Any) -> Iterator[dict[str, Any]]:
        """The pages of what ``verb`` answers (``operate.paging``), each asked for when it is wanted: whoever stops here stops the
        server's work too. Raises FailureError with one sentence.
        """
        page = self.call(verb, **args)
        yield page
        while page["after"] is not None:
            page = self.call(verb, **args, after=page["after"])
            yield page

    def _ask(self, verb: str, args: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        if self._offline is not None:
            return self._offline.call(verb, args)
        return ask(self._control, verb, args)


def check_filter(texts: Sequence[str], meant: Callable[..., object]) -> None:
    """Raise UsageError for what is no filter (``queue_filter`` or ``inbox_search`` of ``operate.filters``), before anything is opened."""
    try:
        meant(words(texts), now=0.0)
    except FilterError as error:
        raise UsageError(str(error)) from error


@contextlib.contextmanager
def open_desk(args: argparse.Namespace, *, may_be_absent: bool = False) -> Iterator[Desk]:
    """A desk for the data that ``args`` name: the server is asked when it runs, else the shards are opened and locked.

    ``may_be_absent``: a data directory that is not there yet is an empty one; that of the dev profile always is, before its first start.
    Raises FailureError.
    """
    settings = options.resolve(args).settings
    if not (may_be_absent or settings.data == dev_data(os.environ)):
        _demand(settings.data)
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        yield _opened(settings, runner, stack)


def _demand(data: Path) -> None:
    """Raise FailureError unless there is a data directory: a name that is mistyped must not look like an empty server."""
    if not data.exists():
        raise FailureError(f"there is no data directory {data}: name the one that `waypost serve` uses", Exit.NO_INPUT)
    if not data.is_dir():
        raise FailureError(f"{data} is no directory: name the data directory that `waypost serve` uses", Exit.NO_INPUT)


def _opened(settings: Settings, runner: asyncio.Runner, stack: contextlib.ExitStack) -> Desk:
    control = settings.data / "control.sock"
    until = SYSTEM.monotonic() + _PATIENCE
    while not _runs(runner, control):
        from waypost.daemon.offline import opened  # noqa: PLC0415 - every room; a server that runs answers without it

        try:
            return Desk(control, runner, stack.enter_context(opened(settings, runner)))
        except LockedError as error:
            if SYSTEM.monotonic() > until:
                said = f"{settings.data} is in use by a process that does not answer: it is starting or stopping; say it again in a while"
                raise FailureError(said, Exit.TEMPORARY) from error
            runner.run(asyncio.sleep(_LOOK_AGAIN))
        except StoreError as error:
            raise FailureError(str(error), Exit.UNAVAILABLE) from error
    return Desk(control, runner, None)


def _runs(runner: asyncio.Runner, control: Path) -> bool:
    """Whether a server answers; one that may not be asked is a failure, not an absence."""
    try:
        runner.run(ask(control, "ping", {}, seconds=10))
    except NobodyThereError:
        return False
    except ControlError as error:
        raise FailureError(str(error), Exit.NO_PERMISSION) from error
    except TimeoutError as error:
        raise FailureError(f"the server behind {control} does not answer; say it again in a while", Exit.TEMPORARY) from error
    return True
