"""Which addresses are public: judged by the registries of special blocks, on the very address that is dialled."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost.diagnose.dialling import Withheld
from waypost.diagnose.plan import PORTS
from waypost.web.check.gate import Rules
from waypost.web.check.special import block_of, client_network, parsed
from web_check.gate_kit import through, within

REGISTRY = (
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4"),
    *("::1/128", "::/128", "::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
    *("2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48"),
    *("2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
"""IANA's registries of special-purpose addresses, row by row, with multicast, site-local and IPv4-compatible addresses beside them."""


PUBLIC = ("8.8.8.8", "44.128.0.25", "1.1.1.1", "223.255.255.255", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0")
PUBLIC += (
    "11.0.0.0",
    "9.255.255.255",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "2a02:db0::25",
    "2606:4700::1",
    "2001:200::1",
    "2003::1",
)


@pytest.mark.parametrize("row", REGISTRY)
def test_no_special_block_is_reached(row: str) -> None:
    """The first and the last address of every block of the registries are kept back, and nothing is dialled."""
    network = ip_network(row)
    for address in (network.network_address, network.broadcast_address):
        assert through(str(address)) == (Withheld.NOT_PUBLIC, [])


@given(st.sampled_from(REGISTRY).flatmap(within))
def test_nothing_in_a_special_block_is_reached(address: IPv4Address | IPv6Address) -> None:
    """Nor is any address between."""
    assert block_of(address) is not None
    assert through(str(address)) == (Withheld.NOT_PUBLIC, [])


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
@example(IPv4Address("8.8.8.8"))
@example(IPv4Address("127.0.0.1"))
def test_no_ipv6_form_of_an_ipv4_address_is_reached(inner: IPv4Address) -> None:
    """Mapped, compatible, NAT64, 6to4, Teredo and ISATAP forms of any IPv4 address are kept back, in whatever way they are written."""
    number = int(inner)
    forms = [
        (0xFFFF << 32) | number,
        number,
        (0x0064_FF9B << 96) | number,
        (0x0064_FF9B_0001 << 80) | number,
        (0x2002 << 112) | (number << 80) | 1,
        (0x2001 << 112) | (number ^ 0xFFFF_FFFF),
        (0x2A02_0DB0 << 96) | (0x5EFE << 32) | number,
        (0x2A02_0DB0 << 96) | (0x0200_5EFE << 32) | number,
    ]
    for form in forms:
        address = IPv6Address(form)
        assert through(str(address)) == (Withheld.NOT_PUBLIC, [])
        assert through(address.exploded) == (Withheld.NOT_PUBLIC, [])
    assert through(f"::ffff:{inner}") == (Withheld.NOT_PUBLIC, [])


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_what_is_dialled_is_public(address: IPv4Address | IPv6Address) -> None:
    """Whatever address comes, what the system is told to dial is that address in its plain form, and the world calls it global."""
    why, dialled = through(str(address))
    if why is None:
        assert [(str(address), 25)] == dialled
        assert address.is_global
        assert not any((address.is_multicast, address.is_private, address.is_reserved, address.is_link_local))
    else:
        assert dialled == []


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address: str) -> None:
    """The neighbours of every block, and ordinary addresses, pass."""
    assert through(address) == (None, [(address, 25)])


def test_an_address_is_dialled_in_its_plain_form() -> None:
    """However an address is written, the system is handed the one form of what was judged."""
    assert through("2A02:0DB0:0:0::0025") == (None, [("2a02:db0::25", 25)])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "localhost",
            "example.org",
            "127.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "2130706433",
            "127.0.0.1 ",
            " 127.0.0.1",
            "[::1]",
            "127.0.0.1\n",
        ),
        *("fe80::1%lo", "2a02:db0::1%eth0", "::1%1", "", "1.1.1.1/32", "\uff11.1.1.1", "1.1.1.1\0", "8.8.8.8:25", "44.128.0.025", "0"),
    ],
)
def test_what_is_no_plain_address_is_not_dialled(text: str) -> None:
    """A name, a number, a zone, another spelling: the system never gets to interpret it."""
    assert through(text) == (Withheld.NOT_PUBLIC, [])


@given(st.integers(-10, 70_000))
def test_ports_of_mail_alone(port: int) -> None:
    """Of a public address the ports of mail are dialled and no other; those of this server's listeners are not, either."""
    expected = (None, [("44.128.0.25", port)]) if port in PORTS else (Withheld.PORT, [])

    assert expected == through("44.128.0.25", port)
    assert expected == through("44.128.0.25", port, Rules(inside=(ip_network("10.0.0.0/8"),), ports=frozenset({port})))


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_who_counts_as_one_client(client: str, network: str) -> None:
    """An IPv4 address is one, and so is an IPv6 network of 64 bits."""
    assert network == client_network(client)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """What is taken for an address reads back as the same."""
    address = parsed(text)
    assert address is None or ip_address(str(address)) == address
