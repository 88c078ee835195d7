"""Which addresses are no public ones, and by which block. Pure; knows no socket.

The IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 section 2.2), with multicast and the older forms beside them.
Blocks that the registries call globally reachable are here too, where no mail server of anybody lives in them. Of IPv6 the global
unicast addresses alone are public (RFC 4291 section 2.4); no form that has an IPv4 address inside it is, whichever that one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Block:
    """A range that is not public."""

    network: Network
    says: str
    """What it is for, as the registry calls it."""

    @property
    def nowhere(self) -> bool:
        """Whether no machine of any network has such an address, or it is another way to write one of this machine or of IPv4."""
        return self.says in _NOWHERE


_FOUR = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private use"),
    ("100.64.0.0/10", "shared address space of providers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link local"),
    ("172.16.0.0/12", "private use"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private use"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
)
_SIX = (
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::/96", "IPv4-compatible"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64 of a network"),
    ("100::/64", "discard only"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/32", "Teredo"),
    ("2001:2::/48", "benchmarking"),
    ("2001:10::/28", "ORCHID"),
    ("2001:20::/28", "ORCHID"),
    ("2001:30::/28", "drone identifiers"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private use"),
    ("fe80::/10", "link local"),
    ("fec0::/10", "site local"),
    ("ff00::/8", "multicast"),
)
BLOCKS = tuple(Block(ip_network(text), says) for text, says in (*_FOUR, *_SIX))
"""The narrower before the wider."""
_NOWHERE = frozenset(
    ("this network", "multicast", "broadcast", "reserved", "unspecified", "IPv4-mapped", "IPv4-compatible", "discard only", "ISATAP")
)
_UNICAST = IPv6Network("2000::/3")
_ELSEWHERE = Block(IPv6Network("::/0"), "no global unicast")
_TUNNELLED = Block(IPv6Network("::5efe:0:0/96"), "ISATAP")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an interface identifier that has an IPv4 address in its lower half (RFC 5214 section 6.1)."""


def block_of(address: Address) -> Block | None:
    """The range that makes ``address`` no public one; None of a public one."""
    for block in BLOCKS:
        if address.version == block.network.version and address in block.network:
            return block
    if isinstance(address, IPv6Address):
        if address not in _UNICAST:
            return _ELSEWHERE
        if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
            return _TUNNELLED
    return None


def parsed(text: str) -> Address | None:
    """An address of plain form; None for whatever is none, and for one with a zone (``fe80::1%eth0``)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address


def client_network(text: str) -> str:
    """Whom limits count as one client: an IPv4 address, an IPv6 network of 64 bits, for a host has as many addresses there as it likes."""
    address = parsed(text)
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        return str(inner) if inner is not None else str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address) if address is not None else text
