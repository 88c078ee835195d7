"""Streams of events that an open page listens to: only so many at once, none outlives its page or the server. Knows no event itself.

WHATWG HTML section 9.2 (server-sent events).
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
    from typing import TypeAlias

    from starlette.types import Message, Receive, Scope, Send

    Source: TypeAlias = "Callable[[Ends], AsyncGenerator[str, None]]"
    """What is written on a stream, piece by piece, until it has come to an end or one of ``Ends`` has."""

T = TypeVar("T")
_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")],
}
_END: Message = {"type": "http.response.body", "body": b""}


class Ends:
    """What ends a stream from outside: the page that is closed, the server that ends."""

    def __init__(self, *ends: asyncio.Future[Any]) -> None:
        self._ends = ends

    def have_come(self) -> bool:
        """Whether there is nobody to write to any more."""
        return any(end.done() for end in self._ends)

    async def unless(self, waiting: Coroutine[Any, Any, T], *, seconds: float | None = None) -> T | None:
        """What is waited for; None when it takes longer than ``seconds``, or an end comes first."""
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait([task, *self._ends], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Streams:
    """Streams for pages, at most ``most`` at the same time."""

    def __init__(self, most: int, ending: asyncio.Event) -> None:
        """``ending`` is set when the server ends."""
        self._most = most
        self._ending = ending
        self._open = 0

    @property
    def full(self) -> bool:
        """Whether no further stream is opened."""
        return self._open >= self._most or self._ending.is_set()

    def answer(self, source: Source) -> Response:
        """A stream of what ``source`` writes, as an answer."""
        return _Stream(self, source)

    async def run(self, source: Source, receive: Receive, send: Send, *, head: bool) -> None:
        """One stream, until its source, its page or the server ends; whoever asks for the head alone gets that."""
        self._open += 1
        try:
            if head:
                await send(_START)
            else:
                await self._write(source, receive, send)
            await send(_END)
        finally:
            self._open -= 1

    async def _write(self, source: Source, receive: Receive, send: Send) -> None:
        async with self._ends(receive) as ends, aclosing(source(ends)) as pieces:
            await send(_START)
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})

    @asynccontextmanager
    async def _ends(self, receive: Receive) -> AsyncIterator[Ends]:
        ends = [asyncio.ensure_future(_disconnected(receive)), asyncio.ensure_future(self._ended())]
        try:
            yield Ends(*ends)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _ended(self) -> None:
        await self._ending.wait()


class _Stream(Response):
    """A stream as an answer."""

    def __init__(self, streams: Streams, source: Source) -> None:
        super().__init__()
        self._streams = streams
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run it."""
        await self._streams.run(self._source, receive, send, head=scope["method"] == "HEAD")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
