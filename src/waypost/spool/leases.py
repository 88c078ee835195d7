"""The leases of a shard, in memory: its owner holds the lock of the folder, so a crash takes them all back by itself (C5).

Knows no database. A message is leased per domain; what an operator alters is reserved the same way for as long as that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.spool.spool import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from waypost.mail.envelope import Envelope
    from waypost.spool.rows import Extent
    from waypost.spool.spool import Lease

_NOBODY: frozenset[int] = frozenset()


class Held:
    """What the spool remembers of a lease that it gave."""

    __slots__ = ("due", "extents", "fresh", "lease", "number")

    def __init__(self, lease: Lease, number: int, due: float, extents: Sequence[Extent], *, fresh: bool) -> None:
        self.lease = lease
        self.number = number
        self.due = due
        """When its recipients fell due: where they go back to."""
        self.extents = extents
        self.fresh = fresh
        """No recipient of the message had a row of its own when it was leased."""

    @property
    def envelope(self) -> Envelope:
        """Of the message."""
        return self.lease.envelope

    @property
    def whole(self) -> bool:
        """Whether the lease is the whole message: then its row is all there is of it."""
        return self.fresh and len(self.lease.waiting) == len(self.lease.envelope.recipients)


class Leases:
    """Who has what."""

    __slots__ = ("_held", "_taken", "_token", "_touched")

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._taken: dict[tuple[int, str], frozenset[int]] = {}
        self._token = 0
        self._touched: set[tuple[int, str]] | None = None

    def __len__(self) -> int:
        return len(self._held)

    def token(self) -> int:
        """The name of the next lease."""
        self._token += 1
        return self._token

    def grant(self, held: Held) -> None:
        """Remember a lease."""
        lease = held.lease
        self._held[lease.token] = held
        self._taken[held.number, lease.domain] = frozenset([waiting.position for waiting in lease.waiting])

    def get(self, token: int) -> Held:
        """What is remembered of the lease ``token``. Raises LeaseLostError."""
        held = self._held.get(token)
        if held is None:
            raise LeaseLostError(f"lease {token} does not stand: it was settled already or taken back")
        return held

    def end(self, held: Held) -> None:
        """Forget a lease."""
        del self._held[held.lease.token]
        self.free([(held.number, held.lease.domain)])

    def is_taken(self, number: int, domain: str) -> bool:
        """Whether the recipients of message ``number`` at ``domain`` are leased or reserved, or were since ``watch``."""
        return (number, domain) in self._taken or self.was_touched(number, domain)

    def was_touched(self, number: int, domain: str) -> bool:
        """Whether they were leased or reserved at some time since ``watch``, and are no longer."""
        return self._touched is not None and (number, domain) in self._touched and (number, domain) not in self._taken

    def reserve(self, keys: Iterable[tuple[int, str]]) -> None:
        """Keep messages from being leased for a while."""
        for key in keys:
            self._taken[key] = _NOBODY

    def free(self, keys: Iterable[tuple[int, str]]) -> None:
        """End reservations."""
        for key in keys:
            self._taken.pop(key, None)
            if self._touched is not None:
                self._touched.add(key)

    def watch(self) -> None:
        """From now on remember what is freed: what a reader sees of it may be out of date when it comes back."""
        self._touched = set()

    def unwatch(self) -> None:
        """Forget it again."""
        self._touched = None

    def snapshot(self) -> Mapping[tuple[int, str], frozenset[int]]:
        """The positions leased, by message and domain."""
        return dict(self._taken)
