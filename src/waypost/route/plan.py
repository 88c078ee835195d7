"""Which way a recipient goes: the first transport that matches its domain. Pure; knows no DNS, clock or session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.replies.keys import Key
from waypost.route.route import Route, Unroutable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.route.transports import Transport


def plan(domain: str, transports: Sequence[Transport]) -> Route | Unroutable:
    """The route for ``domain`` (as ``Mailbox.domain`` has it; empty for bare Postmaster)."""
    for transport in transports:
        if transport.takes(domain):
            return Route(domain=domain, transport=transport)
    return Unroutable(key=Key.ROUTE_MISSING, detail=f"no transport matches {domain or 'an address without a domain'}")
