"""Findings out of what strangers wrote: every word of theirs cut to a bearable length, its control characters made visible."""

from __future__ import annotations

from waypost.diagnose.finding import Finding
from waypost.diagnose.talk import SHOWN
from waypost.observe.escape import printable

MOST_LINES = 20
"""Lines of evidence."""


def shown(text: str) -> str:
    """A stranger's text, safe to show."""
    return printable(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def found(key: str, about: str, /, *evidence: str, **facts: object) -> Finding:
    """A finding; ``evidence`` line by line, ``facts`` by the names that stand in its words."""
    lines = [shown(line) for line in evidence[:MOST_LINES]]
    return Finding(key=key, about=shown(about), evidence=tuple(lines), facts={name: shown(str(fact)) for name, fact in facts.items()})
