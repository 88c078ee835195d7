"""The recipient's machine as a table; a missing cell is a move that must not happen. Knows no storage.

queued -> leased -> delivered | relayed | deferred | failed; deferred -> leased | failed (expired); queued | deferred <-> held.
A notice that must be given up (5321#6.1: no notice about a notice) is failed like any other.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a recipient stands."""

    QUEUED = "queued"
    """Durable and never attempted."""
    LEASED = "leased"
    """An attempt is under way; a crash takes the lease back."""
    DEFERRED = "deferred"
    """Attempted without a final answer; waits for its next attempt."""
    HELD = "held"
    """Waits for an operator's release."""
    DELIVERED = "delivered"
    """Final delivery was made."""
    RELAYED = "relayed"
    """Another server took the responsibility."""
    FAILED = "failed"
    """Given up; a notice was queued where one was owed."""


class Move(StrEnum):
    """What may happen to a recipient."""

    LEASE = "lease"
    """A deliverer takes it."""
    DELIVER = "deliver"
    """Settled as delivered."""
    RELAY = "relay"
    """Settled as relayed."""
    DEFER = "defer"
    """Settled as deferred."""
    FAIL = "fail"
    """Settled as failed, expired, or failed by an operator."""
    RECOVER = "recover"
    """The lease's owner is gone."""
    HOLD = "hold"
    """An operator or the hold transport stops it."""
    RELEASE = "release"
    """An operator lets it go on."""
    RETRY = "retry"
    """An operator wants an attempt now."""


FINAL = frozenset({State.DELIVERED, State.RELAYED, State.FAILED})
WAITING = frozenset({State.QUEUED, State.DEFERRED})

TRANSITIONS: dict[State, dict[Move, State]] = {
    State.QUEUED: {
        Move.LEASE: State.LEASED,
        Move.HOLD: State.HELD,
        Move.RETRY: State.QUEUED,
        Move.FAIL: State.FAILED,
    },
    State.LEASED: {
        Move.DELIVER: State.DELIVERED,
        Move.RELAY: State.RELAYED,
        Move.DEFER: State.DEFERRED,
        Move.FAIL: State.FAILED,
        Move.HOLD: State.HELD,
        Move.RECOVER: State.QUEUED,
    },
    State.DEFERRED: {
        Move.LEASE: State.LEASED,
        Move.HOLD: State.HELD,
        Move.RETRY: State.DEFERRED,
        Move.FAIL: State.FAILED,
    },
    State.HELD: {
        Move.RELEASE: State.QUEUED,
        Move.FAIL: State.FAILED,
    },
    State.DELIVERED: {},
    State.RELAYED: {},
    State.FAILED: {},
}


def after(state: State, move: Move) -> State:
    """The state that ``move`` leads to. Raises KeyError where the table has no cell."""
    return TRANSITIONS[state][move]
