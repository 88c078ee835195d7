"""Wait for something to come about in another process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def until(condition: Callable[[], T], *, seconds: float = 15, what: str = "it") -> T:
    """The first true value of ``condition``; AssertionError when there is none in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come about within {seconds} s"
        time.sleep(0.05)
    return found
