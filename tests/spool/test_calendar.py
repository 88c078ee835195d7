"""The order of domains: what is chosen, what sleeps, and what it costs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.spool.calendar import Calendar

if TYPE_CHECKING:
    from collections.abc import Container


def chosen(calendar: Calendar, now: float, busy: Container[str] = ()) -> str | None:
    """The name chosen; what made it due is taken as done."""
    domain = calendar.choose(now, busy)
    if domain is None:
        return None
    if domain.fresh and (domain.stored is None or domain.fresh[0][0] <= domain.stored):
        domain.fresh.popleft()
    else:
        domain.stored = None
    calendar.back(domain, now)
    return domain.name


def test_nothing_is_chosen_before_it_is_due() -> None:
    """A domain is chosen at its moment and not before."""
    calendar = Calendar()
    calendar.stored("one", 100.0)
    assert chosen(calendar, 99.9) is None
    assert chosen(calendar, 100.0) == "one"
    assert chosen(calendar, 100.0) is None
    assert len(calendar) == 0


def test_a_sleeper_wakes_at_its_earliest_moment() -> None:
    """An earlier moment brings a sleeper forward, a later one does not put it off."""
    calendar = Calendar()
    for due in (500.0, 100.0, 300.0):
        calendar.stored("one", due)
    assert calendar.next_due() == 100.0
    assert chosen(calendar, 100.0) == "one"


def test_the_parked_cost_nothing_until_they_are_free() -> None:
    """A busy domain is set aside, does not call for attention, and keeps its place in the order."""
    calendar = Calendar()
    calendar.fresh("busy", 1.0, 1)
    calendar.fresh("free", 2.0, 2)
    assert chosen(calendar, 5.0, {"busy"}) == "free"
    assert chosen(calendar, 5.0, {"busy"}) is None
    assert calendar.next_due() is None
    calendar.fresh("busy", 3.0, 3)
    assert chosen(calendar, 5.0, {"busy"}) is None
    calendar.fresh("free", 4.0, 4)
    calendar.unpark(())
    assert [chosen(calendar, 5.0) for _ in range(4)] == ["busy", "busy", "free", None]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.integers(0, 60).map(lambda tenth: tenth / 10)), min_size=1, max_size=40)
)
def test_the_order_is_by_moment(events: list[tuple[str, bool, float]]) -> None:
    """Whatever comes in whatever order: each domain is chosen no later than the second of its first, the oldest second first."""
    calendar = Calendar()
    first: dict[str, float] = {}
    for number, (name, is_fresh, due) in enumerate(sorted(events, key=lambda event: event[2]) if events[0][1] else events):
        moment = 0.0 if is_fresh else due
        first[name] = min(moment, first.get(name, moment))
        if is_fresh:
            calendar.fresh(name, 0.0, number)
        else:
            calendar.stored(name, due)
    order = []
    while (name := chosen(calendar, 1000.0)) is not None:
        if name not in order:
            order.append(name)
    assert set(first) == set(order)
    assert [int(first[name]) for name in order] == sorted(int(first[name]) for name in order)


def test_waking_is_gradual() -> None:
    """When a hundred thousand domains are due at once, choosing a few makes only a few active."""
    calendar = Calendar()
    for number in range(100_000):
        calendar.stored(f"d{number}.example", 10.0)
    assert all(chosen(calendar, 20.0) for _ in range(10))
    assert len(calendar._active) <= 1
    assert len(calendar) == 99_990


def test_a_sleeping_domain_takes_less_than_two_hundred_octets() -> None:
    """A million domains that sleep fit into 200 MB."""
    calendar = Calendar()
    count = 100_000
    for number in range(count):
        calendar.stored(f"domain{number}.example", 1000.0 + number % 14_400)
    lists = sum(sys.getsizeof(slot) for slot in calendar._slots.values())
    names = sum(sys.getsizeof(name) for name in calendar._sleeping)
    tables = sys.getsizeof(calendar._sleeping) + sys.getsizeof(calendar._slots) + sys.getsizeof(calendar._seconds)
    seconds = 32 * len(calendar._seconds)
    assert (lists + names + tables + seconds) / count < 200
