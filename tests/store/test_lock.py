"""A folder has one owner."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from waypost.store.database import StoreError
from waypost.store.lock import Lock, LockedError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_owner_is_refused_by_name(tmp_path: Path) -> None:
    """Whoever comes second hears which process is the owner."""
    lock = Lock(tmp_path / "lock")
    with pytest.raises(LockedError, match=f"in use by process {os.getpid()}"):
        Lock(tmp_path / "lock")
    lock.release()
    lock.release()
    Lock(tmp_path / "lock").release()


def test_the_end_of_the_owner_frees_the_folder(tmp_path: Path) -> None:
    """A process that is killed holds nothing."""
    program = (
        "import sys, time, pathlib\nfrom waypost.store.lock import Lock\n"
        "Lock(pathlib.Path(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {owner.pid}"):
            Lock(tmp_path / "lock")
        owner.kill()
        owner.wait()
        Lock(tmp_path / "lock").release()


def test_a_lock_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """A missing folder gives one clear sentence."""
    with pytest.raises(StoreError, match="cannot be opened"):
        Lock(tmp_path / "missing" / "lock")
