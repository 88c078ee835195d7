"""The stream on which an open page hears how a check goes.

It begins behind the event that the page knows already, and ends when the check does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from waypost.web.check.shown import event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from waypost.web.check.runs import Run
    from waypost.web.streaming import Ends, Source

MOST = 64
"""Streams at the same time."""


def progress(run: Run, lang: str, *, after: int) -> Source:
    """What happens in ``run`` behind its first ``after`` events, as it is written on a stream."""

    async def written(ends: Ends) -> AsyncGenerator[str, None]:
        known = after
        yield "retry: 1000\n\n"
        while not ends.have_come():
            moved = run.moved
            for each in run.progress[known:]:
                known += 1
                yield _piece(known, *event(each, lang))
            if run.over:
                yield _piece(known, "over", {})
                return
            await ends.unless(moved.wait())

    return written


def _piece(number: int, name: str, content: object) -> str:
    return f"id: {number}\nevent: {name}\ndata: {msgspec.json.encode(content).decode()}\n\n"
