"""The outbound loop: reuse of connections, limits, order of settling, stops and reloads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    ALL,
    CONTENT,
    PreparedNames,
    PreparedSpool,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    outbound,
    results,
    to,
    until,
)
from waypost.clock import SYSTEM
from waypost.deliver.worker import Deliverer
from waypost.mail.envelope import Notify, Recipient
from waypost.mail.outcome import Action
from waypost.net.dns import Exchanger
from waypost.observe.events import AttemptMade, MessageFinished, NoticeQueued, Observers, ServerChanged, Spoken
from waypost.route import exchangers
from waypost.route.settings import Kind, TransportSettings
from waypost.route.transports import TransportError
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import SpoolUnavailableError

if TYPE_CHECKING:
    from waypost.history.transcript import Transcript
    from waypost.inbox.inbox import Inbox
    from waypost.observe.events import Event


async def taking(wire: Wire) -> None:
    await wire.open(*ALL)
    await messages(wire)


async def messages(wire: Wire) -> None:
    while True:
        line = (await wire.reader.readuntil(b"\r\n"))[:-2]
        wire.lines.append(line)
        match line.split(b" ")[0]:
            case b"BDAT":
                await wire.octets(int(line.split()[1]))
                wire.say("250 taken")
            case b"QUIT":
                return wire.say("221 bye")
            case _:
                wire.say("250 ok")


def mails(wire: Wire) -> int:
    return sum(line.startswith(b"MAIL") for line in wire.lines)


# ---- connections ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("most", "per_connection"), [(100, [5]), (5, [5]), (4, [4, 1]), (1, [1, 1, 1, 1, 1])])
def test_messages_per_connection(most: int, per_connection: list[int]) -> None:
    """A connection carries as many messages as the setting says, and is then said goodbye on."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            sent = [lease("bob@there.example") for _ in range(5)]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1, connection_messages=most))
            assert all(keys(spool, each) == ["relayed"] for each in sent)
            assert [mails(wire) for wire in hop.wires] == per_connection
            assert all(wire.lines[-1] == b"QUIT" for wire in hop.wires)

    asyncio.run(run())


def test_no_reuse() -> None:
    """With reuse_seconds = 0 every message has its own connection."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            await deliver(
                [lease("bob@there.example") for _ in range(3)], to(hop), settings=outbound(destination_connections=1, reuse_seconds=0)
            )
            assert [mails(wire) for wire in hop.wires] == [1, 1, 1]

    asyncio.run(run())


@pytest.mark.parametrize(("most", "peak"), [(1, 1), (3, 3), (20, 8)])
def test_connections_per_destination(most: int, peak: int) -> None:
    """No destination has more connections at once than the setting says."""
    open_now, seen = 0, 0

    async def slow(wire: Wire) -> None:
        nonlocal open_now, seen
        open_now += 1
        seen = max(seen, open_now)
        await asyncio.sleep(0.05)
        await taking(wire)
        open_now -= 1

    async def run() -> None:
        async with ScriptedHop(slow).listening() as hop:
            sent = [lease("bob@there.example") for _ in range(8)]
            settings = outbound(destination_connections=most, reuse_seconds=0)
            spool = await deliver(sent, to(hop), settings=settings)
            assert all(keys(spool, each) == ["relayed"] for each in sent)

    asyncio.run(run())
    assert seen == peak


def test_connections_in_all() -> None:
    """All destinations together have no more connections than the setting says, and each gets its turn."""
    open_now, seen = 0, 0

    async def slow(wire: Wire) -> None:
        nonlocal open_now, seen
        open_now += 1
        seen = max(seen, open_now)
        await asyncio.sleep(0.02)
        await taking(wire)
        open_now -= 1

    async def run() -> None:
        async with ScriptedHop(slow).listening() as hop:
            names = PreparedNames({f"d{number}.example": (Exchanger(1, "127.0.0.1"),) for number in range(8)})
            sent = [lease(f"bob@d{number}.example") for number in range(8)]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(exchangers, "PORT", hop.port)
                spool = await deliver(sent, TransportSettings(), names=names, settings=outbound(connections=2, reuse_seconds=0))
            assert all(keys(spool, each) == ["relayed"] for each in sent)

    asyncio.run(run())
    assert seen == 2


def test_a_slow_destination_holds_up_nobody_else() -> None:
    """While one destination is stuck with a full lane, mail for others goes on."""

    async def run() -> None:
        stuck = asyncio.Event()

        async def silent(wire: Wire) -> None:
            await stuck.wait()
            await taking(wire)

        async with ScriptedHop(silent).listening() as bad, ScriptedHop(taking).listening() as good:
            held = [lease("bob@bad.example") for _ in range(50)]
            others = [lease("bob@good.example") for _ in range(50)]
            spool = PreparedSpool(*held, *others)
            transports = (to(bad, match="bad.example"), to(good, match="good.example"))
            running = asyncio.ensure_future(
                deliver([], *transports, spool=spool, settings=outbound(connections=10, destination_connections=2))
            )
            await until(lambda: all(each.envelope.id in spool.settled for each in others))
            assert not any(each.envelope.id in spool.settled for each in held)
            stuck.set()
            await running
            assert all(keys(spool, each) == ["relayed"] for each in held)

    asyncio.run(run())


@pytest.mark.parametrize("farewell", ["", "421 4.4.2 idle too long"])
def test_a_connection_that_died_while_idle(farewell: str) -> None:
    """A kept connection on which something happened is not used again; the message goes over a fresh one."""

    async def once(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "250 ok", "250 ok")
        await asyncio.sleep(0.05)
        if farewell:
            wire.say(farewell)

    async def run() -> None:
        async with ScriptedHop(once, taking).listening() as hop:
            first, second = lease("bob@there.example"), lease("bob@there.example")
            spool = PreparedSpool(first)
            spool.left = 2
            running = asyncio.ensure_future(deliver([], to(hop), spool=spool))
            await asyncio.sleep(0.2)
            spool.waiting.append(second)
            await running
            assert [keys(spool, each) for each in (first, second)] == [["relayed"], ["relayed"]]
            assert len(hop.wires) == 2

    asyncio.run(run())


def test_a_connection_that_dies_as_it_is_used_again() -> None:
    """When nothing at all was answered on a kept connection the message goes over a fresh one at once."""

    async def once(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "250 ok", "250 ok")
        await wire.hear("MAIL", "RCPT", "BDAT")

    async def run() -> None:
        async with ScriptedHop(once, taking).listening() as hop:
            sent = [lease("bob@there.example"), lease("bob@there.example")]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1))
            assert [keys(spool, each) for each in sent] == [["relayed"], ["relayed"]]
            assert len(hop.wires) == 2

    asyncio.run(run())


def test_an_answer_is_never_taken_for_another_message() -> None:
    """A message whose content cannot be read on a used connection waits, whatever the message before came to."""

    class Unreadable:
        size = 70_000
        octets = None

        async def chunks(self) -> object:
            raise SpoolUnavailableError("gone")
            yield b""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            sent = [lease("bob@there.example"), lease("bob@there.example", content=Unreadable())]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1))
            assert [keys(spool, each) for each in sent] == [["relayed"], ["content-unreadable"]]

    asyncio.run(run())


# ---- settling -------------------------------------------------------------------------------------------------
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


async def refusing(wire: Wire) -> None:
    await wire.open(*ALL)
    await wire.hear("MAIL", "RCPT", "BDAT")
    await wire.octets(len(CONTENT))
    wire.say("250 ok", "451 4.2.1 later", "503 no")
    await wire.goodbye()


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


# ---- what is told ---------------------------------------------------------------------------------------------
class Kept:
    def __init__(self) -> None:
        self.transcripts: list[Transcript] = []

    def keep(self, transcript: Transcript) -> None:
        self.transcripts.append(transcript)


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


# ---- other ways -----------------------------------------------------------------------------------------------
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


# ---- stops and reloads ----------------------------------------------------------------------------------------
def deliverer(spool: PreparedSpool, *transports: TransportSettings) -> Deliverer:
    return Deliverer(
        spool,
        transports,
        resolver=PreparedNames(),
        outbound=outbound(),
        queue=QueueSettings(),
        hostname="here.example",
        clock=SYSTEM,
        observers=Observers(),
    )


@pytest.mark.parametrize(("patience", "settled"), [(2.0, True), (0.05, False)])
def test_drain(patience: float, settled: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """An attempt may end in the time given; one that does not is broken off before its content ends, and is not settled."""

    async def run() -> None:
        rest = b""

        async def script(wire: Wire) -> None:
            nonlocal rest
            await wire.open("PIPELINING")
            await wire.hear("MAIL", "RCPT", "DATA")
            begun.set()
            await asyncio.sleep(0.3)
            wire.say("250 ok", "250 ok", "354 go")
            rest = await wire.data()
            wire.say("250 ok")
            await wire.goodbye()

        begun = asyncio.Event()
        message = lease("bob@there.example")
        spool = PreparedSpool(message)
        async with ScriptedHop(script).listening() as hop:
            worker = deliverer(spool, to(hop))
            running = asyncio.ensure_future(worker.run())
            await begun.wait()
            worker.drain(patience)
            await running
            await asyncio.sleep(0.35 if not settled else 0)
        assert (message.envelope.id in spool.settled) == settled
        assert bool(rest) == settled

    asyncio.run(run())


def test_drain_at_once() -> None:
    """A deliverer with nothing to do stops at once."""

    async def run() -> None:
        worker = deliverer(PreparedSpool(), TransportSettings(kind=Kind.DISCARD))
        running = asyncio.ensure_future(worker.run())
        await asyncio.sleep(0.01)
        worker.drain(5.0)
        async with asyncio.timeout(1):
            await running

    asyncio.run(run())


def test_reload() -> None:
    """New transports hold for the next attempt; transports that cannot work change nothing."""

    async def run() -> None:
        first, second, third = (lease("bob@there.example") for _ in range(3))
        spool = PreparedSpool(first)
        worker = deliverer(spool, TransportSettings(kind=Kind.DISCARD))
        running = asyncio.ensure_future(worker.run())
        kwargs = {"outbound": outbound(), "queue": QueueSettings(), "hostname": "here.example"}
        await until(lambda: first.envelope.id in spool.settled)
        worker.apply(transports=(TransportSettings(kind=Kind.HOLD),), **kwargs)
        spool.waiting.append(second)
        await until(lambda: second.envelope.id in spool.settled)
        with pytest.raises(TransportError):
            worker.apply(transports=(TransportSettings(hosts=("hub:0",)),), **kwargs)
        spool.waiting.append(third)
        await until(lambda: third.envelope.id in spool.settled)
        worker.drain(1.0)
        await running
        assert [results(spool, each)[0].key for each in (first, second, third)] == ["discarded", "held", "held"]

    asyncio.run(run())


def test_a_busy_destination_makes_way() -> None:
    """While there is no room for all, mail for one destination does not wait until all mail for another is out."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            many = [lease("bob@big.example") for _ in range(40)]
            few = lease("bob@small.example")
            spool = PreparedSpool(*many, few)
            ways = [
                TransportSettings(match=name, hosts=(host,))
                for name, host in (("big.example", hop.at), ("small.example", hop.at.replace("127.0.0.1", "localhost")))
            ]
            await deliver([], *ways, spool=spool, settings=outbound(connections=1), names=PreparedNames({}, {"localhost": ("127.0.0.1",)}))
            assert list(spool.settled).index(few.envelope.id) < 10

    asyncio.run(run())


def test_idle_connections_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that are kept count among those to all next hops: the one idle longest makes room."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            monkeypatch.setattr(exchangers, "PORT", hop.port)
            numbers = range(12)
            names = PreparedNames(
                {f"d{n}.example": (Exchanger(1, f"mx{n}.example"),) for n in numbers}, {f"mx{n}.example": ("127.0.0.1",) for n in numbers}
            )
            spool = PreparedSpool(*[lease(f"bob@d{n}.example") for n in numbers])
            deliverer = Deliverer(
                spool,
                [TransportSettings()],
                resolver=names,
                outbound=outbound(connections=4, reuse_seconds=300),
                queue=QueueSettings(),
                hostname="here.example",
                clock=SYSTEM,
                observers=Observers(),
            )
            running = asyncio.ensure_future(deliverer.run())
            await spool.done.wait()
            await until(lambda: sum(wire.lines[-1:] != [b"QUIT"] for wire in hop.wires) <= 4)
            deliverer.drain(1.0)
            await running

    asyncio.run(run())


def test_a_reload_moves_what_waits_in_a_lane() -> None:
    """Mail that was leased before a reload and not attempted yet goes the new way."""
    gate = asyncio.Event()

    async def slow(wire: Wire) -> None:
        await wire.open(*ALL)
        await gate.wait()
        await messages(wire)

    async def run() -> None:
        async with ScriptedHop(slow).listening() as old, ScriptedHop(taking).listening() as new:
            sent = [lease("bob@there.example") for _ in range(2)]
            spool, limits = PreparedSpool(*sent), outbound(destination_connections=1)
            deliverer = Deliverer(
                spool,
                [to(old)],
                resolver=PreparedNames(),
                outbound=limits,
                queue=QueueSettings(),
                hostname="here.example",
                clock=SYSTEM,
                observers=Observers(),
            )
            running = asyncio.ensure_future(deliverer.run())
            await until(lambda: bool(old.wires) and not spool.waiting)
            deliverer.apply(transports=[to(new)], outbound=limits, queue=QueueSettings(), hostname="here.example")
            gate.set()
            await spool.done.wait()
            deliverer.drain(1.0)
            await running
            assert [sum(map(mails, hop.wires)) for hop in (old, new)] == [1, 1]

    asyncio.run(run())
