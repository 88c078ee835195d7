"""What a message is judged to be, and by what. Knows no sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.replies.explanation import Kind

SURELY = 2
"""As sure as a mailer's name makes its hand in a message, or a line of its own makes a recipient."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The kind, and the words that it rests on."""

    kind: Kind
    words: str
    rule: str
