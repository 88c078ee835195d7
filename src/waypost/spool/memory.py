"""The spool in memory: the shipped fake, which keeps the same contract and forgets everything at the end. Knows no disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.mail.content import MemoryContent
from waypost.spool.search import Horizon, matches, meant, moved
from waypost.spool.spool import (
    LOOKED,
    PEOPLE,
    Altered,
    Change,
    Found,
    Lease,
    LeaseLostError,
    Sight,
    SpoolFullError,
    SpoolUnavailableError,
    Standing,
    Waiting,
)
from waypost.spool.states import FINAL, WAITING, State
from waypost.spool.writing import settled_state

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from waypost.clock import Clock
    from waypost.mail.envelope import Envelope, Recipient
    from waypost.spool.spool import Draft, Filter, Notice, Settlement, Telling

_NOBODY: frozenset[int] = frozenset()


class MemoryDraft:
    """Keeps ``Draft``."""

    __slots__ = ("_parts", "_spool", "size")

    def __init__(self, spool: MemorySpool) -> None:
        self.size = 0
        self._parts: list[bytes] = []
        self._spool = spool

    def write(self, octets: bytes) -> bool:
        """Take ``octets``. Raises SpoolFullError beyond the capacity of the spool."""
        self._spool.demand(len(octets))
        self._spool.used += len(octets)
        self._parts.append(octets)
        self.size += len(octets)
        return True

    async def drain(self) -> None:
        """Nothing is ever behind."""

    def discard(self) -> None:
        """Forget everything written; idempotent."""
        self._spool.used -= sum(map(len, self._parts))
        self._parts = []

    def finish(self) -> bytes:
        """All of it, which belongs to the caller now."""
        octets = b"".join(self._parts)
        self._parts = []
        return octets


@dataclass(slots=True)
class _Place:
    """Where one recipient stands."""

    position: int
    recipient: Recipient
    state: State
    next_attempt: float | None
    attempts: int = 0
    first_attempt: float | None = None
    standing: Settlement | None = None
    last_attempt: float | None = None
    delay_notified: bool = False

    @property
    def domain(self) -> str:
        return self.recipient.mailbox.domain

    def shown(self, state: State) -> Standing:
        return Standing(
            position=self.position,
            recipient=self.recipient,
            domain=self.domain,
            state=state,
            attempts=self.attempts,
            next_attempt=None if state is State.LEASED else self.next_attempt,
            last=None if self.standing is None else self.standing.outcome,
            last_attempt=self.last_attempt,
        )

    def waiting(self) -> Waiting:
        return Waiting(
            position=self.position,
            recipient=self.recipient,
            attempts=self.attempts,
            first_attempt=self.first_attempt,
            last=None if self.standing is None else self.standing.outcome,
            delay_notified=self.delay_notified,
        )


@dataclass(slots=True)
class _Message:
    number: int
    envelope: Envelope
    octets: bytes
    places: list[_Place]
    leased: dict[str, frozenset[int]] = field(default_factory=dict)
    """Positions leased, by domain."""

    def state(self, place: _Place) -> State:
        return State.LEASED if place.position in self.leased.get(place.domain, ()) else place.state

    def shown(self) -> Found:
        recipients = tuple(place.shown(self.state(place)) for place in self.places)
        return Found(envelope=self.envelope, recipients=recipients, content=MemoryContent(self.octets))


class MemorySpool:
    """Keeps ``Spool``; takes up to ``capacity`` octets of content, or any amount. ``refuse`` makes every write fail, for tests."""

    def __init__(self, clock: Clock, *, capacity: int | None = None) -> None:
        self.refuse = False
        self.used = 0
        self._clock = clock
        self._capacity = capacity
        self._messages: dict[str, _Message] = {}
        self._leases: dict[int, tuple[_Message, Lease]] = {}
        self._token = self._number = 0
        self._news = asyncio.Event()

    def demand(self, octets: int) -> None:
        """Raises SpoolFullError when there is no room for ``octets`` more."""
        if self._capacity is not None and self.used + octets > self._capacity:
            raise SpoolFullError("the memory of the spool is full")

    def draft(self, *, expect: int = 0) -> MemoryDraft:
        """A sink for the content of one message."""
        self.demand(expect)
        return MemoryDraft(self)

    async def put(self, envelope: Envelope, draft: Draft) -> None:
        """Keep the message."""
        if not isinstance(draft, MemoryDraft):
            raise TypeError("a draft belongs to the spool that made it")
        await asyncio.sleep(0)
        try:
            self._demand_disk()
        except SpoolUnavailableError:
            draft.discard()
            raise
        self._keep(envelope, draft.finish())

    def _demand_disk(self) -> None:
        if self.refuse:
            raise SpoolUnavailableError("told to refuse")

    def _keep(self, envelope: Envelope, octets: bytes) -> None:
        if envelope.id in self._messages:
            raise SpoolUnavailableError(f"message {envelope.id} is there already")
        places = [_Place(position, recipient, State.QUEUED, envelope.arrived) for position, recipient in enumerate(envelope.recipients)]
        self._number += 1
        self._messages[envelope.id] = _Message(self._number, envelope, octets, places)
        self._news.set()

    async def lease(self, most: int, busy: Container[str], *, wait: float) -> Sequence[Lease]:
        """Up to ``most`` leases that are due, oldest first."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while True:
            self._news.clear()
            leases = self._gather(most, busy)
            if leases or loop.time() >= end:
                return leases
            try:
                async with asyncio.timeout(min(end - loop.time(), self._pause())):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _pause(self) -> float:
        """Seconds until the next falls due."""
        now = self._clock.wall()
        return min((max(due - now, 0.01) for due, _, _ in self._due(float("inf"))), default=float("inf"))

    def _due(self, now: float) -> Iterator[tuple[float, _Message, str]]:
        """What is due by ``now``: the moment of the first recipient of each domain of each message that is not leased there."""
        for message in self._messages.values():
            first: dict[str, float] = {}
            for place in message.places:
                due = place.next_attempt
                if place.state in WAITING and due is not None and due <= now and place.domain not in message.leased:
                    first[place.domain] = min(due, first.get(place.domain, due))
            yield from ((due, message, domain) for domain, due in first.items())

    def _gather(self, most: int, busy: Container[str]) -> list[Lease]:
        now = self._clock.wall()
        due = [found for found in self._due(now) if found[2] not in busy]
        due.sort(key=lambda found: found[0])
        return [self._grant(message, domain, now) for _, message, domain in due[:most]]

    def _grant(self, message: _Message, domain: str, now: float) -> Lease:
        waiting = tuple(
            place.waiting()
            for place in message.places
            if place.domain == domain and place.state in WAITING and place.next_attempt is not None and place.next_attempt <= now
        )
        self._token += 1
        message.leased[domain] = frozenset(one.position for one in waiting)
        lease = Lease(
            token=self._token,
            envelope=message.envelope,
            domain=domain,
            waiting=waiting,
            content=MemoryContent(message.octets),
            notified_delay=all(one.delay_notified for one in waiting),
        )
        self._leases[lease.token] = (message, lease)
        return lease

    async def settle(self, lease: Lease, settlements: Sequence[Settlement], notices: Sequence[Notice] = ()) -> bool:
        """Record the results and queue the notices, all or nothing."""
        if lease.token not in self._leases:
            raise LeaseLostError(f"lease {lease.token} does not stand")
        kept = await self._notices(notices)
        self._demand_disk()
        message, _ = self._leases.pop(lease.token)
        del message.leased[lease.domain]
        for settlement in settlements:
            self._record(message.places[settlement.position], settlement)
        self._finish(message)
        for envelope, octets in kept:
            self._keep(envelope, octets)
        self._news.set()
        return message.envelope.id not in self._messages

    def _record(self, place: _Place, settlement: Settlement) -> None:
        now = self._clock.wall()
        place.state = settled_state(settlement)
        place.next_attempt = (settlement.next_attempt or now) if place.state is State.DEFERRED else None
        place.attempts += 0 if settlement.hold else 1
        place.first_attempt = now if place.first_attempt is None else place.first_attempt
        place.last_attempt = now
        place.standing = settlement
        place.delay_notified = place.delay_notified or settlement.delay_notified

    def _finish(self, message: _Message) -> None:
        if all(place.state in FINAL for place in message.places):
            del self._messages[message.envelope.id]
            self.used -= len(message.octets)

    async def _notices(self, notices: Sequence[Notice]) -> list[tuple[Envelope, bytes]]:
        found = [(notice.envelope, b"".join([piece async for piece in notice.content.chunks()])) for notice in notices]
        self.used += sum(len(octets) for _, octets in found)
        return found

    async def look(self, wanted: Filter, *, after: str = "") -> Sight:
        """The messages that match among the next behind the id ``after``."""
        sighted, further = self._look(wanted, after, self._number)
        return Sight(found=tuple(message.shown() for message in sighted), after=further)

    def _look(self, wanted: Filter, after: str, last: int) -> tuple[list[_Message], str | None]:
        found: list[_Message] = []
        looked = people = 0
        for id_ in sorted(id_ for id_ in self._messages if id_ > after and id_ in (wanted.ids or self._messages)):
            if looked == LOOKED or people >= PEOPLE or len(found) == wanted.limit:
                return found, after
            message = self._messages[id_]
            looked, people, after = looked + 1, people + len(message.places), id_
            if message.number <= last and self._chosen(wanted, message):
                found.append(message)
        return found, None

    async def find(self, wanted: Filter) -> Sequence[Found]:
        """All messages that match, in the order of their ids."""
        return [message.shown() for _, message in sorted(self._messages.items()) if self._chosen(wanted, message)][: wanted.limit]

    def _chosen(self, wanted: Filter, message: _Message) -> list[_Place]:
        """The recipients of ``message`` that are meant; none where the message itself is not."""
        if not matches(wanted, message.envelope):
            return []
        return [place for place in message.places if meant(wanted, place.shown(message.state(place)))]

    async def alter(
        self, wanted: Filter, change: Change, *, after: str = "", telling: Telling | None = None, dry_run: bool = False
    ) -> Altered:
        """Do ``change`` to what matches in one go; what is leased is left alone and reported."""
        horizon = Horizon.of(after, self._number)
        if not dry_run:
            self._demand_disk()
        sighted, further = self._look(wanted, horizon.after, horizon.last)
        altered = Altered(after=horizon.beyond(further))
        for message in sighted:
            places = self._chosen(wanted, message)
            free = [place for place in places if place.domain not in message.leased]
            if len(free) < len(places):
                altered.busy.append(message.envelope.id)
            targets = [(place, state) for place in free if (state := moved(change, place.state)) is not None]
            if targets:
                altered.messages.append(message.envelope.id)
            if targets and not dry_run:
                told = await self._told(message, [place for place, _ in targets], telling)
                self._alter(message, targets, change)
                for envelope, octets in told:
                    self._keep(envelope, octets)
        return altered

    async def _told(self, message: _Message, places: Sequence[_Place], telling: Telling | None) -> list[tuple[Envelope, bytes]]:
        """The notices of a change; while they are composed nobody leases what is about to change."""
        if telling is None:
            return []
        closed = {place.domain for place in places}
        message.leased.update(dict.fromkeys(closed, _NOBODY))
        try:
            return await self._notices(await telling(message.shown(), [place.shown(place.state) for place in places]))
        finally:
            for domain in closed:
                del message.leased[domain]
            self._news.set()

    def _alter(self, message: _Message, targets: Sequence[tuple[_Place, State]], change: Change) -> None:
        now = self._clock.wall()
        for place, state in targets:
            place.state = state
            place.next_attempt = now if change in {Change.RELEASE, Change.RETRY} else None
        self._finish(message)
        self._news.set()
