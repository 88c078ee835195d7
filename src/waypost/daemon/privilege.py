"""Giving up root for good: after binding, before the first octet of a stranger is read. Knows nothing else."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DROP = "drop"
"""The folder within a data directory that other accounts may write into: what lies in it stays its writers'."""
PRIVATE = 0o077
"""The umask of every process that writes into a data directory."""
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38


class PrivilegeError(Exception):
    """Root could not be given up; the text says why."""


def account(user: str) -> pwd.struct_passwd:
    """The system account named ``user``. Raises PrivilegeError."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"there is no system user {user!r}: create it, or set user to one that exists") from None


def hand_over(folder: Path, user: str) -> None:
    """Let ``user`` own the data directory and what stands in it already (the inbox's and spool's files)."""
    who = account(user)
    os.chown(folder, who.pw_uid, who.pw_gid)
    _own(folder, who.pw_uid, who.pw_gid)


def give_back(folder: Path) -> None:
    """Let what root made in the data directory, for want of a server that runs, belong to the directory's owner: he must open it again."""
    if os.geteuid() == 0:
        owner = folder.stat()
        _own(folder, owner.st_uid, owner.st_gid)


def _own(folder: Path, user: int, group: int) -> None:
    for parent, folders, files in os.walk(folder):
        if parent == str(folder / DROP):  # whoever may write there could have root give away what is linked to
            folders.clear()
            continue
        for name in (*folders, *files):
            os.chown(os.path.join(parent, name), user, group, follow_symlinks=False)  # noqa: PTH118 - os.walk speaks in strings


def drop(user: str) -> None:
    """Become ``user`` and make sure that there is no way back. Raises PrivilegeError."""
    who = account(user)
    os.setgroups([])
    os.setresgid(who.pw_gid, who.pw_gid, who.pw_gid)
    os.setresuid(who.pw_uid, who.pw_uid, who.pw_uid)
    if who.pw_uid == 0:
        return
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise PrivilegeError("root could be taken back after it was given up")


def harden() -> None:
    """No new privileges, no core files, nobody reads our memory or what we write: secrets and mail pass through both."""
    os.umask(PRIVATE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (OSError, AttributeError):  # not Linux: there is no prctl
        return
