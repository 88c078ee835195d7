"""The stream that tells an open page that something new came: server-sent events, of which only so many at once. Shows nothing itself.

WHATWG HTML section 9.2. An event carries no mail: the page asks for its list anew, by the same route as anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import Message, Receive, Scope, Send

    from waypost.web.inbox.pulse import Pulse

T = TypeVar("T")
MOST = 32
"""Streams at the same time."""
_ALIVE = 15.0
"""Seconds after which a comment shows that the stream lives."""
_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")],
}


class Arrivals:
    """Streams for pages."""

    def __init__(self, pulse: Pulse, ending: asyncio.Event) -> None:
        self._pulse = pulse
        self._ending = ending
        self._open = 0

    @property
    def full(self) -> bool:
        """Whether no further stream is opened."""
        return self._open >= MOST or self._ending.is_set()

    def stream(self) -> Response:
        """One stream."""
        return _Stream(self)

    async def run(self, receive: Receive, send: Send, *, head: bool) -> None:
        """One stream, until its page is closed or the server ends."""
        self._open += 1
        try:
            if head:
                await send(_START)
            else:
                await self._stream(receive, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._open -= 1

    async def _stream(self, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnected(receive))
        over = asyncio.ensure_future(self._ending.wait())
        try:
            with self._pulse.watched():
                await _unless(self._pulse.begun(), gone, over)
                beats = self._pulse.beats
                await send(_START)
                await send(_piece("retry: 2000\n\n"))
                while not (gone.done() or over.done()):
                    later = await _unless(self._pulse.later(beats), gone, over)
                    if gone.done() or over.done():
                        break
                    await send(_piece(": here\n\n" if later is None else "event: change\ndata: {}\n\n"))
                    beats = beats if later is None else later
        finally:
            for task in (gone, over):
                task.cancel()
            await asyncio.gather(gone, over, return_exceptions=True)


class _Stream(Response):
    """A stream as an answer."""

    def __init__(self, arrivals: Arrivals) -> None:
        super().__init__()
        self._arrivals = arrivals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run it."""
        await self._arrivals.run(receive, send, head=scope["method"] == "HEAD")


async def _unless(waiting: Coroutine[Any, Any, T], *ends: asyncio.Future[Any]) -> T | None:
    """What is waited for; None when it takes long, or one of ``ends`` came first."""
    task = asyncio.ensure_future(waiting)
    try:
        waited: list[asyncio.Future[Any]] = [task, *ends]
        await asyncio.wait(waited, timeout=_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _piece(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
