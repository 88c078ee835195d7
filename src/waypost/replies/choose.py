"""Which code to answer with: "I want to refuse because ...", turned round into code, status, wording and why not its neighbours.

Knows the reasons as data; decides nothing for a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from waypost.replies.library import facts, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDLE = frozenset(
    {"the", "and", "for", "that", "this", "not", "are", "was", "has", "have", "who", "any", "its", "because", "want", "refuse"}
)
"""Words of a search that tell nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One reason to refuse, and the answer to it."""

    name: str
    reason: str
    """Ends the sentence "I want to refuse because ..."; no full stop."""
    code: int
    status: str | None
    """None where no status may stand: in place of the greeting (2034#4)."""
    phase: str
    """The command or phase that is usually answered so."""
    wording: str
    """English, for the wire; braces are for the server to fill in."""
    why: str
    neighbours: Mapping[str, str]
    """Why not: other codes, each with what is wrong about it here."""

    @property
    def reply(self) -> str:
        """The reply as it stands on the wire."""
        return " ".join(filter(None, (str(self.code), self.status, self.wording)))


@cache
def choices(lang: str = "en") -> Mapping[str, Choice]:
    """Every reason, by name, in order. Raises LookupError for an unknown language."""
    prose = words(lang, "registry")["choose"]
    return MappingProxyType(
        {
            name: Choice(
                name=name,
                reason=prose[name]["reason"],
                code=row["code"],
                status=row.get("status"),
                phase=row["phase"],
                wording=row["wording"],
                why=prose[name]["why"],
                neighbours=prose[name]["not"],
            )
            for name, row in facts("registry")["choose"].items()
        }
    )


def search(asked: str, lang: str = "en") -> tuple[Choice, ...]:
    """Those of the reasons that ``asked`` tells of, the likeliest first; all of them for an empty text."""
    wanted = [word for word in asked.lower().split() if word not in _IDLE and (len(word) > 2 or not word.isascii())]
    if not wanted:
        return () if asked.strip() else tuple(choices(lang).values())
    scored = [(sum(_weight(choice, word) for word in wanted), choice) for choice in choices(lang).values()]
    best = max(score for score, _ in scored)
    return tuple(choice for score, choice in sorted(scored, key=lambda row: -row[0]) if score * 2 >= best > 0)


def _weight(choice: Choice, word: str) -> int:
    """How much of the reason a word is: its own sentence says most."""
    if word in choice.reason.lower() or word in choice.name:
        return 3
    return 1 if word in f"{choice.reply} {choice.why}".lower() else 0
