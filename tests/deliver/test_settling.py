"""Settling: who is told what and how often, and that nothing which cannot be settled ends the deliveries of all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import Pieces, PreparedSpool, ScriptedHop, Wire, deliver, keys, lease, outbound, to
from waypost.clock import SYSTEM
from waypost.mail.envelope import Notify, Recipient, Return
from waypost.observe.events import Observers, ServerChanged
from waypost.report.settings import NoticeSettings
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import LeaseLostError, SpoolFullError

if TYPE_CHECKING:
    from waypost.spool.spool import Lease

LATE = QueueSettings(delay_notice=60)


async def later(wire: Wire) -> None:
    """Every recipient is put off."""
    await wire.open("PIPELINING")
    while line := await wire.hear(""):
        wire.say("221 bye" if line == b"QUIT" else "451 4.2.0 later" if line.startswith(b"RCPT") else "250 ok")


def late(*recipients: str | Recipient) -> Lease:
    return lease(*recipients, arrived=SYSTEM.wall() - 100)


def again(spool: PreparedSpool, first: Lease) -> Lease:
    """The lease of the next attempt, as a spool makes it from what was settled."""
    settled = {each.position: each for each in spool.settled[first.envelope.id]}
    waiting = tuple(
        replace(each, attempts=1, delay_notified=each.delay_notified or settled[each.position].delay_notified) for each in first.waiting
    )
    return replace(first, waiting=waiting, notified_delay=all(each.delay_notified for each in waiting))


@pytest.mark.parametrize("wishes", [frozenset(), frozenset({Notify.DELAY})])
def test_late_is_told_once(wishes: frozenset[Notify]) -> None:
    """However often a late message is put off, its sender hears once that it is late."""

    async def run() -> None:
        async with ScriptedHop(later).listening() as hop:
            first = late(Recipient(lease("bob@there.example").envelope.recipients[0].mailbox, wishes))
            spool = await deliver([first], to(hop), queue=LATE)
            assert [each.delay_notified for each in spool.settled[first.envelope.id]] == [True]
            assert len(spool.notices) == 1
            second = await deliver([again(spool, first)], to(hop), queue=LATE)
            assert second.notices == []

    asyncio.run(run())


def test_late_is_told_of_those_not_told_of_before() -> None:
    """When one of two recipients was told of before, the notice speaks of the other alone."""

    async def run() -> None:
        async with ScriptedHop(later).listening() as hop:
            first = late("bob@there.example", "eve@there.example")
            waiting = (replace(first.waiting[0], delay_notified=True), first.waiting[1])
            spool = await deliver([replace(first, waiting=waiting)], to(hop), queue=LATE)
            (notice,) = spool.notices
            assert b"eve@there.example" in notice.content.octets
            assert b"bob@there.example" not in notice.content.octets

    asyncio.run(run())


def watching(told: list[ServerChanged]) -> Observers:
    return Observers([lambda event: told.append(event) if isinstance(event, ServerChanged) else None])


def test_a_notice_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message whose notice makes our own code fail waits and is told of; who got it stays recorded, and other mail goes on."""

    async def half(wire: Wire) -> None:
        await wire.open("PIPELINING")
        while line := await wire.hear(""):
            if line == b"DATA":
                wire.say("354 go")
                await wire.data()
            wire.say("221 bye" if line == b"QUIT" else "550 5.1.1 no" if line.startswith(b"RCPT TO:<eve") else "250 ok")

    def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    told: list[ServerChanged] = []

    async def run() -> None:
        monkeypatch.setattr("waypost.report.dsn.compose", failing)
        async with ScriptedHop(half).listening() as hop:
            poison, sound = lease("bob@there.example", "eve@there.example"), lease("bob@there.example")
            spool = await deliver([poison, sound], to(hop), observers=watching(told))
            assert keys(spool, poison) == ["relayed", "delivery-interrupted"]
            assert [each.next_attempt is None for each in spool.settled[poison.envelope.id]] == [True, False]
            assert keys(spool, sound) == ["relayed"]

    asyncio.run(run())
    assert [each.what for each in told] == ["fault"]


class Contrary(PreparedSpool):
    """A spool whose first settlement fails."""

    def __init__(self, error: Exception, *leases: Lease) -> None:
        super().__init__(*leases)
        self.error: Exception | None = error

    async def settle(self, lease: Lease, settlements: object, notices: object = ()) -> bool:
        if self.error is not None:
            error, self.error = self.error, None
            if not isinstance(error, SpoolFullError):
                self.left -= 1
            raise error
        return await super().settle(lease, settlements, notices)


@pytest.mark.parametrize("error", [SpoolFullError("full"), LeaseLostError("lost"), ZeroDivisionError("ours")])
def test_a_settlement_that_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A full disk is waited for; what cannot be recorded at all is told, and neither ends the deliveries of all."""
    told: list[ServerChanged] = []
    monkeypatch.setattr("waypost.deliver.worker.AGAIN", 0.01)

    async def run() -> None:
        async with ScriptedHop(later).listening() as hop:
            first, second = lease("bob@there.example"), lease("bob@there.example")
            spool = Contrary(error, first, second)
            await deliver([], to(hop), spool=spool, observers=watching(told), settings=outbound(destination_connections=1))
            assert second.envelope.id in spool.settled
            assert (first.envelope.id in spool.settled) == isinstance(error, SpoolFullError)

    asyncio.run(run())
    assert len(told) == (0 if isinstance(error, SpoolFullError) else 1)


@pytest.mark.parametrize(("size", "whole"), [(100_000, True), (100_001, False)])
def test_what_is_returned_whole(size: int, *, whole: bool) -> None:
    """A message that is not in memory comes back whole too, up to notices.returned_size."""

    async def refusing(wire: Wire) -> None:
        await wire.open("PIPELINING")
        while line := await wire.hear(""):
            wire.say("221 bye" if line == b"QUIT" else "550 5.1.1 no" if line.startswith(b"RCPT") else "250 ok")

    async def run() -> None:
        head = b"Subject: large\r\n\r\n"
        content = head + b"z" * ((size - len(head)) % 10) + b"12345678\r\n" * ((size - len(head)) // 10)
        async with ScriptedHop(refusing).listening() as hop:
            message = lease("bob@there.example", content=Pieces(content), ret=Return.FULL)
            spool = await deliver([message], to(hop), notices=NoticeSettings(returned_size=100_000))
            (notice,) = spool.notices
            assert (content in notice.content.octets) == whole

    asyncio.run(run())
