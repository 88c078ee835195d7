"""The only reader of the time; knows no other room.

Times at rest are wall-clock UTC seconds since the epoch; intervals and deadlines are monotonic seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Clock:
    """Two readings, handed to whoever needs the time, so that tests can turn the hands."""

    wall: Callable[[], float]
    """Seconds since 1970-01-01 UTC: for what is kept."""

    monotonic: Callable[[], float]
    """Seconds that never jump: for deadlines and intervals."""


SYSTEM = Clock(wall=time.time, monotonic=time.monotonic)
