"""When to try again and when to give up: pure decisions over ``QueueSettings``. Knows no clock, no storage and no network.

Times are wall-clock seconds. 5321#4.5.4.1: a retry interval of at least 30 minutes in general, giving up after 4 to 5 days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.spool.settings import QueueSettings


def wait(settings: QueueSettings, attempts: int) -> int:
    """Seconds between the attempt number ``attempts`` (counted from 1) and the next, before jitter; the last wait repeats."""
    return settings.retry[min(max(attempts, 1), len(settings.retry)) - 1]


def next_attempt(settings: QueueSettings, *, attempts: int, now: float, random: Callable[[], float]) -> float:
    """When to try again after ``attempts`` attempts of which the last ended ``now``; ``random`` gives numbers from 0 up to 1."""
    share = settings.jitter / 100
    return now + wait(settings, attempts) * (1 - share + 2 * share * random())


def lifetime(settings: QueueSettings, *, null_path: bool) -> int:
    """Seconds after which a message is given up; notices have their own."""
    return settings.notice_lifetime if null_path else settings.lifetime


def expired(settings: QueueSettings, *, arrived: float, attempts: int, now: float, null_path: bool) -> bool:
    """Whether to give up: old enough and tried often enough, so that a clock that jumps gives nothing up (C15)."""
    return attempts >= settings.minimum_attempts and now - arrived >= lifetime(settings, null_path=null_path)


def delay_notice_due(settings: QueueSettings, *, arrived: float, now: float, notified: bool, null_path: bool) -> bool:
    """Whether the sender is to be told that the message is late: once, never about a notice (5321#6.1), not when switched off."""
    return settings.delay_notice > 0 and not notified and not null_path and now - arrived >= settings.delay_notice


def plan(settings: QueueSettings, *, arrived: float, attempts: int, next_at: float, null_path: bool, count: int = 10) -> list[float]:
    """The next ``count`` attempts without jitter, the one at ``next_at`` first; the last is the one after which it is given up."""
    found = [next_at]
    while len(found) < count:
        made = attempts + len(found)
        if expired(settings, arrived=arrived, attempts=made, now=found[-1], null_path=null_path):
            break
        found.append(found[-1] + wait(settings, made))
    return found
