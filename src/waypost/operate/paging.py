"""Long answers in pages, so that no asker and no answerer holds a whole queue. Pure but for the asking; knows no store.

A page is ``{..., "after": text or null}``: whoever wants more says the same again with that ``after``; null ends it. Who stops asking
stops the work. A source is one shard or one process, and gives pages of its own.
"""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

Source: TypeAlias = "Callable[[dict[str, Any]], Awaitable[Any]]"
"""Gives a page; None where nobody is there to ask."""


async def merged(sources: Sequence[Source], args: dict[str, Any]) -> dict[str, Any]:
    """One page of the ``rows`` of all sources in the order of their ids: as far as each of them has looked."""
    pages = [page for page in await asyncio.gather(*[source(args) for source in sources]) if page is not None]
    after = min((page["after"] for page in pages if page["after"] is not None), default=None)
    rows = sorted((row for page in pages for row in page["rows"] if after is None or row["id"] <= after), key=lambda row: row["id"])
    limit = args.get("limit")
    if limit is not None and len(rows) > limit:
        rows = rows[:limit]
        after = rows[-1]["id"]
    return {"rows": rows, "after": after}


async def in_turn(sources: Sequence[Source], args: dict[str, Any]) -> Any:
    """One page of one source; when it has no other, the next source is asked. Raises ValueError for an ``after`` that no page gave."""
    number, _, after = str(args.get("after") or "0/").partition("/")
    index = int(number)
    page = await sources[index]({**args, "after": after}) if 0 <= index < len(sources) else None
    if page is None:
        page = {"changed": [], "busy": [], "after": None}
    if page["after"] is not None:
        return {**page, "after": f"{index}/{page['after']}"}
    return {**page, "after": f"{index + 1}/" if index + 1 < len(sources) else None}


PAGED: Mapping[str, Callable[[Sequence[Source], dict[str, Any]], Awaitable[Any]]] = MappingProxyType(
    {"queue.list": merged, "queue.alter": in_turn}
)
"""The verbs that answer in pages, and how those of several sources become one."""
