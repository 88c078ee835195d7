"""Where the spool in a folder lays content: in memory, in the row, in segments whose blocks are used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import Hands, Sqlite, all_of, envelope, now_due, octets, put, run
from waypost.spool.draft import SMALL
from waypost.spool.segments import BLOCK, BLOCKS, SEGMENT, SPARE, Segments
from waypost.spool.spool import Filter, SpoolUnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def test_fresh_memory_at_its_edge(tmp_path: Path) -> None:
    """Content up to ``queue.fresh`` octets stays in memory; one more is read back from disk, and is the same."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands(), fresh=100)
        spool = await place.open()
        for _ in range(2):
            await put(spool, envelope("a@one.example"), bytes(50))
        assert len(spool._shelf._kept) == 2
        over = await put(spool, envelope("b@one.example"), b"x")
        assert len(spool._shelf._kept) == 2
        leases = await now_due(spool)
        assert [over.id] == [lease.envelope.id for lease in leases if await octets(lease.content) == b"x"]
        assert spool._shelf._octets == 0
        await put(spool, envelope("a@one.example"), bytes(100))
        assert len(spool._shelf._kept) == 1
        await place.close()

    run(check())


def test_small_content_lies_in_the_row(tmp_path: Path) -> None:
    """Up to 64 KiB no segment is made; one octet more makes the first."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        await put(spool, envelope("a@one.example"), bytes(SMALL))
        assert list((place.folder / "segments").iterdir()) == []
        await put(spool, envelope("a@one.example"), bytes(SMALL + 1))
        assert [path.stat().st_size for path in (place.folder / "segments").iterdir()] == [SEGMENT]
        assert spool._segments.free_blocks == BLOCKS - 2
        await place.close()

    run(check())


def test_space_is_used_again(tmp_path: Path) -> None:
    """Blocks of settled, refused and deleted messages are free again; no segment is made while one has room."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        for _ in range(5):
            await put(spool, envelope("a@one.example"), bytes(4_000_000))
            (lease,) = await now_due(spool)
            await spool.settle(lease, all_of(lease))
            kept = envelope("a@one.example")
            await put(spool, kept)
            with pytest.raises(SpoolUnavailableError):
                await put(spool, kept, bytes(4_000_000))
            (lease,) = await now_due(spool)
            await spool.settle(lease, all_of(lease))
        assert spool._segments.free_blocks == BLOCKS
        assert spool._room.used == 0
        await place.close()

    run(check())


def test_content_being_looked_at_is_not_overwritten(tmp_path: Path) -> None:
    """A message forgotten while its content is read keeps its blocks until the reading ends."""

    async def check() -> None:
        place = Sqlite(tmp_path, Hands())
        spool = await place.open()
        await put(spool, envelope("a@one.example"), b"a" * 1_000_000)
        (found,) = await spool.find(Filter())
        pieces = found.content.chunks()
        read = await anext(pieces)
        (lease,) = await now_due(spool)
        await spool.settle(lease, all_of(lease))
        await put(spool, envelope("a@one.example"), b"b" * 1_000_000)
        async for piece in pieces:
            read += piece
        assert read == b"a" * 1_000_000
        with pytest.raises(SpoolUnavailableError, match="no longer"):
            await octets(found.content)
        assert spool._segments.free_blocks == BLOCKS - 1_000_000 // BLOCK - 1
        await place.close()

    run(check())


def test_spare_segments_are_deleted_at_start(tmp_path: Path) -> None:
    """Of segments wholly free only a few are kept."""
    segments = Segments(tmp_path / "segments")
    segments.open([])
    extents = segments._allocate(BLOCKS * (SPARE + 2))
    segments.close()
    segments = Segments(tmp_path / "segments")
    segments.open([extents[:1]])
    assert len(list((tmp_path / "segments").iterdir())) == SPARE + 1
    assert segments.free_blocks == SPARE * BLOCKS
    segments.close()
