"""What the reverse name of an address tells receivers of who sends there. Knows no DNS (RFC 1912 section 2.1 is the probe of names)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

_KINDS = "dyn|dynamic|dhcp|dial|dialup|pool|ppp|pppoe|adsl|dsl|cable|broadband|client|customer|cust|home|res|static"
_WORDS = re.compile(rf"(?:^|[.\-_\d])(?:{_KINDS})(?=[.\-_\d])")


def looks_generated(name: str, address: str) -> bool:
    """Whether a provider made the name out of the address, as for machines that send no mail."""
    text = name.lower()
    if ":" in address:
        return bool(re.search(r"(?:[0-9a-f]{1,4}[.\-]){5}", text))
    octets = IPv4Address(address).packed
    decimal = [str(octet) for octet in octets]
    parts = [str(int(part)) for part in re.findall(r"[0-9]{1,3}", text)]
    holds = _in_row(decimal, parts) or _in_row(decimal[::-1], parts) or octets.hex() in text
    return holds or (bool(_WORDS.search(text)) and len(set(decimal) & set(parts)) >= 2)


def _in_row(wanted: list[str], parts: list[str]) -> bool:
    """Whether at least three of the four octets, the last among them, stand one behind another."""
    return any(parts[start : start + len(piece)] == piece for piece in (wanted, wanted[1:], wanted[:3]) for start in range(len(parts)))
