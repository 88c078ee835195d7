"""The shards of a data directory: which there are, who owns which, and their stores opened. Knows no session."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.history.sqlite import SqliteHistory
from waypost.inbox.sqlite import SqliteInbox
from waypost.operate.operator import Stores
from waypost.spool.sqlite import SqliteSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.config.settings import Settings
    from waypost.store.database import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One folder and what is kept in it; its owner is this process until ``close``."""

    index: int
    folder: Path
    spool: SqliteSpool
    inbox: SqliteInbox
    history: SqliteHistory

    @property
    def stores(self) -> Stores:
        """For the operator's verbs."""
        return Stores(spool=self.spool, inbox=self.inbox, history=self.history)

    def apply(self, settings: Settings) -> None:
        """Go by ``settings`` from now on; what sizes the spool stays as it was."""
        self.inbox.apply(settings.inbox)
        self.history.apply(settings.history)

    async def close(self) -> None:
        """Commit, checkpoint and give up ownership."""
        self.history.close()
        await asyncio.to_thread(self.inbox.close)
        await self.spool.close()


def folder(data: Path, index: int) -> Path:
    """Where the shard ``index`` lies."""
    return data / "shards" / str(index)


def present(data: Path) -> Sequence[int]:
    """The shards that are there, in order."""
    try:
        return sorted(int(one.name) for one in (data / "shards").iterdir() if one.name.isdigit())
    except FileNotFoundError:
        return []


def owned_by(worker: int, workers: int, data: Path) -> Sequence[int]:
    """The shards of ``worker``: its own first, then those that nobody owns since there are fewer workers than before."""
    orphans = [index for index in present(data) if index >= workers and index % workers == worker]
    return [worker, *orphans]


async def open_shard(settings: Settings, index: int, clock: Clock, *, failed: Callable[[StoreError], None] | None = None) -> Shard:
    """Open, recover, own; ``failed`` is told when the shard must be opened anew. Raises store.database.StoreError with one sentence."""
    place = folder(settings.data, index)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    spool = SqliteSpool(place, settings.queue, clock, failed=failed)
    await spool.open()
    try:
        inbox = SqliteInbox(place, clock, settings.inbox)
        try:
            history = SqliteHistory(place, clock, settings.history)
        except BaseException:
            inbox.close()
            raise
    except BaseException:
        await spool.close()
        raise
    return Shard(index=index, folder=place, spool=spool, inbox=inbox, history=history)
