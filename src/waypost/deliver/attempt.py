"""What one attempt gives, and the seam that every kind of transport keeps. Knows no protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from waypost.smtp.consequence import outcome

if TYPE_CHECKING:
    from waypost.deliver.ear import Ear
    from waypost.deliver.hop import Hop
    from waypost.mail.outcome import Outcome
    from waypost.replies.keys import Key
    from waypost.route.route import Route
    from waypost.spool.spool import Lease


@dataclass(slots=True)
class Attempted:
    """The result of one lease."""

    outcomes: list[Outcome]
    """One for each of ``lease.waiting``, in order."""
    soon: frozenset[int] = frozenset()
    """Positions of recipients to be tried again at once, as soon as these outcomes are durable."""
    hold: bool = False
    """Park the recipients for an operator."""
    hop: Hop | None = None
    """The connection that was used: to be kept, or said goodbye on, after the outcomes are durable."""
    ears: list[Ear] = field(default_factory=list)
    """The conversations that were had, the last one last."""
    connecting: float = 0.0
    """Seconds until a transaction could begin."""


class Way(Protocol):
    """One kind of transport."""

    async def attempt(self, lease: Lease, route: Route) -> Attempted:
        """Try to deliver to every waiting recipient. Never raises but when cancelled."""


def alike(result: Outcome, lease: Lease) -> list[Outcome]:
    """The same outcome for every recipient."""
    return [result] * len(lease.waiting)


def all_failed(lease: Lease, key: Key, *, next_hop: str, detail: str = "") -> Attempted:
    """No recipient could be reached, all for one reason."""
    return Attempted(alike(outcome(key, next_hop=next_hop, detail=detail), lease))
