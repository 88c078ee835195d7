"""From a domain to the hosts that take its mail."""

from __future__ import annotations

import asyncio

import pytest

from waypost.net.dns import Exchanger, NameLookupError, NameMissingError
from waypost.replies.keys import Key
from waypost.route.exchangers import exchangers
from waypost.route.route import Unroutable


class Names:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def exchangers(self, domain: str) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        raise AssertionError("no addresses are asked for here")


def find(answer: object, domain: str = "a.example", ourselves: frozenset[str] = frozenset()) -> object:
    found = asyncio.run(exchangers(domain, Names(answer), ourselves=ourselves, shuffle=lambda hosts: hosts.reverse()))
    return found.key if isinstance(found, Unroutable) else [(hop.host, hop.port) for hop in found]


def mx(*records: tuple[int, str]) -> tuple[Exchanger, ...]:
    return tuple(Exchanger(preference, host) for preference, host in records)


def test_by_preference_and_mixed_within_one() -> None:
    """Lower numbers first; hosts of one preference are shuffled; a host that stands twice is tried once."""
    found = find(mx((20, "d"), (10, "a"), (10, "b"), (10, "c"), (30, "a")))
    assert found == [("c", 25), ("b", 25), ("a", 25), ("d", 25)]


def test_implicit_mx() -> None:
    """A domain without MX records is its own exchanger."""
    assert find(()) == [("a.example", 25)]


def test_null_mx() -> None:
    """A null MX takes no mail (7505#3); beside other records it is ignored."""
    assert find(mx((0, ""))) == Key.DOMAIN_NO_MAIL
    assert find(mx((0, ""), (10, "a"))) == [("a", 25)]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (((10, "a"), (20, "us"), (30, "b")), [("a", 25)]),
        (((10, "a"), (20, "us"), (20, "b")), [("a", 25)]),
        (((10, "us"), (20, "b")), Key.ROUTE_LOOPS_BACK),
        (((10, "us"),), Key.ROUTE_LOOPS_BACK),
    ],
)
def test_ourselves(records: tuple[tuple[int, str], ...], expected: object) -> None:
    """From our own preference on every record is dropped; if none is left the mail would come back (5321#5.1)."""
    assert find(mx(*records), ourselves=frozenset({"us"})) == expected


def test_names_that_fail() -> None:
    """A name that does not exist is a failure for ever, a lookup that failed one for now."""
    assert find(NameMissingError("a.example")) == Key.DOMAIN_UNKNOWN
    assert find(NameLookupError("timeout")) == Key.NAME_LOOKUP_FAILED


@pytest.mark.parametrize(("domain", "address"), [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:db8::1]", "2001:db8::1")])
def test_address_literals(domain: str, address: str) -> None:
    """An address literal asks no DNS."""
    assert find(AssertionError("asked"), domain) == [(address, 25)]
