"""One answer out of several processes' answers."""

from __future__ import annotations

import asyncio
from typing import Any

from waypost.operate.fleet import Fleet
from waypost.operate.joining import first, join


class Member:
    """Answers every verb with what it was given."""

    def __init__(self, answer: Any, after: float = 0.0) -> None:
        self.answer = answer
        self.after = after

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        await asyncio.sleep(self.after)
        return self.answer


def test_lists_are_merged_in_their_order_and_cut() -> None:
    """The inbox is shown newest first, whatever process holds a message; the limit holds for all."""
    old, new = {"captured": 1}, {"captured": 2}
    assert join("inbox.list", [[old], [new]], limit=None) == [new, old]
    assert join("inbox.list", [[old], [new]], limit=1) == [new]


def test_counts_are_summed() -> None:
    """What each process did is what was done."""
    assert join("inbox.delete", [{"deleted": 2}, {"deleted": 3}], limit=None) == {"deleted": 5}


def test_a_single_thing_is_found_wherever_it_is() -> None:
    """Processes that know nothing of it are silent."""

    async def ask() -> Any:
        return await Fleet([Member(None), Member({"id": "A"}), Member(None)]).call("queue.show", {"id": "A"})

    assert asyncio.run(ask()) == {"id": "A"}


def test_the_first_message_that_comes_ends_the_wait() -> None:
    """Waiting on several processes ends with the first that has something, and leaves no task behind."""

    async def wait() -> Any:
        answer = await Fleet([Member(None, 0.01), Member("mail", 0.02), Member("late", 30)]).call("inbox.wait", {})
        return answer, len(asyncio.all_tasks())

    assert asyncio.run(wait()) == ("mail", 1)


def test_nobody_has_anything() -> None:
    """None from all is None."""

    async def nothing() -> None:
        return None

    async def wait() -> Any:
        return await first([nothing(), nothing()])

    assert asyncio.run(wait()) is None
