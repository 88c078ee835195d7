"""Applications as the web's process makes them: with an inbox behind them, and without."""

from __future__ import annotations

from typing import Any

import pytest

from waypost.clock import Clock
from waypost.web.app import Given, make
from waypost.web.security import Hosts


class Desk:
    """Whoever is asked for mail; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        self.asked.append(verb)
        return "here" if verb == "ping" else []


class Hands:
    """A clock whose hands a test turns."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.seconds, monotonic=lambda: self.seconds)


@pytest.fixture(scope="session")
def public() -> Any:
    """The application of a public bind: the reference alone, for any host name."""
    return make(Given(hosts=Hosts(anyone=True), url="", desk=None, clock=Hands().clock))


@pytest.fixture(scope="session")
def _made() -> tuple[Any, Desk, Hands]:
    desk, hands = Desk(), Hands()
    return make(Given(hosts=Hosts(names=frozenset({"codes.example.org"})), url="", desk=desk, clock=hands.clock)), desk, hands


@pytest.fixture
def desk(_made: tuple[Any, Desk, Hands]) -> Desk:
    """The desk behind ``own``, which was asked nothing yet."""
    _made[1].asked.clear()
    return _made[1]


@pytest.fixture
def hands(_made: tuple[Any, Desk, Hands]) -> Hands:
    """The clock of ``own``, long after the last test asked anything."""
    _made[2].seconds += 3600
    return _made[2]


@pytest.fixture
def own(_made: tuple[Any, Desk, Hands], desk: Desk, hands: Hands) -> Any:
    """The application of a loopback bind, with an inbox and a public name behind a proxy."""
    return _made[0]
