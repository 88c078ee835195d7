"""Reaching a next hop: one address, one connection. Knows no SMTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.net.stream import Stream


class UnreachableError(Exception):
    """No connection: refused, timed out, no route. The text says which, for logs and notices."""


async def dial(address: str, port: int, *, seconds: float) -> Stream:
    """A connection to ``address`` (an IP address) within ``seconds``. Raises UnreachableError."""
    raise NotImplementedError


async def dial_unix(path: str, *, seconds: float) -> Stream:
    """A connection to a UNIX socket. Raises UnreachableError."""
    raise NotImplementedError
