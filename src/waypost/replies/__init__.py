"""What is said: the catalogue of replies and the only maker of them. Knows no network, no log, no database.

Each name is loaded when it is first asked for: who explains a code loads no reply of ours, who says one loads no explanation.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waypost.replies.catalogue import say
    from waypost.replies.comparison import compare
    from waypost.replies.explaining import explain
    from waypost.replies.keys import Key
    from waypost.replies.records import lookup
    from waypost.replies.reply import Reply, Severity

__all__ = ["Key", "Reply", "Severity", "compare", "explain", "lookup", "say"]

_HOMES = {
    "Key": "keys",
    "Reply": "reply",
    "Severity": "reply",
    "compare": "comparison",
    "explain": "explaining",
    "lookup": "records",
    "say": "catalogue",
}
"""Where each name lives."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
