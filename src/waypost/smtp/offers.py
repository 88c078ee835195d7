"""What a next hop offers, read from its answer to EHLO or LHLO; knows no connection (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """The extensions of one next hop, as far as this client makes use of them."""

    pipelining: bool = False
    chunking: bool = False
    eight_bit: bool = False
    """8BITMIME."""
    smtputf8: bool = False
    dsn: bool = False
    starttls: bool = False
    sized: bool = False
    """SIZE was offered: then it is declared."""
    size: int = 0
    """Largest message in octets; 0: no limit was named (1870#4)."""
    mechanisms: frozenset[str] = frozenset()
    """AUTH mechanisms, upper case."""


NOTHING = Offers()
"""What a server that answers only HELO offers."""


def read_offers(lines: Sequence[str]) -> Offers:
    """The offers in the lines of a positive answer; its first line is only a greeting. Unknown keywords mean nothing to us."""
    words = [line.upper().split() for line in lines[1:]]
    keywords = {line[0]: line[1:] for line in words if line}
    mechanisms = {name for line in words if line and line[0] == "AUTH" for name in line[1:]}
    # Servers of the last century write the list with an equals sign.
    mechanisms |= {name for line in words if line and line[0].startswith("AUTH=") for name in (line[0][5:], *line[1:]) if name}
    size = keywords.get("SIZE", [])
    return Offers(
        pipelining="PIPELINING" in keywords,
        chunking="CHUNKING" in keywords,
        eight_bit="8BITMIME" in keywords,
        smtputf8="SMTPUTF8" in keywords,
        dsn="DSN" in keywords,
        starttls="STARTTLS" in keywords,
        sized="SIZE" in keywords,
        size=int(size[0]) if size and size[0].isascii() and size[0].isdigit() and len(size[0]) <= 20 else 0,
        mechanisms=frozenset(mechanisms),
    )
