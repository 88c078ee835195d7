"""What an attempt comes to: expiry, notices, mail that is captured or held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    ALL,
    CONTENT,
    PreparedSpool,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    outbound,
    refusing,
    to,
)
from waypost.clock import SYSTEM
from waypost.mail.envelope import Notify, Recipient
from waypost.mail.outcome import Action
from waypost.route.settings import Kind, TransportSettings
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import SpoolUnavailableError

if TYPE_CHECKING:
    from waypost.inbox.inbox import Inbox


def test_settled_before_goodbye() -> None:
    """The result is durable before the connection says QUIT, and it is asked for again until it is."""

    class Slow(PreparedSpool):
        faults = 1

        async def settle(self, *arguments: object) -> bool:
            await asyncio.sleep(0.05)
            if self.faults:
                self.faults -= 1
                raise SpoolUnavailableError("not now")
            return await super().settle(*arguments)

    async def run() -> None:
        async def script(wire: Wire) -> None:
            await wire.open(*ALL)
            await wire.hear("MAIL", "RCPT", "BDAT")
            await wire.octets(len(CONTENT))
            wire.say("250 ok", "250 ok", "250 ok")
            await wire.hear("QUIT")
            spool.order.append("quit")
            wire.say("221 bye")

        message = lease("bob@there.example")
        spool = Slow(message)
        async with ScriptedHop(script).listening() as hop:
            await deliver([], to(hop), spool=spool, settings=outbound(connection_messages=1))
        assert spool.order == ["settled", "quit"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("age", "attempts", "key", "action"),
    [
        (0, 0, "remote-deferred", Action.DEFERRED),
        (3599, 5, "remote-deferred", Action.DEFERRED),
        (3601, 0, "remote-deferred", Action.DEFERRED),
        (3601, 1, "expired", Action.FAILED),
    ],
)
def test_expiry(age: int, attempts: int, key: str, action: Action) -> None:
    """A message is given up when it is old enough and was tried often enough, and then its sender is told what was heard."""

    async def run() -> None:
        async with ScriptedHop(refusing).listening() as hop:
            message = lease("bob@there.example", attempts=attempts, arrived=SYSTEM.wall() - age)
            queue = QueueSettings(lifetime=3600, minimum_attempts=2, retry=(600,), jitter=0, delay_notice=0)
            spool = await deliver([message], to(hop), queue=queue)
            settlement = spool.settled[message.envelope.id][0]
            assert (settlement.outcome.key, settlement.outcome.action) == (key, action)
            assert settlement.outcome.heard.code == 451
            if action is Action.DEFERRED:
                assert 590 < settlement.next_attempt - SYSTEM.wall() <= 600
                assert spool.notices == []
            else:
                assert [str(each.envelope.recipients[0].mailbox) for each in spool.notices] == ["ada@here.example"]

    asyncio.run(run())


@pytest.mark.parametrize(("age", "notices"), [(50, 0), (100, 1)])
def test_late(age: int, notices: int) -> None:
    """The sender is told once that the message is late, after the time set for it."""

    async def run() -> None:
        async with ScriptedHop(refusing).listening() as hop:
            message = lease("bob@there.example", arrived=SYSTEM.wall() - age)
            spool = await deliver([message], to(hop), queue=QueueSettings(delay_notice=75))
            assert len(spool.notices) == notices

    asyncio.run(run())


def test_no_notice_about_a_notice() -> None:
    """Mail from the null reverse-path that fails is told to nobody."""

    async def run() -> None:
        message = lease("bob@there.example", sender="")
        spool = await deliver([message], TransportSettings(match="other.example", kind=Kind.DISCARD))
        assert keys(spool, message) == ["route-missing"]
        assert spool.notices == []

    asyncio.run(run())


def test_no_route_is_told() -> None:
    """A domain without a transport fails, and its sender is told."""

    async def run() -> None:
        message = lease("bob@there.example")
        spool = await deliver([message], TransportSettings(match="other.example", kind=Kind.DISCARD))
        assert keys(spool, message) == ["route-missing"]
        assert len(spool.notices) == 1
        assert spool.notices[0].envelope.reverse_path is None

    asyncio.run(run())


def test_delivered_notice() -> None:
    """NOTIFY=SUCCESS is answered where the message comes to rest."""

    async def run() -> None:
        message = lease(Recipient(lease("bob@there.example").waiting[0].recipient.mailbox, frozenset({Notify.SUCCESS})))
        spool = await deliver([message], TransportSettings(kind=Kind.DISCARD))
        assert keys(spool, message) == ["discarded"]
        assert len(spool.notices) == 1

    asyncio.run(run())


class Keeping:
    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.kept: list[tuple[str, bytes]] = []

    async def keep(self, envelope: object, content: object) -> None:
        if self.fault is not None:
            raise self.fault
        self.kept.extend((str(each.mailbox), content.octets) for each in envelope.recipients)


@pytest.mark.parametrize(
    ("inbox", "key"), [(Keeping(), "delivered"), (Keeping(OSError("full")), "mailbox-unwritable"), (None, "route-missing")]
)
def test_capture(inbox: Inbox | None, key: str) -> None:
    """Captured mail is in the inbox before it counts as delivered; a store that fails defers it."""

    async def run() -> None:
        message = lease("bob@there.example", "eve@there.example")
        spool = await deliver([message], TransportSettings(kind=Kind.CAPTURE), inbox=inbox)
        assert keys(spool, message) == [key, key]
        if key == "delivered":
            assert inbox.kept == [("bob@there.example", CONTENT), ("eve@there.example", CONTENT)]

    asyncio.run(run())


def test_hold() -> None:
    """The hold transport parks recipients for an operator: neither delivered nor tried again."""

    async def run() -> None:
        message = lease("bob@there.example", arrived=0.0, attempts=9)
        spool = await deliver([message], TransportSettings(kind=Kind.HOLD))
        settlement = spool.settled[message.envelope.id][0]
        assert (settlement.hold, settlement.outcome.key, spool.notices) == (True, "held", [])

    asyncio.run(run())
