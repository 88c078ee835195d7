"""What the tests of the store share: a tiny schema and a runner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from waypost.store.queries import Schema, parse

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from waypost.store.sqlite import Connection

Result = TypeVar("Result")

QUERIES = """
-- keep --
-- Keeps a name.
INSERT INTO thing (number, name) VALUES (?, ?);

-- names --
-- All names.
SELECT name FROM thing ORDER BY number;
"""
TABLE = "CREATE TABLE thing (number INTEGER PRIMARY KEY, name BLOB NOT NULL);"
THINGS = Schema(TABLE, (TABLE,), parse(QUERIES))


def names(connection: Connection) -> list[object]:
    return [row[0] for row in connection.all("names")]


def run(work: Coroutine[object, object, Result]) -> Result:
    """Run a test's coroutine; none takes long."""

    async def bounded() -> Result:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())
