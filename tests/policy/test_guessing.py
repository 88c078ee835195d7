from __future__ import annotations

import pytest

from waypost.policy.checks.guessing import SLOWEST, WINDOW, Guessing


class Hands:
    """Monotonic seconds to be turned."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def guessing(network: int = 3, account: int = 3) -> tuple[Guessing, Hands]:
    hands = Hands()
    return Guessing(network=network, account=account, now=hands), hands


def test_a_network_is_refused_at_its_limit_and_no_other() -> None:
    """Failures of all its addresses and accounts count together; the next network is not touched."""
    some, _ = guessing(network=3)
    for address, account in (("192.0.2.1", "a"), ("192.0.2.2", "b"), ("192.0.2.255", "c")):
        assert not some.refuses("192.0.2.1", "d")
        some.failed(address, account)
    assert some.refuses("192.0.2.9", "d")
    assert not some.refuses("192.0.3.1", "d")


def test_failures_grow_old() -> None:
    """A window after the first failure nothing counts any more, and counting begins anew."""
    some, hands = guessing(network=1, account=1)
    some.failed("192.0.2.1", "a")
    hands.now = WINDOW - 1
    assert (some.refuses("192.0.2.1", "a"), some.delay("198.51.100.1", "a")) == (True, 1.0)
    hands.now = WINDOW
    assert (some.refuses("192.0.2.1", "a"), some.delay("198.51.100.1", "a")) == (False, 0.0)
    some.failed("192.0.2.1", "a")
    assert some.refuses("192.0.2.1", "a")


def test_an_account_is_slowed_and_never_locked() -> None:
    """Each failure beyond the limit doubles the wait, up to the longest; case and length of the name make no other account of it."""
    some, _ = guessing(network=1000, account=2)
    waits = []
    for _ in range(9):
        waits.append(some.delay("192.0.2.1", "ADA"))
        some.failed("192.0.2.1", "ada")
    assert waits == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, SLOWEST, SLOWEST]
    long = "x" * 5000
    for _ in range(3):
        some.failed("192.0.2.1", long)
    assert some.delay("192.0.2.1", f"{long}y") > 0


@pytest.mark.parametrize("address", ["192.0.2.77", "2001:db8::7"])
def test_where_an_account_was_opened_nobody_waits(address: str) -> None:
    """A network that logged in before is neither refused nor slowed for that account, and still is for others."""
    some, _ = guessing(network=1, account=1)
    some.succeeded(address, "ada")
    for _ in range(5):
        some.failed(address, "ada")
        some.failed(address, "bob")
    assert (some.refuses(address, "Ada"), some.delay(address, "ada")) == (False, 0.0)
    assert some.refuses(address, "bob")
    assert some.delay(address, "bob") > 0


def test_limits_change_and_what_was_counted_stays() -> None:
    """A reload may raise or lower them."""
    some, _ = guessing(network=1)
    some.failed("192.0.2.1", "a")
    some.limit(network=2, account=1)
    assert not some.refuses("192.0.2.1", "a")
    some.limit(network=1, account=1)
    assert some.refuses("192.0.2.1", "a")


def test_memory_is_bounded() -> None:
    """Names that are out of date are thrown away, and of the networks that know an account the oldest are forgotten."""
    some, hands = guessing(network=1, account=1)
    for number in range(20_000):
        hands.now = number * 1.0
        some.failed(f"10.{number >> 8 & 255}.{number & 255}.1", f"a{number}")
        some.succeeded(f"10.{number >> 8 & 255}.{number & 255}.1", f"k{number}")
    assert len(some._networks._counts) < 10_000
    assert len(some._accounts._counts) < 10_000
    assert len(some._known) == 4096
    assert not some._knows("10.0.0.1", "k0")
