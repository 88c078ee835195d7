"""Mail that waits for an operator from the first moment: held when it is kept, and seen by no deliverer until it is released."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import Hands, Sqlite, envelope, now_due, octets, put, run
from waypost.spool.spool import Change, Filter
from waypost.spool.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from waypost.spool.sqlite import SqliteSpool

SIZES = [100, 200_000]
"""Content in the row, and content in segments."""


async def resting(place: Sqlite) -> SqliteSpool:
    spool = await place.open()
    spool.rests = lambda domain: domain.endswith("rest.example")
    return spool


async def states(spool: SqliteSpool) -> list[State]:
    return [one.state for found in await spool.find(Filter()) for one in found.recipients]


@pytest.mark.parametrize("size", SIZES)
def test_it_is_held_from_the_first_also_after_a_restart(tmp_path: Path, size: int) -> None:
    """No lease is made of it, before and after its owner ends; the queue shows it as held."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await resting(place)
        await put(spool, envelope("a@rest.example", "b@rest.example"), bytes(size))
        assert (await now_due(spool), await states(spool)) == ([], [State.HELD, State.HELD])
        spool = await place.reopen()
        assert (await now_due(spool), await states(spool)) == ([], [State.HELD, State.HELD])
        await place.close()

    run(check())


@pytest.mark.parametrize("size", SIZES)
def test_release_lets_it_go(tmp_path: Path, size: int) -> None:
    """Released, it is leased whole, with its content octet for octet."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await resting(place)
        content = bytes(range(256)) * (size // 256 + 1)
        kept = await put(spool, envelope("a@rest.example", "b@rest.example"), content)
        altered = await spool.alter(Filter(), Change.RELEASE)
        (lease,) = await now_due(spool)
        assert (altered.messages, len(lease.waiting), await octets(lease.content)) == ([kept.id], 2, content)
        await place.close()

    run(check())


def test_a_message_that_goes_elsewhere_too_is_not_held(tmp_path: Path) -> None:
    """One recipient at another domain is reason enough to plan the routes."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await resting(place)
        await put(spool, envelope("a@rest.example", "b@other.example"))
        assert sorted(lease.domain for lease in await now_due(spool)) == ["other.example", "rest.example"]
        await place.close()

    run(check())


@pytest.mark.parametrize("change", [Change.FAIL, Change.DELETE])
def test_an_operator_ends_it(tmp_path: Path, change: Change) -> None:
    """Failed or deleted, it is gone, its blocks too."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await resting(place)
        await put(spool, envelope("a@rest.example"), bytes(200_000))
        used = spool._segments.free_blocks
        await spool.alter(Filter(), change)
        assert (await spool.find(Filter()), spool._segments.free_blocks > used) == ([], True)
        await place.close()

    run(check())


def test_holding_what_is_held_changes_nothing(tmp_path: Path) -> None:
    """It stays held, and is not leased by way of the attempt."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await resting(place)
        await put(spool, envelope("a@rest.example"))
        altered = await spool.alter(Filter(), Change.HOLD)
        assert (altered.messages, await now_due(spool), await states(spool)) == ([], [], [State.HELD])
        await place.close()

    run(check())
