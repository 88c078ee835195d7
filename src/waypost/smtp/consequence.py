"""What a reply of a next hop means for a recipient: a table of rules, first digit last. Knows no connection.

RFC 5321 sections 3.4, 4.2.1 and 4.5.3.1.10.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from waypost.mail.outcome import Action, Outcome
from waypost.replies.catalogue import entries
from waypost.replies.keys import Key

if TYPE_CHECKING:
    from waypost.mail.outcome import Heard


@cache
def status_of(key: Key) -> str:
    """The enhanced status that the catalogue gives an outcome."""
    return entries()[key].status or "4.0.0"


def outcome(key: Key, *, next_hop: str, heard: Heard | None = None, detail: str = "") -> Outcome:
    """An outcome that is no success, by the class of its status in the catalogue."""
    status = status_of(key)
    action = Action.FAILED if status[0] == "5" else Action.DEFERRED
    return Outcome(action=action, key=key, status=status, heard=heard, next_hop=next_hop, detail=detail)


def refused(heard: Heard, *, next_hop: str) -> Outcome:
    """A reply of 4xx or 5xx, by its first digit: codes nobody knows mean what their class means (5321#4.2.1)."""
    permanent = heard.code >= 500
    key = Key.REMOTE_REJECTED if permanent else Key.REMOTE_DEFERRED
    action = Action.FAILED if permanent else Action.DEFERRED
    return Outcome(action=action, key=key, status=heard.status or status_of(key), heard=heard, next_hop=next_hop)


def refused_recipient(heard: Heard, *, next_hop: str, accepted: int) -> Outcome:
    """The same for RCPT, of which ``accepted`` were taken before: 551 is a failure, its new address is never followed (5321#3.4).

    452 behind accepted ones, and 552 wherever it stands, mean that this transaction is full, not that the mailbox is (5321#4.5.3.1.10).
    """
    if heard.code == 552 or (heard.code == 452 and accepted):
        return outcome(Key.REMOTE_RECIPIENTS_FULL, next_hop=next_hop, heard=heard)
    return refused(heard, next_hop=next_hop)


def taken(heard: Heard, *, next_hop: str, final: bool, supports_dsn: bool) -> Outcome:
    """A positive answer to the end of content; ``final``: the next hop keeps mailboxes (LMTP)."""
    action, key = (Action.DELIVERED, Key.DELIVERED) if final else (Action.RELAYED, Key.RELAYED)
    return Outcome(action=action, key=key, status=heard.status or "2.0.0", heard=heard, next_hop=next_hop, supports_dsn=supports_dsn)
