"""The operator's verbs with no server running: takes the data directory's lock and opens the shards. Knows no terminal."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from waypost.clock import SYSTEM
from waypost.daemon.assemble import voice
from waypost.daemon.privilege import PRIVATE, give_back
from waypost.daemon.shards import open_shard, present
from waypost.operate.operator import Operator
from waypost.store.lock import Lock

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from waypost.config.settings import Settings


class Offline:
    """The verbs over shards that this process opened; a directory without any is an empty server."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Do ``verb``. Raises OperatorError."""
        return await self._operator.call(verb, args)


@contextlib.contextmanager
def opened(settings: Settings, runner: asyncio.Runner) -> Iterator[Offline]:
    """Own the data directory for the length of one command. Raises store.database.StoreError with one sentence."""
    before = os.umask(PRIVATE)
    lock: Lock | None = None
    shards = []
    try:
        lock = Lock(settings.data / "lock") if settings.data.is_dir() else None
        for index in present(settings.data):
            shards.append(runner.run(open_shard(settings, index, SYSTEM)))  # noqa: PERF401 - what was opened is closed if the next fails
        yield Offline(Operator([shard.stores for shard in shards], queue=settings.queue, voice=voice(settings), clock=SYSTEM))
    finally:
        for shard in shards:
            runner.run(shard.close())
        if lock is not None:
            give_back(settings.data)
            lock.release()
        os.umask(before)
