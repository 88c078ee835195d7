"""Moments, spans and sizes as the pages write them, the same in every language. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("MB", 1_000_000), ("kB", 1_000))


def moment(wall: float, now: float) -> str:
    """Wall-clock seconds in the time of this machine: the time alone where it is today's."""
    there, here = _local(wall), _local(now)
    return there.strftime("%H:%M:%S" if there.date() == here.date() else "%Y-%m-%d %H:%M")


def whole_moment(wall: float) -> str:
    """Date and time with the zone."""
    return _local(wall).strftime("%Y-%m-%d %H:%M:%S %z")


def stamp(wall: float) -> str:
    """For machines (RFC 3339)."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def size(octets: int) -> str:
    """``532 B``, ``1.2 kB``, ``34 MB``."""
    for unit, much in _UNITS:
        if octets >= much:
            return f"{octets / much:.{1 if octets < 10 * much else 0}f} {unit}"
    return f"{octets} B"


def span(seconds: float) -> str:
    """``0.123 s``; from a minute on ``2:05 min``."""
    return f"{seconds:.3f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02} min"


def _local(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC).astimezone()
