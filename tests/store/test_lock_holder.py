"""Who holds a folder, asked without taking it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from waypost.store.lock import Lock, holder

if TYPE_CHECKING:
    from pathlib import Path


def test_nobody_then_somebody_then_nobody(folder: Path) -> None:
    """A lock that is not there, one that is held, and one that was let go of are told apart; asking takes nothing and makes nothing."""
    path = folder / "lock"
    assert holder(path) is None
    assert not path.exists()
    held = Lock(path)
    assert [holder(path), holder(path)] == [os.getpid()] * 2
    held.release()
    assert holder(path) is None
    Lock(path).release()


def test_a_holder_that_did_not_sign(folder: Path) -> None:
    """A full disk may leave the lock unsigned: it is held all the same."""
    path = folder / "lock"
    held = Lock(path)
    path.write_text("")
    assert holder(path) == 0
    held.release()


def test_a_folder_that_is_none(folder: Path) -> None:
    """Below a file nobody holds anything."""
    (folder / "file").write_text("")
    assert holder(folder / "file" / "lock") is None
