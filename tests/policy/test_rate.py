from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.policy.checks.rate import Clients, Networks, network_of
from waypost.replies import Key


class Hands:
    """Monotonic seconds to be turned."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def clients(address: int = 100, network: int = 100, rate: int = 100) -> tuple[Clients, Hands]:
    hands = Hands()
    return Clients(address=address, network=network, rate=rate, now=hands), hands


def test_connections_of_an_address_at_their_edge() -> None:
    """The limit is let in, one more is not and is not counted; one that leaves makes room."""
    some, _ = clients(address=2)
    assert [some.arrive("192.0.2.1") for _ in range(3)] == [None, None, Key.GREETING_CLIENT_CONNECTIONS]
    assert some.held("192.0.2.1") == 2
    some.leave("192.0.2.1")
    assert some.arrive("192.0.2.1") is None


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        (["192.0.2.1", "192.0.2.2", "192.0.2.255"], "192.0.3.1"),
        (["2001:db8::1", "2001:db8:0:ff::1", "2001:db8:0:7f:1::"], "2001:db8:0:100::1"),
    ],
)
def test_connections_of_a_network_at_their_edge(addresses: list[str], other: str) -> None:
    """A /24 and a /56 are counted together, whatever the address."""
    some, _ = clients(network=2)
    assert [some.arrive(address) for address in addresses] == [None, None, Key.GREETING_CLIENT_CONNECTIONS]
    assert some.arrive(other) is None


def test_rate_at_its_edge() -> None:
    """So many in a minute, one more is turned away, and a minute after the first they are let in again."""
    some, hands = clients(rate=3)
    assert [some.arrive("192.0.2.1") for _ in range(4)] == [None, None, None, Key.GREETING_CLIENT_RATE]
    assert some.arrive("192.0.2.2") is None
    hands.now = 59.9
    assert some.arrive("192.0.2.1") is Key.GREETING_CLIENT_RATE
    hands.now = 60.0
    assert some.arrive("192.0.2.1") is None


def test_nothing_is_kept_of_clients_that_are_gone() -> None:
    """A hundred thousand addresses that came and went leave no more behind than a minute's worth."""
    some, hands = clients()
    for number in range(100_000):
        hands.now += 0.05
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        assert some.arrive(address) is None
        some.leave(address)
    assert some._held == {}
    assert len(some._windows) < 10_000


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.1", "::1"])), max_size=60))
def test_counts_are_those_of_the_connections(moves: list[tuple[bool, str]]) -> None:
    """Whatever comes and goes, each address holds what came and did not leave."""
    some, _ = clients(rate=1000)
    held: dict[str, int] = {}
    for comes, address in moves:
        if comes and some.arrive(address) is None:
            held[address] = held.get(address, 0) + 1
        elif held.get(address):
            some.leave(address)
            held[address] -= 1
    assert {address: some.held(address) for address in held} == held


def test_limits_may_change_while_clients_are_in() -> None:
    """Those that are in stay; the new limits hold for the next."""
    some, _ = clients(address=3)
    for _ in range(3):
        assert some.arrive("192.0.2.1") is None
    some.limit(address=2, network=100, rate=100)
    some.leave("192.0.2.1")
    assert some.arrive("192.0.2.1") is Key.GREETING_CLIENT_CONNECTIONS
    some.leave("192.0.2.1")
    assert some.arrive("192.0.2.1") is None


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2ff::7", "2001:db8:1:200::/56"), ("::1", "::/56")],
)
def test_networks_are_named(address: str, network: str) -> None:
    """An IPv4 address by its /24, an IPv6 address by its /56."""
    assert network_of(address) == network


def test_trusted_networks_contain_their_addresses() -> None:
    """CIDR of both families, single addresses too; nothing else, and nobody without an address."""
    networks = Networks(("192.0.2.0/25", "2001:db8::/32", "198.51.100.7"))
    inside = ["192.0.2.0", "192.0.2.127", "2001:db8:ffff::1", "198.51.100.7"]
    outside = ["192.0.2.128", "2001:db9::1", "198.51.100.8", "", "rubbish"]
    assert [networks.contains(address) for address in inside + outside] == [True] * 4 + [False] * 5
    assert not Networks(()).contains("127.0.0.1")
    with pytest.raises(ValueError, match="rubbish"):
        Networks(("rubbish",))
