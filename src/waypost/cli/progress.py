"""The line that tells how far a check has come, on the terminal, gone when it is over. Knows no probe."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Self

from waypost.cli import output
from waypost.diagnose.check import Began, Ended, Found
from waypost.diagnose.finding import Severity
from waypost.observe.layout import columns
from waypost.replies.terms import label

if TYPE_CHECKING:
    from types import TracebackType

    from waypost.diagnose.check import Progress as Event
    from waypost.diagnose.finding import Stage

_TURNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TICK = 0.1
_MARKS = {Severity.ERROR: output.RED, Severity.WARNING: output.YELLOW, Severity.NOTE: "", Severity.OK: output.GREEN}
_ORDER = tuple(_MARKS)


class Progress:
    """Stages that are under way and over, each in the colour of the gravest thing found there."""

    def __init__(self, target: str, lang: str, *, shown: bool) -> None:
        self._target = target
        self._lang = lang
        self._shown = shown
        self._began = time.monotonic()
        self._turn = 0
        self._over: dict[Stage, bool] = {}
        self._worst: dict[Stage, Severity] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the line empty."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def tell(self, event: Event) -> None:
        """Take an event of the check."""
        match event:
            case Began(stage):
                self._over.setdefault(stage, False)
            case Ended(stage, _):
                self._over[stage] = True
            case Found(finding):
                now = self._worst.get(finding.stage, Severity.OK)
                self._worst[finding.stage] = min(now, finding.severity, key=_ORDER.index)
        self._draw()

    async def tick(self) -> None:
        """Turn the wheel until cancelled."""
        while self._shown:
            await asyncio.sleep(_TICK)
            self._turn += 1
            self._draw()

    def _draw(self) -> None:
        if not self._shown:
            return
        room = output.width() - 1
        head = output.printable(f"{_TURNS[self._turn % len(_TURNS)]} {label('check', 'checking', self._lang).format(target=self._target)}")
        parts, taken = [head], columns(head)
        for stage, over in self._over.items():
            word = f"{label('stage', stage.value, self._lang)}{'' if over else ' …'}"
            taken += columns(word) + 3
            if taken > room - 8:
                break
            parts.append(output.painted(word, _MARKS[self._worst.get(stage, Severity.OK)] if over else output.DIM))
        seconds = f"{time.monotonic() - self._began:.0f} s"
        sys.stderr.write(f"\r\x1b[K{' · '.join(parts)}   {seconds}" if taken <= room else f"\r\x1b[K{head[:room]}")
        sys.stderr.flush()
