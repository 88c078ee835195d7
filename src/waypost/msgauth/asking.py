"""What the judgement of mail asks of the DNS: one question, an answer of text, whoever gives it. Knows no resolver."""

from __future__ import annotations

from typing import Protocol


class Answered(Protocol):
    """What a question brought."""

    @property
    def records(self) -> tuple[str, ...]:
        """As text: the strings of TXT joined without spaces, names without their last dot, MX as ``10 mx.example.org``."""

    @property
    def definite(self) -> bool:
        """Whether this is what the DNS says (which may be nothing), not a failure to ask it."""


class Ask(Protocol):
    """Asks the DNS."""

    async def ask(self, name: str, kind: str) -> Answered:
        """Records of ``kind`` of ``name``, through aliases. Never raises."""
