"""What the server lives on: its data directory, room on the disk, the queue, the clock. Judges facts; asks nobody.

RFC 5321 sections 6.1 (what is taken must not be lost), 4.5.4.1 (how long mail waits) and 4.4 (the time in trace fields).
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from waypost.diagnose.shown import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Disk, Own, Waiting

ROOMY = 8
"""Times the limit of free space that should be free."""
FEW_FILES, LOW_FILES = 1000, 0.05
"""Files that can still be made, and the share of all, below which they run out."""
HEAP = 20
"""Late messages from which on it is more than a neighbour who is down."""
FORGOTTEN = 86_400
"""Seconds after which mail that is held has been forgotten."""
_VOLATILE = frozenset({"tmpfs", "ramfs"})
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "afs"})
"""Where locks and syncs do not mean what a queue must rely on."""
AHEAD = 120
"""Seconds by which files may be younger than the clock says."""
EARLIEST = 1_735_689_600
"""2025-01-01: no clock that is right says less."""


def judge(own: Own, *, now: float) -> Iterator[Finding]:
    """Everything about data, disk, queue and clock."""
    yield from _folder(own)
    if own.disk is not None:
        yield from _disk(own, own.disk)
        yield from _kind(own, own.disk)
    yield from _queue(own, now)
    yield from _clock(own, now)


# ---- data -----------------------------------------------------------------------------------------------------


def _folder(own: Own) -> Iterator[Finding]:
    folder = own.folder
    if folder is None:
        return
    facts = {"data": own.data, "account": own.account, "mode": f"{folder.mode:o}"}
    if not folder.exists:
        yield found("own-data-missing", "data", str(own.data), **facts)
    elif not folder.allowed:
        yield found("own-data-unwritable", "data", f"{own.data}: mode {folder.mode:o}", **facts)
    elif folder.mode & (0o066 if own.shared else 0o077):
        yield found("own-data-open", "data", f"{own.data}: mode {folder.mode:o}", **facts)
    else:
        yield found("own-data-sound", "data", f"{own.data}: mode {folder.mode:o}", **facts)


def _disk(own: Own, disk: Disk) -> Iterator[Finding]:
    facts = {"data": own.data, "free": _size(disk.free), "least": _size(disk.least), "total": _size(disk.total)}
    evidence = f"{own.data}: {_size(disk.free)} of {_size(disk.total)} free"
    if disk.free < disk.least:
        yield found("own-disk-full", "queue.free_space", evidence, **facts)
    elif disk.free < ROOMY * disk.least:
        yield found("own-disk-low", "queue.free_space", evidence, **facts)
    else:
        yield found("own-disk-room", "queue.free_space", evidence, **facts)
    if disk.files_total and (disk.files_free < FEW_FILES or disk.files_free < LOW_FILES * disk.files_total):
        counted = f"{own.data}: {disk.files_free} of {disk.files_total} inodes free"
        yield found("own-inodes-low", "data", counted, data=own.data, free=disk.files_free, total=disk.files_total)


def _kind(own: Own, disk: Disk) -> Iterator[Finding]:
    """Whether what is stored is there after the machine's next start, and stored by this machine alone."""
    facts = {"data": own.data, "kind": disk.kind}
    if disk.kind in _VOLATILE and not own.dev:
        yield found("own-data-volatile", "data", f"{own.data}: {disk.kind}", **facts)
    elif disk.kind in _REMOTE:
        yield found("own-data-remote", "data", f"{own.data}: {disk.kind}", **facts)


def _size(octets: int) -> str:
    """For people: ``1.4 GiB``."""
    value, units = float(octets), ["octets", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{octets} octets" if octets < 1024 else f"{value:.1f} {units[0]}"


# ---- queue ----------------------------------------------------------------------------------------------------


def _queue(own: Own, now: float) -> Iterator[Finding]:
    queue = own.queue
    if queue.unread:
        yield found("own-queue-unread", "queue", queue.unread, reason=queue.unread)
        return
    held = [each for each in queue.messages if "held" in each.states]
    moving = [each for each in queue.messages if "held" not in each.states]
    late = [each for each in moving if now - each.arrived > own.patience]
    if len(late) >= HEAP:
        yield _stuck(own, late, more=queue.more)
    elif moving:
        facts = {"count": _count(moving, more=queue.more), "oldest": _hours(now - min(each.arrived for each in moving)), "late": len(late)}
        yield found("own-queue-moves", "queue", *_reasons(moving), **facts)
    elif not held:
        yield found("own-queue-empty", "queue")
    if held:
        oldest = now - min(each.arrived for each in held)
        key = "own-queue-forgotten" if oldest > FORGOTTEN else "own-queue-held"
        yield found(key, "queue", *_reasons(held), count=_count(held, more=queue.more), oldest=_hours(oldest))


def _stuck(own: Own, late: Sequence[Waiting], *, more: bool) -> Finding:
    """A heap, with the reply that most of it waits for."""
    domain, count = Counter(each.domain for each in late).most_common(1)[0]
    heard = Counter(each.reply for each in late if each.domain == domain and each.reply).most_common(1)
    facts: dict[str, object] = {"count": _count(late, more=more), "hours": _hours(own.patience), "domain": domain or "-", "most": count}
    if heard and heard[0][0][:3].isdigit():
        return found("own-queue-stuck-reply", "queue", *_reasons(late), reply=heard[0][0], **facts)
    return found("own-queue-stuck", "queue", *_reasons(late), **facts)


def _reasons(messages: Sequence[Waiting]) -> list[str]:
    """For whom and why, the most frequent first."""
    told = Counter((each.domain, each.reply) for each in messages).most_common(5)
    return [f"{count} x {domain or '-'}{f': {reply}' if reply else ''}" for (domain, reply), count in told]


def _count(messages: Sequence[Waiting], *, more: bool) -> str:
    return f"{len(messages)}+" if more else str(len(messages))


def _hours(seconds: float) -> str:
    return f"{seconds / 86_400:.1f} d" if seconds >= 172_800 else f"{seconds / 3600:.1f} h"


# ---- clock ----------------------------------------------------------------------------------------------------


def _clock(own: Own, now: float) -> Iterator[Finding]:
    moment = f"{_time(now)} UTC"
    behind = own.times.newest - now
    if behind > AHEAD or now < EARLIEST:
        newest = _time(max(own.times.newest, EARLIEST))
        yield found("own-clock-behind", "clock", f"now: {moment}", f"newest file: {newest} UTC", now=moment, newest=newest)
    elif own.times.synchronised is False and not own.dev:
        yield found("own-clock-unsynchronised", "clock", f"adjtimex: TIME_ERROR at {moment}", now=moment)
    else:
        yield found("own-clock-sane", "clock", f"now: {moment}", now=moment)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
