"""The version of this installation. Knows nothing else, and nobody on the network is told it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """As the package's metadata has it; ``unknown`` in a tree that was never installed."""
    try:
        return installed("waypost")
    except PackageNotFoundError:
        return "unknown"
