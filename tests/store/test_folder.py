"""Names in folders are made durable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from waypost.store.folder import sync_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_the_folder_itself_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is told to write that very folder, and nothing stays open, whether it can or not."""
    synced: list[os.stat_result] = []
    descriptors: list[int] = []

    def fsync(descriptor: int) -> None:
        descriptors.append(descriptor)
        synced.append(os.fstat(descriptor))
        if len(synced) == 2:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    sync_folder(tmp_path)
    with pytest.raises(OSError, match="Input/output error"):
        sync_folder(tmp_path)

    assert [tmp_path.stat().st_ino] * 2 == [each.st_ino for each in synced]
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_what_is_no_folder_is_not_synced(tmp_path: Path) -> None:
    """A file is no folder, and what is not there cannot be synced."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(file)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "gone")
