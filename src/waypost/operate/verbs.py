"""What an operator can ask, as a protocol: whoever keeps stores, or stands for someone who does. Knows no store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable


class OperatorError(Exception):
    """The verb cannot be done; the text says why, in one sentence for whoever asked."""


class Verbs(Protocol):
    """Whoever can be asked."""

    def call(self, verb: str, args: dict[str, Any]) -> Awaitable[Any]:
        """Do ``verb`` with plain JSON values, in and out. Raises OperatorError."""
