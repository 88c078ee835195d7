"""Running the application on a socket that was opened before: uvicorn, kept on a short lead. Knows no page and no configuration."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

    from waypost.net.listen import Listening

_HEAD_SECONDS = 20.0
"""Seconds in which a request's head must have come whole, counted from its first chance to begin."""
_IDLE_SECONDS = 15
"""Seconds that a connection may wait between requests."""
_HEAD = 32_768
"""Octets of a request's head at most."""
_CONNECTIONS = 256
"""Beyond it, answers are 503."""
_OPEN = 512
"""Connections held at most; further ones are closed unanswered, for asyncio stumbles where descriptors run out."""
_AT_ONCE = 64
"""Connections that asyncio takes in one turn of the loop."""
_FAREWELL_SECONDS = 2
"""Seconds that open answers get when the server ends."""


class _Prompt(H11Protocol):
    """uvicorn's protocol, which would wait for the head of a request for ever."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a first head."""
        super().connection_made(transport)
        if len(self.connections) > _OPEN:
            transport.abort()
            return
        self._head = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Between requests the time begins anew with the first octets of the next."""
        if self._head is None:
            self._head = self.loop.call_later(_HEAD_SECONDS, self._give_up)
        super().data_received(data)
        if self._answering():
            self._cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._cancel()
        super().connection_lost(exc)

    def _cancel(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        if not self._answering():
            self.transport.close()

    def _answering(self) -> bool:
        """Whether a request has come whole and its answer has not gone out yet; before the first there is no cycle."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete


class _Server(uvicorn.Server):
    """Takes no signal: whoever runs the loop says when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(app: ASGIApp, listener: Listening, stopping: asyncio.Event) -> None:
    """Serve until ``stopping``, then finish what is being answered, for a moment."""
    config = uvicorn.Config(
        app,
        http=_Prompt,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_AT_ONCE,
        h11_max_incomplete_event_size=_HEAD,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
    )
    server = _Server(config)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a line for each broken request would let strangers fill the log

    async def end() -> None:
        await stopping.wait()
        server.should_exit = True

    ending = asyncio.ensure_future(end())
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()
