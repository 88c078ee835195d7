"""Ways that need no network: the inbox, an operator's hand, nowhere. Knows no protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from waypost.deliver.attempt import Attempted, alike, all_failed
from waypost.mail.outcome import Action, Outcome
from waypost.replies.keys import Key

if TYPE_CHECKING:
    from waypost.deliver.means import Means
    from waypost.route.route import Route
    from waypost.spool.spool import Lease

_DISCARDED = Outcome(action=Action.DELIVERED, key=Key.DISCARDED, status="2.0.0", next_hop="discard")
_HELD = Outcome(action=Action.DEFERRED, key=Key.HELD, status="2.0.0", next_hop="hold")
_CAPTURED = Outcome(action=Action.DELIVERED, key=Key.DELIVERED, status="2.0.0", next_hop="capture")


class CaptureWay:
    """Into the inbox of the dev profile."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def attempt(self, lease: Lease, route: Route) -> Attempted:
        """See ``Way``."""
        inbox = self._means.inbox
        if inbox is None:
            return all_failed(lease, Key.ROUTE_MISSING, next_hop=route.transport.name, detail="this server keeps no inbox")
        recipients = tuple(waiting.recipient for waiting in lease.waiting)
        try:
            await inbox.keep(replace(lease.envelope, recipients=recipients), lease.content)
        except Exception as error:  # noqa: BLE001 - whatever the inbox's store raises: not kept, so tried again, and told
            return all_failed(lease, Key.MAILBOX_UNWRITABLE, next_hop="capture", detail=f"{type(error).__name__}: {error}")
        return Attempted(alike(_CAPTURED, lease))


class HoldWay:
    """Nowhere, until an operator releases it to another transport."""

    async def attempt(self, lease: Lease, route: Route) -> Attempted:  # noqa: ARG002 - the seam's form
        """See ``Way``."""
        return Attempted(alike(_HELD, lease), hold=True)


class DiscardWay:
    """Nowhere, for ever."""

    async def attempt(self, lease: Lease, route: Route) -> Attempted:  # noqa: ARG002 - the seam's form
        """See ``Way``."""
        return Attempted(alike(_DISCARDED, lease))
