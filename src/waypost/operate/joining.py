"""One answer out of several processes' answers. Pure but for the waiting; knows no process."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence


async def first(waits: Sequence[Awaitable[Any]]) -> Any:
    """The first answer that is not None; None when there was none."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        for ended in asyncio.as_completed(tasks):
            answer = await ended
            if answer is not None:
                return answer
        return None
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


_ORDER = {"inbox.list": ("captured", True), "refused": ("began", True)}


def join(verb: str, answers: Sequence[Any], *, limit: int | None) -> Any:
    """One answer from several: lists in their order, counts summed, the first that knows of a single thing."""
    if verb in _ORDER:
        field, newest_first = _ORDER[verb]
        rows = sorted((row for answer in answers for row in answer), key=lambda row: row[field], reverse=newest_first)
        return rows[:limit]
    if verb == "inbox.delete":
        return {"deleted": sum(answer["deleted"] for answer in answers)}
    return answers[0] if answers else None
