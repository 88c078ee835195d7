"""When to try again and when to give up, as a table."""

from __future__ import annotations

import pytest

from waypost.spool.schedule import delay_notice_due, expired, next_attempt, plan
from waypost.spool.settings import QueueSettings

DEFAULT = QueueSettings()
DAY = 86_400

NEXT = [
    ("the first wait", DEFAULT, 1, 0.5, 300.0),
    ("the least jitter", DEFAULT, 1, 0.0, 240.0),
    ("nearly the most jitter", DEFAULT, 1, 0.75, 330.0),
    ("the second wait", DEFAULT, 2, 0.5, 600.0),
    ("the last wait", DEFAULT, 7, 0.5, 14_400.0),
    ("the last wait repeats", DEFAULT, 8, 0.5, 14_400.0),
    ("and repeats", DEFAULT, 1000, 0.5, 14_400.0),
    ("no attempt counts as one", DEFAULT, 0, 0.5, 300.0),
    ("no jitter", QueueSettings(jitter=0), 3, 0.0, 1200.0),
    ("the most jitter allowed", QueueSettings(jitter=50), 1, 0.0, 150.0),
    ("a single wait", QueueSettings(retry=(7,), jitter=0), 5, 0.9, 7.0),
]


@pytest.mark.parametrize(("settings", "attempts", "random", "expected"), [row[1:] for row in NEXT], ids=[row[0] for row in NEXT])
def test_next_attempt(settings: QueueSettings, attempts: int, random: float, expected: float) -> None:
    """The wait follows the list, varied by the jitter."""
    assert next_attempt(settings, attempts=attempts, now=1000.0, random=lambda: random) == pytest.approx(1000.0 + expected)


EXPIRED = [
    ("young", 5 * DAY - 1, 50, False, False),
    ("old enough to the second", 5 * DAY, 50, False, True),
    ("old, but the clock jumped before the second attempt", 500 * DAY, 1, False, False),
    ("old and tried just often enough", 500 * DAY, 2, False, True),
    ("never tried", 500 * DAY, 0, False, False),
    ("a notice lives a day", DAY, 5, True, True),
    ("and not a second less", DAY - 1, 5, True, False),
    ("a clock that went back", -1000, 50, False, False),
]


@pytest.mark.parametrize(("age", "attempts", "null_path", "expected"), [row[1:] for row in EXPIRED], ids=[row[0] for row in EXPIRED])
def test_expired(age: float, attempts: int, null_path: bool, expected: bool) -> None:  # noqa: FBT001 - the columns of a table
    """Giving up needs both age and attempts."""
    assert expected is expired(DEFAULT, arrived=0.0, attempts=attempts, now=age, null_path=null_path)


DELAY = [
    ("not yet", DEFAULT, 14_399, False, False, False),
    ("at its moment", DEFAULT, 14_400, False, False, True),
    ("only once", DEFAULT, 20_000, True, False, False),
    ("never about a notice", DEFAULT, 20_000, False, True, False),
    ("switched off", QueueSettings(delay_notice=0), 20_000, False, False, False),
]


@pytest.mark.parametrize("row", DELAY, ids=[row[0] for row in DELAY])
def test_delay_notice(row: tuple[str, QueueSettings, float, bool, bool, bool]) -> None:
    """The sender hears once that the message is late."""
    _, settings, age, notified, null_path, expected = row
    assert expected is delay_notice_due(settings, arrived=0.0, now=age, notified=notified, null_path=null_path)


def test_plan_shows_the_waits_without_jitter() -> None:
    """The plan begins with the attempt that is set and follows the list."""
    assert plan(DEFAULT, arrived=0.0, attempts=1, next_at=300.0, null_path=False, count=4) == [300.0, 900.0, 2100.0, 4500.0]


def test_plan_ends_with_the_attempt_that_gives_up() -> None:
    """The last moment of a plan is the first at or past the lifetime."""
    planned = plan(QueueSettings(retry=(100,), lifetime=250), arrived=0.0, attempts=1, next_at=100.0, null_path=False)
    assert planned == [100.0, 200.0, 300.0]


def test_plan_is_bounded() -> None:
    """No more moments than asked for, and one at least."""
    assert len(plan(DEFAULT, arrived=0.0, attempts=0, next_at=0.0, null_path=False)) == 10
    assert plan(DEFAULT, arrived=0.0, attempts=99, next_at=9e9, null_path=False, count=5) == [9e9]
