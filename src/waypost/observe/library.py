"""Warnings of libraries (asyncio, dnspython) that speak through the standard logging become events like all others."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from waypost.observe.events import ServerChanged

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 900


class Bridge(logging.Handler):
    """Hands records to ``tell``; a record, its traceback included, is one event."""

    def __init__(self, tell: Callable[[ServerChanged], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a library's own mistake in its format
            text = str(record.msg)
        if record.exc_info is not None:
            text = f"{text}: {_story(record.exc_info[1])}"
        severity = "error" if record.levelno >= logging.ERROR else "warning"
        self._tell(ServerChanged(what="library", detail=f"{record.name}: {text}"[:_LONGEST], severity=severity))


def bridge(tell: Callable[[ServerChanged], None]) -> Callable[[], None]:
    """Hear every library from now on; the callable that comes back undoes it."""
    handler = Bridge(tell)
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [handler]
    logging.captureWarnings(capture=True)

    def undo() -> None:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before

    return undo


def _story(error: BaseException | None) -> str:
    """The error and where it rose, innermost first, on one line."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in reversed(frames))
    words = "".join(traceback.format_exception_only(error)).strip().replace("\n", " | ")
    return f"{words} in {where}" if where else words
