"""What a check tells of names: public addresses, and none of what stands inside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.broken_servers import FakeLookup
from waypost.diagnose.lookup import Outcome, Vouching, Word
from waypost.web.check.gate import Gate, Names, Rules
from waypost.web.check.special import BLOCKS, block_of
from web_check.gate_kit import HOME, INSIDE, told, within

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address


@given(st.sampled_from(BLOCKS).flatmap(lambda block: within(str(block.network))))
def test_inner_addresses_are_not_told(address: IPv4Address | IPv6Address) -> None:
    """Of a name that leads inside, the range is told and never the address; the operator's log has it."""
    records, inner = told((str(address), "44.128.0.25"))

    block = block_of(address)
    assert block is not None
    assert records == (str(address if address.is_loopback else block.network.network_address), "44.128.0.25")
    assert inner == ({} if address.is_loopback else {str(address): "mx.example.org"})


def test_listed_addresses_are_told() -> None:
    """Where the operator lets checks in, they tell what they see."""
    assert told(("10.1.2.3",), INSIDE) == (("10.1.2.3",), {})
    assert told(("10.1.2.3",), HOME) == (("10.1.2.3",), {})


@pytest.mark.parametrize("name", ["mx\\\\032x.example", "a b.example", "mx@example.org", "mx\\r\\nDATA.example", "", "b\u00fccher.example"])
def test_no_address_of_what_is_no_host(name: str) -> None:
    """A name that no host has, as MX may hold it, has no address here: it ends up in no handshake and no command."""
    lookup = FakeLookup({(name, "A"): ("44.128.0.25",)})
    answer = asyncio.run(Names(lookup=lookup, gate=Gate(rules=Rules())).ask(name, "A"))

    assert (answer.outcome, answer.records, lookup.asked) == (Outcome.MISSING, (), [])


def test_names_of_this_machine() -> None:
    """Names that only this machine knows lead nowhere, unless to where whoever asks may go."""

    def local(rules: Rules) -> tuple[str, ...]:
        lookup = FakeLookup({}, local={"localhost": ("127.0.0.1", "::1"), "db": ("10.0.0.5", "192.168.0.5")})
        names = Names(lookup=lookup, gate=Gate(rules=rules))

        async def run() -> tuple[str, ...]:
            return (*await names.local("localhost"), *await names.local("db"), *await names.local("44.128.0.25"))

        return asyncio.run(run())

    assert local(Rules()) == ("44.128.0.25",)
    assert local(INSIDE) == ("10.0.0.5", "44.128.0.25")
    assert local(HOME) == ("127.0.0.1", "10.0.0.5", "44.128.0.25")


def test_inner_resolvers_are_not_told() -> None:
    """Which resolver is asked is told to strangers where it is a public one."""

    class Far(FakeLookup):
        async def vouching(self) -> Vouching:
            return Vouching(word=Word.FAR, resolver="10.0.0.2, 9.9.9.9")

    def resolver(rules: Rules) -> str:
        return asyncio.run(Names(lookup=Far({}), gate=Gate(rules=rules)).vouching()).resolver

    assert resolver(Rules()) == "10.0.0.0/8, 9.9.9.9"
    assert resolver(HOME) == "10.0.0.2, 9.9.9.9"
