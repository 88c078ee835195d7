"""Reaching a next hop: one address, one connection. Knows no SMTP."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from waypost.net.connection import Connection, handshake_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from waypost.net.stream import ClientStream


class UnreachableError(Exception):
    """No connection: refused, timed out, no route. The text says which, for logs and notices."""


async def dial(address: str, port: int, *, seconds: float, local: tuple[str, int] | None = None) -> ClientStream:
    """A connection to ``address`` (an IP address) within ``seconds``, from ``local`` where that is given. Raises UnreachableError."""
    loop = asyncio.get_running_loop()
    return await _reach(loop.create_connection(lambda: Connection(loop), address, port, local_addr=local), seconds)


async def dial_unix(path: str, *, seconds: float) -> ClientStream:
    """A connection to a UNIX socket. Raises UnreachableError."""
    loop = asyncio.get_running_loop()
    return await _reach(loop.create_unix_connection(lambda: Connection(loop), path), seconds)


async def _reach(connecting: Awaitable[tuple[asyncio.Transport, Connection]], seconds: float) -> ClientStream:
    try:
        async with asyncio.timeout(seconds):
            _, connection = await connecting
    except TimeoutError as error:
        raise UnreachableError(f"no connection within {seconds:g} seconds") from error
    except OSError as error:
        raise UnreachableError(_reason(error)) from error
    return connection


def _reason(error: OSError) -> str:
    """One line without the address, which whoever dialled names."""
    if error.errno:
        return os.strerror(error.errno).lower()
    return handshake_fault(error)
