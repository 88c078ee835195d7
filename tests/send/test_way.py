"""Where a session goes: a server, a socket, or the exchangers of a domain; and what is said where there is no way."""

from __future__ import annotations

import asyncio

import pytest

from waypost.diagnose.send.way import MOST, Given, NoWayError, Place, places
from waypost.net.dns import Exchanger, NameLookupError, NameMissingError, is_address

EXCHANGERS = {
    "example.org": (Exchanger(20, "mx2.example.org"), Exchanger(10, "mx1.example.org")),
    "implicit.example": (),
    "null.example": (Exchanger(0, ""),),
    "lost.example": (Exchanger(10, "nowhere.example"),),
    "half.example": (Exchanger(5, "nowhere.example"), Exchanger(10, "mx1.example.org")),
    "crowd.example": tuple(Exchanger(number, f"mx{number}.crowd.example") for number in range(20)),
}
ADDRESSES = {
    "mx1.example.org": ("2001:db8::1", "192.0.2.1"),
    "mx2.example.org": ("192.0.2.2",),
    "implicit.example": ("192.0.2.3",),
    **{f"mx{number}.crowd.example": (f"192.0.2.{number}",) for number in range(20)},
}


class Names:
    """A DNS of these names alone; ``broken.example`` cannot be asked for."""

    async def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        if domain == "broken.example":
            raise NameLookupError("broken.example: no resolver answered in time")
        if domain not in EXCHANGERS:
            raise NameMissingError(domain)
        return EXCHANGERS[domain]

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        if is_address(host):
            return (host,)
        if host == "broken.example":
            raise NameLookupError("broken.example: no resolver answered in time")
        if host not in ADDRESSES:
            raise NameMissingError(host)
        return tuple(address for address in ADDRESSES[host] if ipv6 or ":" not in address)


def _places(given: Given) -> list[str]:
    found: tuple[Place, ...] = asyncio.run(places(given, Names(), shuffle=lambda _: None))
    return [f"{place.host} {place}" for place in found]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Given(domain="example.org"), ["mx1.example.org [2001:db8::1]:25", "mx1.example.org 192.0.2.1:25", "mx2.example.org 192.0.2.2:25"]),
        (Given(domain="example.org", family=6), ["mx1.example.org [2001:db8::1]:25"]),
        (Given(domain="example.org", family=4, port=26), ["mx1.example.org 192.0.2.1:26", "mx2.example.org 192.0.2.2:26"]),
        (Given(domain="implicit.example"), ["implicit.example 192.0.2.3:25"]),
        (Given(domain="half.example", family=4), ["mx1.example.org 192.0.2.1:25"]),
        (Given(server="192.0.2.9", domain="example.org", port=587), ["192.0.2.9 192.0.2.9:587"]),
        (Given(server="mx2.example.org"), ["mx2.example.org 192.0.2.2:25"]),
        (Given(domain="[192.0.2.7]"), ["192.0.2.7 192.0.2.7:25"]),
        (Given(domain="[IPv6:2001:db8::7]"), ["2001:db8::7 [2001:db8::7]:25"]),
        (Given(socket="/run/lmtp"), ["localhost /run/lmtp"]),
    ],
)
def test_ways(given: Given, expected: list[str]) -> None:
    """By preference, both families, the implicit MX where there is none (5321#5.1), and literals."""
    assert _places(given) == expected


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (Given(domain="null.example"), "mx-null"),
        (Given(domain="none.example"), "name-missing"),
        (Given(domain="broken.example"), "resolver-silent"),
        (Given(domain="lost.example"), "name-missing"),
        (Given(server="none.example"), "name-missing"),
        (Given(server="broken.example"), "resolver-silent"),
        (Given(server="mx2.example.org", family=6), "address-missing"),
    ],
)
def test_no_way(given: Given, key: str) -> None:
    """What stands in the way is named by a finding, whose words are whole in both languages."""
    with pytest.raises(NoWayError) as fault:
        _places(given)
    finding = fault.value.finding
    assert finding is not None
    assert finding.key == key
    assert not [word for lang in ("en", "zh") for word in (finding.told(lang).meaning, finding.told(lang).fix) if "{" in word]


def test_ways_are_bounded() -> None:
    """However many exchangers a domain names."""
    assert len(_places(Given(domain="crowd.example"))) == MOST
