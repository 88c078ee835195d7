"""The log: which events are told, at which severity, in which form. Knows no file and no thread: it is handed a sink of octets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from waypost.clock import SYSTEM
from waypost.observe.events import AttemptBegan, ServerChanged, SessionOpened, SessionSecured, Spoken
from waypost.observe.json_lines import JsonLines
from waypost.observe.postfix_lines import PostfixLines
from waypost.observe.settings import LogFormat, LogSettings
from waypost.observe.terminal_lines import TerminalLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from waypost.clock import Clock
    from waypost.observe.events import Event

STDERR = 2
_RANK = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_UNUSUAL = frozenset({Spoken, AttemptBegan, SessionOpened, SessionSecured, ServerChanged})
"""Events that are not always told at level info."""
_CONVERSATION = frozenset({Spoken, AttemptBegan})
"""Events for whoever follows conversations, of which a log has nothing."""
_GREETED = frozenset({"greeting", "greeting-lmtp"})


class Log:
    """An observer that writes each event as a line into ``sink``."""

    __slots__ = ("_clock", "_hostname", "_is_terminal", "_json", "_least", "_postfix", "_sink", "_terminal")

    def __init__(
        self,
        settings: LogSettings,
        sink: Callable[[bytes], None],
        clock: Clock = SYSTEM,
        *,
        terminal: bool = False,
        colour: bool = False,
        hostname: str = "",
    ) -> None:
        """``terminal``: whether standard error is one, for the format ``auto``; ``hostname``: for the postfix form."""
        self._sink = sink
        self._clock = clock.wall
        self._is_terminal = terminal
        self._hostname = hostname
        self._terminal = TerminalLines(colour=colour)
        self.apply(settings)

    def apply(self, settings: LogSettings) -> None:
        """Go by ``settings`` from the next event on."""
        form = settings.format
        if form is LogFormat.AUTO:
            form = LogFormat.TERMINAL if self._is_terminal else LogFormat.JSON
        self._least = _RANK[settings.level.value]
        self._json = JsonLines() if form is LogFormat.JSON else None
        hostname = self._hostname or os.uname().nodename
        self._postfix = PostfixLines(settings.name, hostname, os.getpid()) if form is LogFormat.POSTFIX else None

    def tell(self, event: Event) -> None:
        """Write ``event`` if it is severe enough; never blocks when the sink does not, never raises."""
        level = _level(event, connections=self._postfix is not None)
        if _RANK[level] >= self._least and type(event) not in _CONVERSATION:
            self._sink(self._line(event, level))

    def lost(self, count: int) -> bytes:
        """The line that tells how many were dropped: for ``Lines.lost``."""
        return self._line(ServerChanged(what="log-lines-dropped", detail=str(count), severity="warning"), "warning")

    def _line(self, event: Event, level: str) -> bytes:
        wall = self._clock()
        if self._json is not None:
            return self._json.write(event, level, wall)
        if self._postfix is not None:
            return self._postfix.write(event, wall)
        return self._terminal.write(event, level, wall)


class Printer(Log):
    """A log that writes at once: for processes without threads and for the time before there is a loop."""

    __slots__ = ()

    def __init__(self, settings: LogSettings, clock: Clock = SYSTEM, *, fd: int = STDERR, hostname: str = "") -> None:
        def write(line: bytes) -> None:
            try:
                os.write(fd, line)
            except OSError:  # nobody reads any more: a log must not end the server
                return

        super().__init__(settings, write, clock, terminal=os.isatty(fd), colour=wants_colour(fd), hostname=hostname)


def wants_colour(fd: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether colour is welcome: a terminal, and nobody said NO_COLOR or TERM=dumb."""
    return os.isatty(fd) and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def columns(fd: int) -> int:
    """How wide the terminal is now; 80 where there is none."""
    try:
        return os.get_terminal_size(fd).columns or 80
    except OSError:
        return 80


def _level(event: Event, *, connections: bool) -> str:
    """How severe ``event`` is; ``connections``: whether readers of this form count connections."""
    if type(event) not in _UNUSUAL:
        return "info"
    match event:
        case Spoken() | AttemptBegan():
            return "debug"
        case SessionOpened():
            return "info" if connections or event.key not in _GREETED else "debug"
        case SessionSecured():
            return "info" if event.error else "debug"
        case ServerChanged():
            return event.severity if event.severity in _RANK else "warning"
        case _:
            return "info"
