"""What the spool writes to its shard, each function run inside a transaction of the writer. Knows the statements, not the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from waypost.mail.outcome import Action
from waypost.spool.rows import encode_envelope, encode_outcome
from waypost.spool.spool import Change
from waypost.spool.states import FINAL, Move, State, after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.mail.envelope import Envelope
    from waypost.spool.leases import Held
    from waypost.spool.reading import Match
    from waypost.spool.shelf import Kept
    from waypost.spool.spool import Settlement
    from waypost.store.sqlite import Connection, Value

MOVES = {
    Action.DELIVERED: Move.DELIVER,
    Action.RELAYED: Move.RELAY,
    Action.DEFERRED: Move.DEFER,
    Action.FAILED: Move.FAIL,
}


class Target(NamedTuple):
    """A recipient that an operator changes."""

    position: int
    before: State
    after: State


def settled_state(settlement: Settlement) -> State:
    """Where a settlement leads a leased recipient."""
    return after(State.LEASED, Move.HOLD if settlement.hold else MOVES[settlement.outcome.action])


def is_final(settlement: Settlement) -> bool:
    """Whether nothing is left to do for the recipient."""
    return settled_state(settlement) in FINAL


def settle(connection: Connection, held: Held, settlements: Sequence[Settlement], notices: Sequence[Sequence[Value]], now: float) -> bool:
    """Record results and keep notices; whether the message is finished, and so forgotten. One transaction (C8, C10)."""
    finished = _record(connection, held, settlements, now)
    if notices:
        connection.executemany("keep_message", notices)
    return finished


def _record(connection: Connection, held: Held, settlements: Sequence[Settlement], now: float) -> bool:
    number = held.number
    if held.whole and len(settlements) == len(held.lease.waiting) and all(map(is_final, settlements)):
        connection.execute("forget_message", (number,))
        return True
    if held.fresh:
        spread(connection, number, held.envelope, State.QUEUED)
    connection.executemany("settle_recipient", [_result(number, settlement, now) for settlement in settlements])
    return _forget_if_finished(connection, number)


def _result(number: int, settlement: Settlement, now: float) -> tuple[Value, ...]:
    state = settled_state(settlement)
    return (
        state.value,
        float(settlement.next_attempt or now) if state is State.DEFERRED else None,
        0 if settlement.hold else 1,
        now,
        encode_outcome(settlement.outcome),
        int(settlement.delay_notified),
        number,
        settlement.position,
    )


def notice_row(kept: Kept) -> tuple[Value, ...]:
    """What ``keep_message`` binds for a notice: always small, never held."""
    return (kept.number, kept.envelope.id, encode_envelope(kept.envelope), False, kept.content.octets, None)


def spread(connection: Connection, number: int, envelope: Envelope, state: State) -> None:
    """Give each recipient of a message a row of its own, all in ``state`` (queued or held); those that have one keep it."""
    due = envelope.arrived if state is State.QUEUED else None
    rows = [(number, position, recipient.mailbox.domain, state.value, due) for position, recipient in enumerate(envelope.recipients)]
    connection.executemany("spread_recipient", rows)


def _forget_if_finished(connection: Connection, number: int) -> bool:
    if connection.one("unsettled_recipient", (number,)) is not None:
        return False
    connection.execute("forget_recipients", (number,))
    connection.execute("forget_message", (number,))
    return True


class Altering(NamedTuple):
    """A message that an operator changes."""

    match: Match
    targets: Sequence[Target]
    notices: Sequence[Kept] | None
    """What is told of the change, which then is done to all of the targets or to none; None: nothing is told."""


def alter(connection: Connection, chosen: Sequence[Altering], change: Change, now: float) -> dict[int, bool]:
    """Do what an operator wants; for each message that changed, whether it is forgotten. Its notices are kept only if it changed."""
    changed: dict[int, bool] = {}
    for one in chosen:
        finished = _alter(connection, one, change, now)
        if finished is None:
            continue
        changed[one.match.number] = finished
        if one.notices:
            connection.executemany("keep_message", [notice_row(notice) for notice in one.notices])
    return changed


def _alter(connection: Connection, one: Altering, change: Change, now: float) -> bool | None:
    """Whether the message is forgotten; None when nothing changed: its recipients moved on since they were looked at."""
    match, number = one.match, one.match.number
    if match.fresh:
        if connection.one("envelope", (number,)) is None:
            return None
        spread(connection, number, match.envelope, State.HELD if match.held else State.QUEUED)
    if one.notices is not None and not _stand(connection, number, one.targets):
        return None
    next_at = now if change in {Change.RELEASE, Change.RETRY} else None
    changes = 0
    for target in one.targets:
        connection.execute("alter_recipient", (target.after.value, next_at, number, target.position, target.before.value))
        changes += connection.changes()
    if not changes:
        return None
    return _forget_if_finished(connection, number)


def _stand(connection: Connection, number: int, targets: Sequence[Target]) -> bool:
    """Whether all of ``targets`` stand where the operator saw them."""
    rows = set(connection.execute("standing", (number,)))
    return all((target.position, target.before.value) in rows for target in targets)
