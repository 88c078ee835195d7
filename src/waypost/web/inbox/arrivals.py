"""The stream that tells an open page that something new came. Shows nothing itself.

An event carries no mail: the page asks for its list anew, by the same route as anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.web.streaming import Streams

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from starlette.responses import Response

    from waypost.web.inbox.pulse import Pulse
    from waypost.web.streaming import Ends

MOST = 32
"""Streams at the same time."""
_ALIVE = 15.0
"""Seconds after which a comment shows that the stream lives."""


class Arrivals:
    """Streams for pages."""

    def __init__(self, pulse: Pulse, ending: asyncio.Event) -> None:
        """``ending`` is set when the server ends."""
        self._pulse = pulse
        self._streams = Streams(MOST, ending)

    @property
    def full(self) -> bool:
        """Whether no further stream is opened."""
        return self._streams.full

    def stream(self) -> Response:
        """One stream."""
        return self._streams.answer(self._told)

    async def _told(self, ends: Ends) -> AsyncGenerator[str, None]:
        with self._pulse.watched():
            await ends.unless(self._pulse.begun(), seconds=_ALIVE)
            beats = self._pulse.beats
            yield "retry: 2000\n\n"
            while not ends.have_come():
                later = await ends.unless(self._pulse.later(beats), seconds=_ALIVE)
                if ends.have_come():
                    return
                yield ": here\n\n" if later is None else "event: change\ndata: {}\n\n"
                beats = beats if later is None else later
