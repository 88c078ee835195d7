"""The script that is said to both servers, as the data has it: connections, steps, what the standards want of each. Knows no network.

RFC 5321 section 4.3.2 (which reply answers what); the rows stand in ``replies/data/beside.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.library import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

BURST = "burst"
"""The step that sends several commands in one packet."""
PACKET = b"RSET\r\nNOOP\r\nRSET\r\n"
ANSWERS = 3
HELLO, FIRST, QUIT = "ehlo", "mail-before-hello", "quit"
CONTENT = "data-without-recipients"
"""A step that a server may take for the beginning of content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command."""

    name: str
    says: str
    """With braces for what is filled in."""
    offer: str = ""
    """Said only where this extension is offered."""
    good: frozenset[int] = frozenset()
    """Codes that the standard asks for; empty: it leaves the answer to the server."""
    rfc: tuple[str, ...] = ()

    def line(self, known: Mapping[str, str]) -> str | None:
        """The command; None where something is missing that it needs."""
        try:
            return self.says.format_map(known)
        except KeyError:
            return None


def step(name: str) -> Step:
    """The row of a step."""
    row = facts("beside")["step"][name]
    return Step(name=name, says=row["says"], offer=row.get("offer", ""), good=frozenset(row.get("good", ())), rfc=tuple(row.get("rfc", ())))


def talks() -> tuple[tuple[Step, ...], ...]:
    """The steps of each connection: servers hang up on who does many things wrong, so each hears a few."""
    return tuple(tuple(step(name) for name in names) for names in facts("beside")["talk"].values())


def order() -> tuple[str, ...]:
    """Every step once, as the data has them."""
    return tuple(facts("beside")["step"])
