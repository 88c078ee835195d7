"""A verdict is a value: accept, or the key of the reply that says why not, with its facts. Knows no reply text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.replies.keys import Key


@dataclass(frozen=True, slots=True)
class Accept:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Never: a permanent refusal."""

    key: Key
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the reply's text names; any value, for it is made printable there."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: a transient refusal."""

    key: Key
    facts: Mapping[str, Any] = field(default_factory=dict)


Verdict: TypeAlias = Accept | Reject | Defer

ACCEPT = Accept()
