"""The stream on which an open page hears how a check goes: server-sent events, of which only so many at once.

WHATWG HTML section 9.2. It begins behind the event that the page knows already, and ends when the check does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from waypost.web.check.shown import event

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from waypost.web.check.runs import Run

MOST = 64
"""Streams at the same time."""
_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")],
}


class Streams:
    """Streams for pages."""

    def __init__(self, ending: asyncio.Event) -> None:
        """``ending`` is set when the server ends."""
        self._ending = ending
        self._open = 0

    @property
    def full(self) -> bool:
        """Whether no further stream is opened."""
        return self._open >= MOST or self._ending.is_set()

    def stream(self, run: Run, lang: str, *, after: int) -> Response:
        """What happens in ``run`` behind its first ``after`` events."""
        return _Stream(self, run, lang, after)

    async def tell(self, run: Run, lang: str, after: int, receive: Receive, send: Send) -> None:
        """One stream, until the check is over, its page is closed or the server ends."""
        self._open += 1
        gone = asyncio.ensure_future(_disconnected(receive))
        over = asyncio.ensure_future(self._ending.wait())
        try:
            await send(_START)
            await send(_piece("retry: 1000\n\n"))
            while not (gone.done() or over.done()):
                moved = run.moved
                for each in run.progress[after:]:
                    after += 1
                    await send(_piece(_written(after, *event(each, lang))))
                if run.over:
                    await send(_piece(_written(after, "over", {})))
                    break
                await _first(asyncio.ensure_future(moved.wait()), gone, over)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._open -= 1
            for task in (gone, over):
                task.cancel()
            await asyncio.gather(gone, over, return_exceptions=True)


class _Stream(Response):
    """A stream as an answer."""

    def __init__(self, streams: Streams, run: Run, lang: str, after: int) -> None:
        super().__init__()
        self._streams = streams
        self._run = run
        self._lang = lang
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run it; whoever asks for the head alone gets that."""
        if scope["method"] == "HEAD":
            await send(_START)
            await send({"type": "http.response.body", "body": b""})
            return
        await self._streams.tell(self._run, self._lang, self._after, receive, send)


async def _first(waiting: asyncio.Future[Any], *ends: asyncio.Future[Any]) -> None:
    """Wait for whichever comes first."""
    try:
        await asyncio.wait([waiting, *ends], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _written(number: int, name: str, content: object) -> str:
    return f"id: {number}\nevent: {name}\ndata: {msgspec.json.encode(content).decode()}\n\n"


def _piece(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
