"""Where a recipient goes, as a value: a route, or why there is none. Knows no DNS and no session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.keys import Key

if TYPE_CHECKING:
    from waypost.route.transports import NextHop, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The transport for a domain."""

    domain: str
    transport: Transport

    @property
    def hosts(self) -> tuple[NextHop, ...]:
        """The next hops, in order; empty: not by the network, or by MX."""
        return self.transport.hosts

    @property
    def by_exchangers(self) -> bool:
        """Whether the DNS names the next hops."""
        return self.transport.kind == "smtp" and not self.transport.hosts

    @property
    def destination(self) -> str:
        """What connections are counted by: the domain where the DNS decides, else the transport with its named next hops."""
        return self.domain if self.by_exchangers else self.transport.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Unroutable:
    """No way to a domain, now or ever: the class of the key's status says which."""

    key: Key = Key.ROUTE_MISSING
    detail: str = ""
