"""Long answers in pages, out of several processes' pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.operate.fleet import Fleet
from waypost.operate.verbs import OperatorError

PAGE = 3


class Shard:
    """A process whose queue holds ``ids``; it gives so many at a time, and notes what it was asked to change."""

    def __init__(self, *ids: str) -> None:
        self.ids = sorted(ids)
        self.asked = 0

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        self.asked += 1
        left = [id_ for id_ in self.ids if id_ > (args.get("after") or "")]
        some = left[:PAGE]
        after = some[-1] if len(left) > PAGE else None
        if verb == "queue.list":
            return {"rows": [{"id": id_} for id_ in some], "after": after}
        return {"changed": some, "busy": [], "after": after}


class Gone:
    """A process that is starting or gone."""

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        return None


def pages(fleet: Fleet, verb: str, **args: Any) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        found = [await fleet.call(verb, args)]
        while found[-1]["after"] is not None:
            found.append(await fleet.call(verb, {**args, "after": found[-1]["after"]}))
        return found

    return asyncio.run(ask())


@given(st.lists(st.frozensets(st.text("ABC", min_size=1, max_size=3), max_size=9), min_size=1, max_size=4))
def test_each_row_comes_once_and_in_order(shards: list[frozenset[str]]) -> None:
    """However the messages lie over the processes, the pages together are the sorted list of them all."""
    ids = [[f"{id_}{number}" for id_ in shard] for number, shard in enumerate(shards)]
    listed = pages(Fleet([Shard(*one) for one in ids]), "queue.list")
    assert sorted(id_ for one in ids for id_ in one) == [row["id"] for page in listed for row in page["rows"]]
    changed = pages(Fleet([Shard(*one) for one in ids]), "queue.alter")
    assert [id_ for one in ids for id_ in sorted(one)] == [id_ for page in changed for id_ in page["changed"]]


def test_a_page_is_bounded_and_goes_on_where_it_ended() -> None:
    """A limit cuts a page, and what comes next begins behind the cut."""
    fleet = Fleet([Shard("A", "C", "E"), Shard("B", "D")])
    first = asyncio.run(fleet.call("queue.list", {"limit": 2}))
    second = asyncio.run(fleet.call("queue.list", {"limit": 2, "after": first["after"]}))
    assert [[row["id"] for row in page["rows"]] for page in (first, second)] == [["A", "B"], ["C", "D"]]


def test_who_stops_asking_stops_the_work() -> None:
    """One page is one question to each process, however much there is; a change asks one process alone."""
    shards = [Shard(*[f"{number:03}" for number in range(100)]), Shard(*[f"{number:03}x" for number in range(100)])]
    asyncio.run(Fleet(shards).call("queue.list", {}))
    assert [shard.asked for shard in shards] == [1, 1]
    asyncio.run(Fleet(shards).call("queue.alter", {}))
    assert [shard.asked for shard in shards] == [2, 1]


def test_a_process_that_is_gone_is_passed_over() -> None:
    """The others' rows and changes come all the same."""
    fleet = Fleet([Gone(), Shard("A"), Gone()])
    assert [row["id"] for page in pages(fleet, "queue.list") for row in page["rows"]] == ["A"]
    assert [id_ for page in pages(fleet, "queue.alter") for id_ in page["changed"]] == ["A"]


@pytest.mark.parametrize("after", ["x", "7/", "-1/", 5, [1]])
def test_a_place_that_no_page_gave(after: Any) -> None:
    """It is refused in one sentence, or there is nothing there."""
    try:
        page = asyncio.run(Fleet([Shard("A"), Shard("B")]).call("queue.alter", {"after": after}))
    except OperatorError:
        return
    assert page["changed"] == []
