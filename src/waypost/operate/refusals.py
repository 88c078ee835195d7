"""Why a conversation was refused: which command got which reply, what it means and what to do. Pure; knows no store.

Replies come in the order of the commands (RFC 5321 section 4.1.1, RFC 2920 section 3.1): so each command is paired with its reply,
even where several went over the wire in one piece.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, assert_never

from waypost.history.render import Who, render
from waypost.operate import rows
from waypost.replies import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waypost.history.render import Entry
    from waypost.history.transcript import Transcript

_FOLLOWS = frozenset({Key.NO_VALID_RECIPIENTS, Key.RCPT_FIRST, Key.MAIL_FIRST, Key.CHUNK_REFUSED, Key.TOO_MANY_ERRORS})
"""Refusals that an earlier one brought about: that one is the reason."""


def refusal(transcript: Transcript, lang: str) -> dict[str, Any] | None:
    """The refusal that matters most: the last one that no earlier one brought about; None where no reply is a refusal.

    ``command`` is what it answers, empty for the greeting and for what the server said unasked. Raises LookupError for an unknown language.
    """
    refused = [(command, reply) for command, reply in exchanges(render(transcript, lang)) if reply.code >= 400]
    if not refused:
        return None
    reasons = [each for each in refused if each[1].key not in _FOLLOWS] or refused
    command, reply = reasons[-1]
    return {**rows.entry(reply), "command": command, "refusals": len(refused)}


def exchanges(conversation: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Each reply with the command that it answers."""
    waiting: deque[str] = deque()
    for entry in conversation:
        match entry.who:
            case Who.SERVER:
                yield waiting.popleft() if waiting else "", entry
            case Who.CLIENT:
                waiting.extend(entry.lines)
            case Who.NOTE:
                if entry.lines[0].startswith("content:") and not _is_chunk(waiting):
                    waiting.append(f"<{entry.lines[0]}>")
            case _:
                assert_never(entry.who)


def _is_chunk(waiting: deque[str]) -> bool:
    """Whether the content belongs to a command that waits for its reply: BDAT has one for both (3030#2)."""
    return bool(waiting) and waiting[-1][:4].upper() == "BDAT"
