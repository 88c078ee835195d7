"""What the tests of the spool share: a clock whose hands they turn, envelopes, outcomes, and both bodies of the spool."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, TypeVar

from waypost.clock import Clock
from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.outcome import Action, Heard, Outcome
from waypost.mail.path import Mailbox
from waypost.spool.memory import MemorySpool
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Settlement
from waypost.spool.sqlite import SqliteSpool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from pathlib import Path

    from waypost.mail.content import Content
    from waypost.spool.spool import Filter, Lease, Spool

Result = TypeVar("Result")

START = 1_790_000_000.0
_COUNTER = itertools.count(1)


class Hands:
    """A clock that stands until it is turned; its interval clock is fixed too."""

    def __init__(self) -> None:
        self.now = START
        self.clock = Clock(wall=lambda: self.now, monotonic=lambda: self.now)

    def turn(self, seconds: float) -> None:
        self.now += seconds


def mailbox(address: str) -> Mailbox:
    local_part, _, domain = address.rpartition("@")
    return Mailbox(local_part, domain, address)


def envelope(*recipients: str, arrived: float = START, sender: str | None = "ada@sender.example") -> Envelope:
    """An envelope to ``recipients``, with an id of its own."""
    return Envelope(
        id=f"{next(_COUNTER):026}",
        reverse_path=None if sender is None else mailbox(sender),
        recipients=tuple(Recipient(mailbox(address)) for address in recipients),
        arrived=arrived,
    )


def outcome(action: Action) -> Outcome:
    """An outcome with everything that must survive being kept."""
    heard = Heard(code=451, status="4.7.1", lines=("not", "now"), command="RCPT")
    return Outcome(action=action, key="later", status="4.7.1", heard=heard, next_hop="mx[192.0.2.1]:25", detail="d", supports_dsn=True)


RELAYED = outcome(Action.RELAYED)
DEFERRED = outcome(Action.DEFERRED)
FAILED = outcome(Action.FAILED)


def all_of(lease: Lease, what: Outcome = RELAYED, *, next_attempt: float | None = None) -> list[Settlement]:
    """The same result for each recipient of ``lease``."""
    return [Settlement(position=waiting.position, outcome=what, next_attempt=next_attempt) for waiting in lease.waiting]


async def all_goes(spool: Spool, wanted: Filter, after: str | None = "") -> list[list[str]]:
    """The ids that each go found."""
    goes = []
    while after is not None:
        sight = await spool.look(wanted, after=after)
        goes.append([found.envelope.id for found in sight.found])
        after = sight.after
    return goes


async def put(spool: Spool, kept: Envelope, content: bytes = b"Subject: x\r\n\r\nbody\r\n", *, piece: int = 65_536) -> Envelope:
    """Put a message, streaming ``content`` in pieces."""
    draft = spool.draft(expect=len(content))
    for at in range(0, len(content), piece):
        if not draft.write(content[at : at + piece]):
            await draft.drain()
    await spool.put(kept, draft)
    return kept


async def now_due(spool: Spool, most: int = 100, busy: Sequence[str] = ()) -> Sequence[Lease]:
    """What can be leased this moment."""
    return await spool.lease(most, busy, wait=0)


async def octets(content: Content) -> bytes:
    return b"".join([piece async for piece in content.chunks()])


def run(work: Coroutine[object, object, Result]) -> Result:
    """Run a test's coroutine; none takes long."""

    async def bounded() -> Result:
        async with asyncio.timeout(30):
            return await work

    return asyncio.run(bounded())


class Memory:
    """The body in memory; it cannot crash."""

    durable = False

    def __init__(self, folder: Path, hands: Hands) -> None:
        self.hands = hands

    async def open(self) -> MemorySpool:
        return MemorySpool(self.hands.clock)

    async def close(self) -> None:
        """Nothing to let go of."""


class Sqlite:
    """The body in a folder; ``crash`` opens it anew as after the end of its owner."""

    durable = True

    def __init__(self, folder: Path, hands: Hands, *, fresh: int = QueueSettings().fresh) -> None:
        self.hands = hands
        self.folder = folder / "shard"
        self.settings = QueueSettings(fresh=fresh, free_space=0)
        self.spool: SqliteSpool | None = None

    async def open(self) -> SqliteSpool:
        self.spool = SqliteSpool(self.folder, self.settings, self.hands.clock, reserve=0)
        await self.spool.open()
        await self.spool.recovered()
        return self.spool

    async def reopen(self) -> SqliteSpool:
        """Close, and open again: leases end, whoever was leased is due again."""
        await self.close()
        return await self.open()

    async def close(self) -> None:
        if self.spool is not None:
            await self.spool.close()
            self.spool = None


class Overflowing(Sqlite):
    """The same with no memory for fresh messages: each is read back from disk."""

    def __init__(self, folder: Path, hands: Hands) -> None:
        super().__init__(folder, hands, fresh=0)


async def in_shard(folder: Path, check: Callable[[SqliteSpool], Awaitable[None]]) -> None:
    """Run ``check`` with a spool of its own."""
    spool = SqliteSpool(folder / "shard", QueueSettings(), Hands().clock)
    await spool.open()
    try:
        await check(spool)
    finally:
        await spool.close()
