"""The seam of the spool: seven methods that every body keeps, and the values they speak in. Knows no engine.

A body promises: ``put`` returns after the message would survive a power cut; ``settle`` records outcomes and queues notices in
one transaction; a lease whose owner died is taken back; nothing is leased twice at once; content is whole or absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Sequence

    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope, Recipient
    from waypost.mail.outcome import Outcome
    from waypost.spool.states import State


LOOKED = 100
"""Messages that are looked at in one go, so that neither memory nor the sessions beside feel how long the queue is."""
PEOPLE = 500
"""Recipients after which one go ends early: a message may have thousands."""


class SpoolFullError(Exception):
    """There is no room for this now: ``storage-low``."""


class SpoolUnavailableError(Exception):
    """The store failed; nothing was kept: ``spool-unavailable``."""


class LeaseLostError(Exception):
    """The lease was settled already or taken back: what was done with it is not recorded."""


class Draft(Protocol):
    """A sink into which content streams before ``put``; small content stays in memory, large goes to disk as it comes."""

    size: int
    """Octets written so far."""

    def write(self, octets: bytes) -> bool:
        """Take ``octets``; False asks the writer to ``await drain()`` before it writes more. Raises SpoolFullError."""

    async def drain(self) -> None:
        """Return when enough has gone to disk. Raises SpoolFullError or SpoolUnavailableError."""

    def discard(self) -> None:
        """Forget everything written; idempotent; also right after a failed ``put``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One recipient of a lease."""

    position: int
    """Its place in the message's recipients, for ever."""
    recipient: Recipient
    attempts: int
    """Made before this one."""
    first_attempt: float | None
    """Wall-clock seconds of the first, or None."""
    last: Outcome | None = None
    """What the attempt before this one ended with."""
    delay_notified: bool = False
    """Whether its sender was told that it is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The due recipients of one message that share a domain, for one deliverer to attempt and settle."""

    token: int
    """Names the lease to ``settle``; a lease taken back cannot be settled."""
    envelope: Envelope
    """All recipients of the message are in it; ``waiting`` says which are meant."""
    domain: str
    waiting: tuple[Waiting, ...]
    content: Content
    notified_delay: bool = False
    """Whether a delay notice was queued already for each of ``waiting``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The result for one leased recipient."""

    position: int
    outcome: Outcome
    next_attempt: float | None = None
    """Wall-clock seconds; needed with a deferred outcome and meaningless otherwise."""
    hold: bool = False
    """Park it for an operator instead (the hold transport): the outcome is then not final."""
    delay_notified: bool = False
    """The moment to tell its sender that it is late is this settlement's: remember it, so that it never comes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of ours that a settlement queues: always from the null reverse-path."""

    envelope: Envelope
    content: Content


class Change(StrEnum):
    """What an operator can do to messages."""

    HOLD = "hold"
    """Stop attempts until released."""
    RELEASE = "release"
    """Let held recipients go on."""
    RETRY = "retry"
    """Attempt now instead of later."""
    FAIL = "fail"
    """Give up, and tell the sender."""
    DELETE = "delete"
    """Remove without telling anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which messages are meant; every field that is given must match; none given means all."""

    ids: frozenset[str] = frozenset()
    reverse_path: str | None = None
    """The whole address, or ``@domain``; ``<>`` for the null path. Case of the domain does not matter."""
    recipient: str | None = None
    """The whole address, or ``@domain``: matches messages with such an unsettled recipient, and those recipients alone are altered."""
    states: frozenset[State] = frozenset()
    arrived_before: float | None = None
    arrived_after: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One recipient as the queue shows it."""

    position: int
    recipient: Recipient
    domain: str
    state: State
    attempts: int
    next_attempt: float | None
    last: Outcome | None
    last_attempt: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One message as the queue shows it."""

    envelope: Envelope
    recipients: tuple[Standing, ...]
    """Unsettled ones and those already settled, in order."""
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one go found."""

    found: tuple[Found, ...]
    """In the order of their ids, which is that of their arrival."""
    after: str | None
    """The id behind which the next go looks; None: nothing is left."""


Telling: TypeAlias = "Callable[[Found, Sequence[Standing]], Awaitable[Sequence[Notice]]]"
"""Composes what senders are to be told of a message, of those of its recipients that are about to change."""


@dataclass(slots=True)
class Altered:
    """What ``alter`` did."""

    messages: list[str] = field(default_factory=list)
    """Queue ids that changed (with dry_run: that would change)."""
    busy: list[str] = field(default_factory=list)
    """Ids that matched but are being attempted this moment, so were left alone."""
    after: str | None = None
    """Where the next go begins; None: nothing is left."""


class Spool(Protocol):
    """The six methods."""

    def draft(self, *, expect: int = 0) -> Draft:
        """A sink for the content of one message of about ``expect`` octets. Raises SpoolFullError when there is no room,
        SpoolUnavailableError while nothing can be written.
        """

    def put(self, envelope: Envelope, draft: Draft) -> Awaitable[None]:
        """Keep the message; when the awaitable ends it is durable. Raises SpoolFullError or SpoolUnavailableError, nothing kept."""

    async def lease(self, most: int, busy: Container[str], *, wait: float) -> Sequence[Lease]:
        """Up to ``most`` leases that are due, oldest due first, of domains not in ``busy``; waits up to ``wait`` seconds for one."""

    async def settle(self, lease: Lease, settlements: Sequence[Settlement], notices: Sequence[Notice] = ()) -> bool:
        """Record the results and queue the notices in one transaction; durable when it returns; leased recipients without a
        settlement go back to where they were. Whether the message left the spool with it. Raises SpoolUnavailableError or
        SpoolFullError: then the lease still stands, call again; LeaseLostError when it does not stand.
        """

    async def look(self, wanted: Filter, *, after: str = "") -> Sight:
        """The messages that match among the next ``LOOKED`` whose ids come behind ``after``; at most ``wanted.limit`` of them."""

    async def find(self, wanted: Filter) -> Sequence[Found]:
        """All messages that match, in the order of their ids: for filters that mean few."""

    async def alter(
        self, wanted: Filter, change: Change, *, after: str = "", telling: Telling | None = None, dry_run: bool = False
    ) -> Altered:
        """Do ``change`` to what matches in one go; what is leased is left alone and reported. ``after``: of the go before, so that
        together they reach what was there when the first of them began, and not what they queue themselves.

        What ``telling`` composes for a message is queued in the transaction that changes it. While it composes, nobody leases those
        recipients; and if one of them moved on before all the same, none of them changes and nothing is queued. Raises ValueError for
        an ``after`` that no go gave.
        """
