"""Macros of SPF: what ``%{i}`` and its like stand for in one evaluation (RFC 7208 section 7). Knows no DNS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_EXPAND = re.compile(r"%(?:\{([A-Za-z])([0-9]*)([rR]?)([.\-+,/_=]*)\}|([%_\-]))")
_FIXED = {"%": "%", "_": " ", "-": "%20"}
_LONGEST = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose mail is judged."""

    address: IPv4Address | IPv6Address
    local_part: str
    sender_domain: str
    helo: str
    receiver: str = "unknown"

    @property
    def sender(self) -> str:
        """The whole address."""
        return f"{self.local_part}@{self.sender_domain}"


def uses_names(text: str) -> bool:
    """Whether ``%{p}`` stands in it, which costs look-ups of the address's names."""
    return any(letter.lower() == "p" for letter, *_ in _EXPAND.findall(text))


def expand(text: str, who: Who, domain: str, *, name: str = "unknown", now: int = 0) -> str:
    """``text`` with its macros replaced; ``name`` stands for ``%{p}``, ``now`` (seconds) for ``%{t}``."""
    values = {
        "s": who.sender,
        "l": who.local_part,
        "o": who.sender_domain,
        "d": domain,
        "i": _dotted(who.address),
        "p": name,
        "h": who.helo,
        "v": "in-addr" if who.address.version == 4 else "ip6",
        "c": str(who.address),
        "r": who.receiver,
        "t": str(now),
    }

    def replaced(found: re.Match[str]) -> str:
        if found[5]:
            return _FIXED[found[5]]
        value = _transformed(values[found[1].lower()], found[2], reverse=bool(found[3]), delimiters=found[4] or ".")
        return quote(value, safe="-._~") if found[1].isupper() else value

    return _EXPAND.sub(replaced, text)


def as_name(text: str) -> str:
    """An expanded domain, cut from the left, label by label, until it fits into a name (7208#7.3)."""
    name = text.removesuffix(".")
    while len(name) > _LONGEST and "." in name:
        name = name.partition(".")[2]
    return name


def _transformed(value: str, digits: str, *, reverse: bool, delimiters: str) -> str:
    parts = re.split(f"[{re.escape(delimiters)}]", value)
    if reverse:
        parts.reverse()
    if digits:
        parts = parts[-int(digits[:4]) :]
    return ".".join(parts)


def _dotted(address: IPv4Address | IPv6Address) -> str:
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", "").upper())
