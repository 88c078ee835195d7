"""What delivery tells: events of attempts, conversations kept and followed, faults of our own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deliver.outbound_kit import (
    Kept,
    ScriptedHop,
    deliver,
    keys,
    lease,
    refusing,
    taking,
    to,
)
from waypost.clock import SYSTEM
from waypost.observe.events import AttemptMade, MessageFinished, NoticeQueued, Observers, ServerChanged, Spoken
from waypost.route.settings import Kind, TransportSettings

if TYPE_CHECKING:
    from waypost.observe.events import Event


def test_what_is_told_and_kept() -> None:
    """Each recipient's attempt is an event; the conversation is kept when it ended badly, without content."""

    async def run() -> None:
        told: list[Event] = []
        kept = Kept()
        async with ScriptedHop(refusing).listening() as hop:
            message = lease("bob@there.example")
            await deliver([message], to(hop), observers=Observers([told.append]), history=kept)
            (event,) = told
            assert isinstance(event, AttemptMade)
            assert (event.id, event.recipient, event.attempts, event.outcome.key) == (
                message.envelope.id,
                "bob@there.example",
                1,
                "remote-deferred",
            )
            assert all(part >= 0 for part in event.seconds)
            assert event.next_attempt > SYSTEM.wall()
            transcript = kept.transcripts[0]
            assert (transcript.session, transcript.refused, transcript.messages) == (
                event.session,
                "remote-deferred",
                (message.envelope.id,),
            )
            said = b"".join(line.octets for line in transcript.lines)
            assert b"<content: 35 octets>" in said
            assert b"hello" not in said
            assert b"451 4.2.1 later" in said

    asyncio.run(run())


def test_what_went_well_is_not_kept() -> None:
    """A conversation that went well is told and forgotten."""

    async def run() -> None:
        told: list[Event] = []
        kept = Kept()
        async with ScriptedHop(taking).listening() as hop:
            await deliver([lease("bob@there.example")], to(hop), observers=Observers([told.append]), history=kept)
        assert [type(event) for event in told] == [AttemptMade, MessageFinished]
        assert told[1].id == told[0].id
        assert (told[0].session, kept.transcripts) == ("", [])

    asyncio.run(run())


def test_conversations_live() -> None:
    """Whoever follows conversations live hears both sides."""

    async def run() -> None:
        told: list[Event] = []
        async with ScriptedHop(taking).listening() as hop:
            await deliver([lease("bob@there.example")], to(hop), observers=Observers([told.append], live=True))
        spoken = [event for event in told if isinstance(event, Spoken)]
        assert len({event.session for event in spoken}) == 1
        assert any(event.from_client and event.octets.startswith(b"EHLO") for event in spoken)
        assert any(not event.from_client and event.octets.startswith(b"220") for event in spoken)

    asyncio.run(run())


def test_notices_are_told() -> None:
    """A queued notice is an event that names its cause."""

    async def run() -> None:
        told: list[Event] = []
        message = lease("bob@there.example")
        await deliver([message], TransportSettings(match="x.example", kind=Kind.DISCARD), observers=Observers([told.append]))
        notice = next(event for event in told if isinstance(event, NoticeQueued))
        assert (notice.about, notice.to, notice.kind) == (message.envelope.id, "ada@here.example", "failed")

    asyncio.run(run())


def test_a_fault_of_ours_defers() -> None:
    """An unforeseen exception defers the message and is told; other mail goes on."""

    class Broken:
        async def exchangers(self, domain: str) -> object:
            raise ZeroDivisionError

    async def run() -> None:
        told: list[Event] = []
        first, second = lease("bob@there.example"), lease("bob@fine.example")
        transports = (TransportSettings(match="fine.example", kind=Kind.DISCARD), TransportSettings())
        spool = await deliver([first, second], *transports, names=Broken(), observers=Observers([told.append]))
        assert (keys(spool, first), keys(spool, second)) == (["delivery-interrupted"], ["discarded"])
        assert [event.what for event in told if isinstance(event, ServerChanged)] == ["fault"]

    asyncio.run(run())
