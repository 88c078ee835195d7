"""Which messages and recipients a filter means: pure, shared by all bodies of the spool. Knows no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from waypost.spool.spool import Change
from waypost.spool.states import FINAL, Move, State, after

if TYPE_CHECKING:
    from waypost.mail.envelope import Envelope
    from waypost.mail.path import Mailbox
    from waypost.spool.spool import Filter, Standing

_MOVES = {
    Change.HOLD: Move.HOLD,
    Change.RELEASE: Move.RELEASE,
    Change.RETRY: Move.RETRY,
    Change.FAIL: Move.FAIL,
    Change.DELETE: Move.FAIL,
}


def same(pattern: str, mailbox: Mailbox | None) -> bool:
    """Whether ``pattern`` (an address, ``@domain``, or ``<>``) means ``mailbox``; the case of the domain does not matter."""
    if mailbox is None:
        return pattern in {"<>", ""}
    if pattern.startswith("@"):
        return pattern[1:].lower() == mailbox.domain.lower()
    local_part, _, domain = pattern.strip("<>").rpartition("@")
    if not local_part:
        return not mailbox.domain and domain.lower() == mailbox.local_part.lower()
    return (local_part == mailbox.local_part and domain.lower() == mailbox.domain.lower()) or pattern == mailbox.text


def matches(wanted: Filter, envelope: Envelope) -> bool:
    """Whether the message itself is meant, its recipients apart."""
    if wanted.ids and envelope.id not in wanted.ids:
        return False
    if wanted.reverse_path is not None and not same(wanted.reverse_path, envelope.reverse_path):
        return False
    if wanted.arrived_before is not None and not envelope.arrived < wanted.arrived_before:
        return False
    return wanted.arrived_after is None or envelope.arrived > wanted.arrived_after


def meant(wanted: Filter, standing: Standing) -> bool:
    """Whether the recipient is meant."""
    if wanted.states and standing.state not in wanted.states:
        return False
    if wanted.recipient is None:
        return True
    return standing.state not in FINAL and same(wanted.recipient, standing.recipient.mailbox)


class Horizon(NamedTuple):
    """How far a change in several goes has come, and how far it reaches."""

    last: int
    """The number of the last message that was there when it began."""
    after: str
    """The id behind which it goes on."""

    @classmethod
    def of(cls, text: str, last: int) -> Horizon:
        """What ``text`` says; empty: a change that begins. Raises ValueError."""
        if not text:
            return cls(last, "")
        number, _, after = text.partition("/")
        return cls(int(number), after)

    def beyond(self, after: str | None) -> str | None:
        """As text, for the next go; None when there is none."""
        return None if after is None else f"{self.last}/{after}"


def moved(change: Change, state: State) -> State | None:
    """Where ``change`` leads a recipient in ``state``; None where it cannot be done."""
    if state is State.LEASED:
        return None
    try:
        return after(state, _MOVES[change])
    except KeyError:
        return None
