"""What a rule finds: a setting and what to write instead. Knows no place: ``check`` adds where the setting stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from waypost.config.problem import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waypost.config.load import Loaded
    from waypost.config.problem import Keys


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with ``keys``."""

    keys: Keys
    says: str
    severity: Severity = Severity.ERROR


Rule: TypeAlias = "Callable[[Loaded], Iterator[Finding]]"


def warning(keys: Keys, says: str) -> Finding:
    """Something that works and that an operator should know."""
    return Finding(keys, says, Severity.WARNING)
