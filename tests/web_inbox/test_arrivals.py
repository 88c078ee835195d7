"""Live arrival: one watch for all pages, a bounded number of streams, none that outlives its page or the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from support.mailroom import Room
from waypost.web.inbox import arrivals, pulse
from waypost.web.inbox.arrivals import Arrivals
from waypost.web.inbox.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Page:
    """A page that listens to a stream."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.ended = False

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.ended = not message.get("more_body", False)
            await self.told.put(message["body"])

    def listen(self, streams: Arrivals) -> asyncio.Task[None]:
        return asyncio.ensure_future(streams.stream()({"type": "http", "method": "GET"}, self.receive, self.send))


class Desk:
    """A server on which a test lets things happen."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.refused: list[dict[str, Any]] = []
        self.waits = 0

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        if verb == "refused":
            return list(self.refused)
        self.waits += 1
        try:
            async with asyncio.timeout(0.02):
                return await self.came.get()
        except TimeoutError:
            return None


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "_TURN", 0.02)
    monkeypatch.setattr(pulse, "_GATHER", 0.0)


def play(room: Room, scene: Callable[[Desk, Arrivals, Pulse, asyncio.Event], Awaitable[None]]) -> None:
    async def run() -> None:
        desk, ending = Desk(), asyncio.Event()
        beats = Pulse(desk, room.clock)
        async with asyncio.timeout(20):
            await scene(desk, Arrivals(beats, ending), beats, ending)

    asyncio.run(run())


def test_mail_and_refusals_are_told(room: Room) -> None:
    """Each page that listens is told when a message came and when a session was refused; what was there before is not told."""

    async def scene(desk: Desk, streams: Arrivals, *_: Any) -> None:
        desk.refused = [{"session": "old"}]
        pages = [Page(), Page()]
        tasks = [page.listen(streams) for page in pages]
        for page in pages:
            assert await page.told.get() == b"retry: 2000\n\n"
        await desk.came.put({"captured": room.seconds + 1})
        assert {b"event: change\ndata: {}\n\n"} == {await page.told.get() for page in pages}
        desk.refused = [{"session": "new"}]
        assert {b"event: change\ndata: {}\n\n"} == {await page.told.get() for page in pages}
        assert all(page.told.empty() for page in pages)
        for page in pages:
            page.gone.set()
        await asyncio.gather(*tasks)

    play(room, scene)


def test_nobody_is_asked_when_nobody_looks(room: Room) -> None:
    """The watch on the server ends with the last page that listens, and begins anew with the next."""

    async def scene(desk: Desk, streams: Arrivals, *_: Any) -> None:
        for _round in range(2):
            page = Page()
            task = page.listen(streams)
            await page.told.get()
            page.gone.set()
            await task
            await asyncio.sleep(0.05)
            before = desk.waits
            await asyncio.sleep(0.1)
            assert before == desk.waits

    play(room, scene)


def test_streams_are_bounded(room: Room) -> None:
    """So many pages listen at once; a page that is closed makes room."""

    async def scene(desk: Desk, streams: Arrivals, *_: Any) -> None:
        pages = [Page() for _ in range(arrivals.MOST)]
        tasks = [page.listen(streams) for page in pages]
        for page in pages:
            await page.told.get()
        assert streams.full
        pages[0].gone.set()
        await tasks[0]
        assert not streams.full
        for page in pages:
            page.gone.set()
        await asyncio.gather(*tasks)

    play(room, scene)


def test_streams_end_with_the_server(room: Room) -> None:
    """When the server ends, every stream ends well, and no new one is opened."""

    async def scene(desk: Desk, streams: Arrivals, _: Pulse, ending: asyncio.Event) -> None:
        page = Page()
        task = page.listen(streams)
        await page.told.get()
        ending.set()
        await task
        assert page.ended
        assert streams.full

    play(room, scene)


def test_a_quiet_stream_shows_that_it_lives(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens a comment goes out now and then, so that a connection that is dead is noticed."""
    monkeypatch.setattr(arrivals, "_ALIVE", 0.01)

    async def scene(desk: Desk, streams: Arrivals, *_: Any) -> None:
        page = Page()
        task = page.listen(streams)
        told = [await page.told.get() for _ in range(3)]
        assert told == [b"retry: 2000\n\n", b": here\n\n", b": here\n\n"]
        page.gone.set()
        await task

    play(room, scene)


def test_a_full_house_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream too many is refused with when to try again."""
    monkeypatch.setattr(arrivals, "MOST", 0)
    answer = Room().get("/inbox/events")

    assert answer.status == 503
    assert answer.fields["retry-after"] == "30"


def test_only_our_own_pages_listen(room: Room) -> None:
    """A stream is opened for a page of ours, or a program, and for nobody else."""
    for fields in ([("origin", "http://evil.example")], [("origin", "null")], [("sec-fetch-site", "cross-site")]):
        assert room.get("/inbox/events", fields=fields).status == 403


def test_real_stores_are_watched(room: Room) -> None:
    """The verbs of the server give what the watch asks for: a message that is captured makes it beat."""

    async def scene(*_: Any) -> None:
        beats = Pulse(room.desk, room.clock)
        with beats.watched():
            await beats.begun()
            room.talk("X", ("500 5.5.1 no", "command-unknown"), refused="command-unknown")
            assert await beats.later(0) == 1

    play(room, scene)
