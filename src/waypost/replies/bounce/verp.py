"""The recipient that a variable return path carries: ``bounces+ann=example.org@lists.example.net``. Knows no message."""

from __future__ import annotations

import re

_VARIABLE = re.compile(r"<?[^\s<>@]*?[+-]([A-Za-z0-9._%+-]{1,64})=((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})@[^\s<>@]+>?")


def recipient_of(path: str) -> str | None:
    """The address inside a variable return path, or None."""
    found = _VARIABLE.search(path)
    if not found:
        return None
    return f"{found[1].rpartition('+')[2] if found[1].count('+') else found[1]}@{found[2]}"
