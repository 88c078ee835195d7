"""What an operator types to say which messages: words into a ``spool.Filter`` or an ``inbox.Search``. Pure; knows no store.

Words: queue ids; ``from:ADDRESS`` or ``from:@domain`` (``from:<>`` for notices); ``to:ADDRESS`` or ``to:@domain``; ``state:deferred``;
``older:2h`` and ``newer:30m`` (s, m, h, d); ``subject:words`` (inbox); ``all``. All words that are given must match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.inbox.inbox import Search
from waypost.mail.identifier import is_identifier
from waypost.spool.spool import Filter
from waypost.spool.states import FINAL, State

if TYPE_CHECKING:
    from collections.abc import Sequence

_AGE = re.compile(r"([0-9]{1,9})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_WORDS = ("from", "to", "state", "older", "newer", "subject")
STATES = tuple(state for state in State if state not in FINAL)


class FilterError(Exception):
    """A word that is no filter; the text says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of a filter, sorted out."""

    ids: frozenset[str]
    values: dict[str, str]
    everything: bool

    @property
    def empty(self) -> bool:
        """Whether nothing at all was said: a change of everything must be asked for by ``all``."""
        return not (self.ids or self.values or self.everything)


def words(texts: Sequence[str]) -> Words:
    """Sort out what was typed. Raises FilterError."""
    ids: set[str] = set()
    values: dict[str, str] = {}
    everything = False
    for text in texts:
        name, colon, value = text.partition(":")
        if text.lower() == "all":
            everything = True
        elif colon and name in _WORDS and value:
            if name in values:
                raise FilterError(f"{name}: is said twice, and all words must match: say it once")
            values[name] = _address(text, value) if name in ("from", "to") else value
        elif is_identifier(text.upper()):
            ids.add(text.upper())
        else:
            raise FilterError(
                f"{text!r} is no filter: write an id, from:ADDRESS, from:@DOMAIN, to:..., newer:30m or all; "
                "of the queue also state:deferred and older:2h, of the inbox subject:WORDS"
            )
    return Words(ids=frozenset(ids), values=values, everything=everything)


def _address(text: str, value: str) -> str:
    """What stands behind ``from:`` or ``to:``. Raises FilterError where no address can be meant."""
    if "@" in value or value.lower() in ("<>", "postmaster"):
        return value
    raise FilterError(f"{text!r} names no address: write ada@example.org, @example.org for a whole domain, or <> for the null sender")


def queue_filter(said: Words, *, now: float, limit: int | None = None) -> Filter:
    """The messages of the queue that are meant. Raises FilterError."""
    if "subject" in said.values:
        raise FilterError("subject: is for the inbox; the queue knows envelopes")
    return Filter(
        ids=said.ids,
        reverse_path=said.values.get("from"),
        recipient=said.values.get("to"),
        states=_states(said.values.get("state")),
        arrived_before=_moment(said, "older", now),
        arrived_after=_moment(said, "newer", now),
        limit=limit,
    )


def inbox_search(said: Words, *, now: float, limit: int | None = None) -> Search:
    """The captured messages that are meant. Raises FilterError."""
    for word in ("state", "older"):
        if word in said.values:
            raise FilterError(f"{word}: is for the queue; the inbox knows from:, to:, subject: and newer:")
    return Search(
        ids=said.ids,
        reverse_path=said.values.get("from"),
        recipient=said.values.get("to"),
        subject=said.values.get("subject"),
        after=_moment(said, "newer", now),
        limit=limit,
    )


def _states(text: str | None) -> frozenset[State]:
    if text is None:
        return frozenset()
    names = {str(state): state for state in STATES}
    wanted = text.lower().split(",")
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise FilterError(f"{unknown[0]!r} is no state of a waiting recipient: write {', '.join(names)}")
    return frozenset(names[name] for name in wanted)


def _moment(said: Words, word: str, now: float) -> float | None:
    text = said.values.get(word)
    return None if text is None else now - seconds(text)


def seconds(text: str) -> int:
    """``90``, ``30m``, ``2h``, ``5d`` in seconds. Raises FilterError."""
    match = _AGE.fullmatch(text.lower())
    if match is None:
        raise FilterError(f"{text!r} is no span of time: write 90s, 30m, 2h or 5d")
    return int(match[1]) * _SECONDS[match[2]]
