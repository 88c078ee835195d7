from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from waypost.net.wheel import TICK, Wheel


class Hands:
    """A clock to be turned, and the calls that were asked for."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[float] = []
        self.wheel = Wheel(lambda: self.now, self.call_later)

    def call_later(self, seconds: float, what: object) -> object:
        self.asked.append(seconds)
        return what

    def forward(self, seconds: float) -> None:
        self.now += seconds
        self.wheel.turn()


class Hand:
    """Something with a deadline."""

    def __init__(self) -> None:
        self.due = 0.0
        self.slot = 0
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1


def test_deadline_fires_once_and_not_early() -> None:
    """It expires within a tick after it is due, and once."""
    hands, hand = Hands(), Hand()
    hands.wheel.set(hand, 1.0)
    hands.forward(0.99)
    assert hand.expired == 0
    hands.forward(0.01 + TICK)
    assert hand.expired == 1
    hands.forward(100)
    assert hand.expired == 1


def test_deadline_that_moves_later_does_not_fire_at_its_old_time() -> None:
    """Moving it on costs nothing, and it fires at the new time."""
    hands, hand = Hands(), Hand()
    hands.wheel.set(hand, 1.0)
    hands.wheel.set(hand, 5.0)
    hands.forward(4.9)
    assert (hand.expired, len(hands.wheel)) == (0, 1)
    hands.forward(0.3)
    assert hand.expired == 1


def test_deadline_that_moves_earlier_fires_earlier() -> None:
    """A shorter deadline replaces a longer one."""
    hands, hand = Hands(), Hand()
    hands.wheel.set(hand, 300.0)
    hands.wheel.set(hand, 1.0)
    assert len(hands.wheel) == 1
    hands.forward(1.2)
    assert (hand.expired, len(hands.wheel)) == (1, 0)


def test_lifted_and_removed_deadlines_never_fire() -> None:
    """Lifted it may stand until its slot comes round; removed it is gone at once."""
    hands, lifted, removed = Hands(), Hand(), Hand()
    hands.wheel.set(lifted, 1.0)
    hands.wheel.set(removed, 1.0)
    hands.wheel.lift(lifted)
    hands.wheel.remove(removed)
    hands.wheel.remove(removed)
    assert len(hands.wheel) == 1
    hands.forward(2.0)
    assert (lifted.expired, removed.expired, len(hands.wheel)) == (0, 0, 0)


def test_one_timer_serves_all() -> None:
    """However many deadlines stand in it, one call of the loop is asked for; none when it is empty."""
    hands = Hands()
    for _ in range(1000):
        hands.wheel.set(Hand(), 5.0)
    assert hands.asked == [TICK]


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.01, 20)), max_size=30), st.floats(0.01, 3))
def test_every_deadline_fires_in_its_time(moves: list[tuple[int, float]], step: float) -> None:
    """Whatever was set in whatever order, each fires between its due time and a step and a tick later."""
    hands, some = Hands(), [Hand() for _ in range(4)]
    due: dict[int, float] = {}
    for which, seconds in moves:
        hands.wheel.set(some[which], seconds)
        due[which] = hands.now + seconds
    while due:
        hands.forward(step)
        for which in list(due):
            if some[which].expired:
                assert hands.now >= due[which]
                assert hands.now <= due[which] + step + 2 * TICK
                del due[which]
            else:
                assert hands.now < due[which] + 2 * TICK
