"""What every body of the spool promises of content and drafts: each function is a promise. Run by ``test_contract.py``."""

from __future__ import annotations

import asyncio

from spool.spool_kit import Hands, all_of, envelope, now_due, octets, put
from waypost.spool.spool import Filter, Spool


async def content_can_be_looked_at(spool: Spool, hands: Hands) -> None:
    """What is found shows its content and its size, large or small."""
    large = bytes(range(256)) * 1024
    await put(spool, envelope("bob@one.example"), b"small")
    await put(spool, envelope("bob@one.example"), large)
    found = await spool.find(Filter())
    assert [b"small", large] == [await octets(one.content) for one in found]
    assert [5, len(large)] == [one.content.size for one in found]


async def large_content_comes_back_octet_for_octet(spool: Spool, hands: Hands) -> None:
    """Content of any size is the same when it leaves, at each edge of row, window, block and segment."""
    for size in (65_535, 65_536, 65_537, 131_072, 1_048_576, 1_048_577, 3_000_001, 16_777_217):
        content = (b"%09d\r\n" % size) * (size // 11 + 1)
        await put(spool, envelope("bob@one.example"), content[:size], piece=50_000)
        (lease,) = await now_due(spool)
        assert lease.content.size == size
        assert await octets(lease.content) == content[:size]
        await spool.settle(lease, all_of(lease))


async def many_drafts_at_once_do_not_mix(spool: Spool, hands: Hands) -> None:
    """Large messages that stream in side by side come out apart."""
    contents = {f"u{index}@one.example": bytes([index]) * (700_000 + index) for index in range(8)}
    await asyncio.gather(*(put(spool, envelope(to), content, piece=30_000) for to, content in contents.items()))
    leases = await now_due(spool)
    found = {lease.waiting[0].recipient.mailbox.text: await octets(lease.content) for lease in leases}
    assert contents == found


async def a_discarded_draft_leaves_nothing(spool: Spool, hands: Hands) -> None:
    """A draft can be discarded at any time, and twice."""
    for size in (10, 100_000, 3_000_000):
        draft = spool.draft(expect=size)
        draft.write(bytes(size))
        assert draft.size == size
        draft.discard()
        draft.discard()
    await put(spool, envelope("bob@one.example"))
    assert len(await spool.find(Filter())) == 1
