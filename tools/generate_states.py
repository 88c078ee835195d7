"""Draw docs/states.md from the tables of states; with ``--check``, only say whether it is fresh."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.smtp.commands import COMMANDS
from waypost.smtp.states import (
    CLIENT_TRANSITIONS,
    SERVER_AFTER_REFUSAL,
    SERVER_REFUSALS,
    SERVER_TRANSITIONS,
    ClientMove,
    ClientState,
    ServerMove,
    ServerState,
)
from waypost.spool.states import TRANSITIONS, Move, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from enum import StrEnum

TARGET = Path(__file__).resolve().parent.parent / "docs/states.md"
HEAD = """# The machines

Three tables decide what may happen next: one for each side of a session, one for each recipient in the queue. The code reads the same
tables; this page is drawn from them by `tools/generate_states.py`, and a test fails when it is not fresh. A move without an arrow must not
happen.
"""


def diagram(transitions: Mapping[StrEnum, Mapping[StrEnum, StrEnum]], first: StrEnum, *, without: frozenset[StrEnum]) -> Iterator[str]:
    """One table as a Mermaid diagram. Moves in ``without`` are left out where they are the same everywhere: the text says so."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {_node(first)}"
    for state, row in transitions.items():
        ways: dict[StrEnum, list[str]] = {}
        for move, target in row.items():
            if move not in without:
                ways.setdefault(target, []).append(str(move))
        for target, moves in ways.items():
            yield f"    {_node(state)} --> {_node(target)}: {', '.join(moves)}"
        if not row:
            yield f"    {_node(state)} --> [*]"
    yield "```"
    yield ""


def _node(state: StrEnum) -> str:
    return state.value.replace("-", "_")


def members(kind: type[StrEnum]) -> Iterator[str]:
    """The sentence beside each member of a closed list, which stands in its source."""
    said = dict(re.findall(r'^    ([A-Z_]+) = "[^"]*"\n    """(.*?)"""', inspect.getsource(kind), re.MULTILINE | re.DOTALL))
    yield "| name | meaning |"
    yield "|---|---|"
    for name, member in kind.__members__.items():
        yield f"| {member} | {' '.join(said[name].split())} |"
    yield ""


def refusals() -> Iterator[str]:
    """What each command is answered where the table of the server has no arrow for it."""
    names: dict[ServerMove, list[str]] = {}
    for command in COMMANDS.values():
        names.setdefault(command.move, []).append(command.name)
    yield f"| state | {' | '.join(', '.join(row) for row in names.values())} |"
    yield f"|---|{'---|' * len(names)}"
    for state, keys in SERVER_REFUSALS.items():
        cells = (f"`{keys[move]}`" if move in keys else f"→ {SERVER_TRANSITIONS[state][move]}" for move in names)
        yield f"| {state} | {' | '.join(cells)} |"
    yield ""


def page() -> str:
    """The whole page."""
    lines = [HEAD, "## The server's side of a session", ""]
    lines += diagram(SERVER_TRANSITIONS, ServerState.CONNECTED, without=frozenset({ServerMove.QUIT, ServerMove.QUESTION}))
    lines += ["Left out of the picture: `quit` leads from every state to over, and `question` changes none.", ""]
    after = ", ".join(f"`{move}` becomes `{other}`" for move, other in SERVER_AFTER_REFUSAL.items() if move is not other)
    lines += [f"A move happens when its command was answered positively. When it was refused nothing moves, but: {after}.", ""]
    lines += ["What a command leads to, or the key of the reply that refuses it:", "", *refusals()]
    lines += [*members(ServerState), *members(ServerMove), "## The client's side of a session", ""]
    lines += diagram(CLIENT_TRANSITIONS, ClientState.CONNECTED, without=frozenset({ClientMove.BREAK}))
    lines += ["Left out of the picture: `break` leads from every state to over.", "", *members(ClientState), *members(ClientMove)]
    lines += ["## A recipient in the queue", "", *diagram(TRANSITIONS, State.QUEUED, without=frozenset()), *members(State), *members(Move)]
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> int:
    """Draw, or check freshness."""
    text = page()
    if "--check" in sys.argv:
        fresh = TARGET.exists() and TARGET.read_text("utf-8") == text
        print("docs/states.md is fresh" if fresh else "docs/states.md is stale: run tools/generate_states.py")
        return 0 if fresh else 1
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
