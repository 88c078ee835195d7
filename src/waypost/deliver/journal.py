"""Tells what attempts came to, once it is durable, and keeps the conversations that explain it. Decides nothing.

A conversation is kept when it ended badly for somebody: those of the many that went well say nothing new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.mail.outcome import Action
from waypost.observe.events import AttemptMade, MessageFinished, NoticeQueued, ServerChanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.clock import Clock
    from waypost.deliver.attempt import Attempted
    from waypost.history.transcript import History
    from waypost.observe.events import Observers
    from waypost.report.notice import Notice
    from waypost.spool.spool import Lease, Settlement

_GOOD = (Action.RELAYED, Action.DELIVERED)


class Journal:
    """For one deliverer."""

    __slots__ = ("_clock", "_history", "_observers")

    def __init__(self, clock: Clock, observers: Observers, history: History | None) -> None:
        self._clock = clock
        self._observers = observers
        self._history = history

    def record(
        self,
        lease: Lease,
        attempted: Attempted,
        settled: Sequence[Settlement],
        owed: Sequence[Notice],
        seconds: tuple[float, float, float, float],
        *,
        finished: bool,
    ) -> None:
        """One attempt, settled; ``finished``: the message left the spool with it."""
        session = self._keep(attempted) if attempted.ears else ""
        observers = self._observers
        if not observers:
            return
        envelope = lease.envelope
        sender = envelope.reverse_path.text if envelope.reverse_path is not None else ""
        for waiting, settlement in zip(lease.waiting, settled, strict=True):
            observers.tell(
                AttemptMade(
                    id=envelope.id,
                    reverse_path=sender,
                    recipient=waiting.recipient.mailbox.text,
                    outcome=settlement.outcome,
                    arrived=envelope.arrived,
                    attempts=waiting.attempts + 1,
                    seconds=seconds,
                    next_attempt=settlement.next_attempt,
                    session=session,
                )
            )
        for notice in owed:
            observers.tell(NoticeQueued(id=notice.envelope.id, about=envelope.id, to=sender, kind=str(notice.kind)))
        if finished:
            observers.tell(MessageFinished(id=envelope.id))

    def fault(self, lease: Lease, error: Exception) -> None:
        """Something in our own code failed: the message waits, the operator hears of it."""
        if self._observers:
            detail = f"delivery of {lease.envelope.id} to {lease.domain}: {type(error).__name__}: {error}"
            self._observers.tell(ServerChanged(what="fault", detail=detail, severity="error"))

    def _keep(self, attempted: Attempted) -> str:
        """Keep the conversations if there is something to learn from them; the id of the last one, or nothing."""
        bad = next((outcome for outcome in attempted.outcomes if outcome.action not in _GOOD), None)
        if self._history is None or (bad is None and len(attempted.ears) == 1):
            return ""
        for ear in attempted.ears:
            self._history.keep(ear.transcript(refused=str(bad.key) if bad is not None else ""))
        return attempted.ears[-1].session
