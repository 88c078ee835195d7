"""Every body of the spool keeps every promise of the contract."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from spool import promises_of_content, promises_of_leasing, promises_to_operators
from spool.spool_kit import Hands, Memory, Overflowing, Sqlite, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from waypost.spool.spool import Spool

PROMISES = [
    promise
    for each in (promises_of_leasing, promises_to_operators, promises_of_content)
    for promise in vars(each).values()
    if asyncio.iscoroutinefunction(promise) and promise.__module__ == each.__name__
]


@pytest.mark.parametrize("body", [Memory, Sqlite, Overflowing], ids=lambda body: body.__name__)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_promise(promise: Callable[[Spool, Hands], Awaitable[None]], body: type[Memory | Sqlite | Overflowing], tmp_path: Path) -> None:
    """A body keeps a promise of the contract."""

    async def check() -> None:
        hands = Hands()
        place = body(tmp_path, hands)
        try:
            await promise(await place.open(), hands)
        finally:
            await place.close()

    run(check())


def test_contract_is_not_empty() -> None:
    """The list of promises is gathered by itself; this would fail if it were gathered wrongly."""
    assert len(PROMISES) >= 30
