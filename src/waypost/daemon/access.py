"""What the system says of paths, room on disks and its clock: asked as the server's account where this process may. Changes nothing."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
from pathlib import Path

from waypost.diagnose.own.facts import Access, Disk

_BITS = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}
_SECONDS = 5
_MOST_FILES = 1000
_TIMEX = 512
"""Octets, more than ``struct timex`` has on any system; all zero: nothing is to be set."""
_TIME_ERROR = 5


def access(path: Path, account: str, wanted: str) -> Access:
    """Whether ``account`` may do with ``path`` what ``wanted`` says (letters of ``rwx``); where nobody can tell, that it may."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return Access(path=path, exists=False, allowed=False)
    except OSError:
        return Access(path=path, exists=True, allowed=True)
    return Access(path=path, exists=True, allowed=_allowed(path, account, wanted), mode=mode)


def _allowed(path: Path, account: str, wanted: str) -> bool:
    import pwd  # noqa: PLC0415 - does not exist on every system that has the dev profile

    try:
        who = pwd.getpwnam(account)
    except KeyError:
        return True  # the configuration's own rules tell of an account that is not there
    if who.pw_uid == os.geteuid():
        return all(os.access(path, _BITS[letter], effective_ids=os.access in os.supports_effective_ids) for letter in wanted)
    return os.geteuid() != 0 or all(_as(who, path, letter) for letter in wanted)


def _as(who: object, path: Path, letter: str) -> bool:
    """The same, asked as another account: lists of access rights count too, which mode bits do not tell."""
    import pwd  # noqa: PLC0415 - likewise

    assert isinstance(who, pwd.struct_passwd)  # noqa: S101 - its type cannot be named above
    groups = os.getgrouplist(who.pw_name, who.pw_gid)
    words = ["/usr/bin/test", f"-{letter}", str(path)]
    try:
        done = subprocess.run(words, user=who.pw_uid, group=who.pw_gid, extra_groups=groups, check=False, timeout=_SECONDS, cwd="/")  # noqa: S603 - a program of the system, a path of the configuration
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode == 0


def existing(path: Path) -> Path:
    """It, or the nearest folder above it that is there."""
    for place in (path, *path.parents):
        if os.path.lexists(place):
            return place
    return path


def disk(path: Path, least: int) -> Disk | None:
    """Room at ``path``, or where it will be made; None where it cannot be asked for."""
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
        return Disk(
            free=found.f_bavail * found.f_frsize,
            total=found.f_blocks * found.f_frsize,
            least=least,
            files_free=found.f_favail,
            files_total=found.f_files,
            kind=_kind(place),
        )
    return None


def _kind(place: Path) -> str:
    """The kind of file system that holds ``place`` (proc(5), mounts): that of the longest mount point above it, the last of equals."""
    best, kind = -1, ""
    try:
        real = os.path.realpath(place)
        rows = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    for row in rows:
        point = row.split()[1].replace("\\040", " ")
        if len(point) >= best and (real == point or real.startswith(f"{point.rstrip('/')}/")):
            best, kind = len(point), row.split()[2]
    return kind


def newest(data: Path) -> float:
    """When something in the shards was last changed, seconds of the epoch; 0 where there is nothing."""
    moments = [0.0]
    try:
        for number, file in enumerate(data.glob("shards/*/*")):
            if number >= _MOST_FILES:
                break
            moments.append(file.stat().st_mtime)
    except OSError:
        pass  # one that is gone, or may not be seen
    return max(moments)


def synchronised() -> bool | None:
    """Whether the kernel holds its clock for right, by its own word (adjtimex(2)); None where it gives none."""
    try:
        state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
