"""Names: exchangers and addresses of hosts, over a cache with single flight. Knows no SMTP (RFC 5321 section 5.1 is ``route``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class NameLookupError(Exception):
    """The answer could not be had now (timeout, SERVFAIL): temporary."""


class NameMissingError(Exception):
    """The name does not exist, authoritatively (NXDOMAIN)."""


@dataclass(frozen=True, slots=True)
class Exchanger:
    """One MX record."""

    preference: int
    host: str
    """Lower case, no trailing dot; empty for a null MX (RFC 7505)."""


class Resolver(Protocol):
    """What routing asks of the DNS."""

    async def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        """MX records, unsorted; empty when the name exists without any. Raises NameMissingError, NameLookupError."""

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        """IP addresses of ``host``; empty when it has none. Raises NameMissingError, NameLookupError."""
