from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NoReturn

import pytest

from waypost.spool.segments import SEGMENT, Segments, Stream

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("refusal", [errno.EOPNOTSUPP, errno.EINVAL, None])
def test_a_segment_is_reserved_where_the_system_cannot_do_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int | None
) -> None:
    """Without posix_fallocate, or where it is refused, the blocks are reserved by writing them; no room is an error all the same."""

    def refused(*_: int) -> None:
        raise OSError(refusal, "refused") if refusal is not None else AttributeError("posix_fallocate")

    monkeypatch.setattr("waypost.spool.segments.os.posix_fallocate", refused)
    segments = Segments(tmp_path / "segments")
    segments.open([])
    stream = Stream()
    segments.append(stream, b"x" * 100, at=0)
    path = next((tmp_path / "segments").glob("*.segment"))
    assert path.stat().st_blocks * 512 >= SEGMENT
    segments.close()

    def full(*_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("waypost.spool.segments.os.posix_fallocate", full)
    other = Segments(tmp_path / "other")
    other.open([])
    with pytest.raises(OSError, match="full"):
        other.append(Stream(), b"x", at=0)
    assert list((tmp_path / "other").iterdir()) == []
    other.close()
