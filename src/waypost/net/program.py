"""A program as the other end of a connection: what it reads and writes is what is sent and received. Knows no SMTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from waypost.net.connection import Connection
from waypost.net.dial import UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.net.stream import ClientStream

GRACE = 2.0
"""Seconds in which a program must end once its input has ended, before it is told to."""


@contextlib.asynccontextmanager
async def running(words: Sequence[str]) -> AsyncIterator[ClientStream]:
    """Run a command line and talk with it; what it writes to its standard error stays there. Raises UnreachableError."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=theirs.fileno(), stdout=theirs.fileno())
    except (OSError, ValueError) as error:
        ours.close()
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        raise UnreachableError(why) from error
    finally:
        theirs.close()
    ours.setblocking(False)
    _, connection = await loop.create_connection(lambda: Connection(loop), sock=ours)
    try:
        yield connection
    finally:
        connection.close()
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    for stop in (None, process.terminate, process.kill):
        with contextlib.suppress(ProcessLookupError):
            if stop is not None:
                stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE)
            return
