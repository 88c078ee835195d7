"""Many large messages at the same moment: the memory of a worker stays bounded and nothing is lost.

``tools/bench_memory.py`` does the same at full size.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest

from support.flood import Flood, Scales, kept
from support.server import Waypost, configuration, listener, port_of
from waypost.net.wheel import SCRATCH
from waypost.spool.draft import BUDGET, SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONNECTIONS, OCTETS = 60, 5_000_000
EACH = 4 * SCRATCH + SMALL
"""What a connection may hold: what came and was not read, what is being read, what is being judged, a copy, and the window of its draft."""
SLACK = 16 * 1024 * 1024
"""Caches of the database, threads, and what the allocator keeps between."""


@pytest.mark.parametrize("chunks", [False, True], ids=["DATA", "BDAT"])
def test_large_messages_at_once(chunks: bool, start_waypost: Callable[..., Waypost], folder: Path) -> None:  # noqa: FBT001 - a parameter
    """300 MB in 60 messages at once: the worker grows by its budget and a bounded part per connection, each 250 is kept whole."""
    tree = configuration(folder, listeners=[listener("relay")])
    server = start_waypost(tree)
    scales = Scales(server.workers()[0])
    flood = Flood(port_of(tree), connections=CONNECTIONS, octets=OCTETS, chunks=chunks)
    try:
        answers = asyncio.run(flood.run())
    finally:
        scales.stop()
    server.stop()
    grown = (scales.most - scales.least) * 1024 * 1024
    assert grown < BUDGET + CONNECTIONS * EACH + SLACK
    assert [answer for answer in answers.values() if not answer.startswith(("250 ", "452 4.3.1 "))] == []
    taken = {number: hashlib.sha256(flood.content(number)).hexdigest() for number, answer in answers.items() if answer.startswith("250")}
    assert len(taken) > 0
    assert kept(folder / "data" / "shards" / "0") == taken
