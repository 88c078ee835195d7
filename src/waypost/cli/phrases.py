"""Moments, spans and sizes as people say them, and as programs read them. Pure but for the clock; knows no command."""

from __future__ import annotations

from datetime import UTC, datetime

from waypost.cli.tables import Cell
from waypost.clock import SYSTEM

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def moment(wall: float) -> str:
    """Local time to the second."""
    return datetime.fromtimestamp(wall).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def stamp(wall: float) -> str:
    """The moment for programs: ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(int(wall), UTC).isoformat().replace("+00:00", "Z")


def duration(seconds: float, *, units: int = 2) -> str:
    """The largest units: ``2 h 5 min``."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for size, name in _UNITS:
        if left >= size or (size == 1 and not parts):
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts[:units])


def age(wall: float) -> str:
    """How long ago ``wall`` was."""
    return duration(SYSTEM.wall() - wall)


def span(wall: float) -> str:
    """How far ``wall`` lies ahead, or behind."""
    ahead = wall - SYSTEM.wall()
    return f"in {duration(ahead)}" if ahead >= 1 else "now" if ahead > -60 else f"overdue by {duration(-ahead)}"


def octets(size: int) -> str:
    """A size: ``5.0 KiB``."""
    if size < 1024:
        return f"{size} B"
    amount = size / 1024
    for unit in ("KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def age_cell(wall: float) -> Cell:
    """How long ago, in one unit; for programs the moment."""
    return Cell(duration(SYSTEM.wall() - wall, units=1), stamp(wall))


def span_cell(wall: float) -> Cell:
    """How far ahead, in one unit; for programs the moment."""
    ahead = wall - SYSTEM.wall()
    return Cell(f"in {duration(ahead, units=1)}" if ahead >= 1 else "now" if ahead > -60 else "overdue", stamp(wall))


def size_cell(size: int) -> Cell:
    """A size; for programs in octets."""
    return Cell(octets(size), str(size))
