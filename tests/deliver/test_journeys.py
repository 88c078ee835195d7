"""From host to host: which answers end a journey, which lead on, and that nothing which was taken is ever sent again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    ALL,
    Pieces,
    PreparedNames,
    PreparedSpool,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    mailbox,
    outbound,
    results,
    to,
)
from waypost.clock import SYSTEM
from waypost.deliver import network
from waypost.mail.envelope import Recipient
from waypost.net.dial import UnreachableError
from waypost.net.dns import Exchanger
from waypost.route import exchangers
from waypost.route.settings import TransportSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from waypost.spool.spool import Lease, Notice, Settlement

SMALL = b"Subject: small\r\n\r\nhello\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 78 + b"\r\n") * 200_000


class Sequel(PreparedSpool):
    """A spool whose last lease comes when all others are settled."""

    def __init__(self, before: list[Lease], last: Lease) -> None:
        super().__init__(*before)
        self.left += 1
        self.last = last

    async def settle(self, lease: Lease, settlements: list[Settlement], notices: tuple[Notice, ...] = ()) -> bool:
        finished = await super().settle(lease, settlements, notices)
        if self.left == 1:
            await asyncio.sleep(0.05)
            self.waiting.append(self.last)
        return finished


async def taking(wire: Wire) -> None:
    """Takes everything, by BDAT or by DATA."""
    await wire.open(*ALL)
    await further(wire)


async def further(wire: Wire) -> None:
    while line := await wire.hear(""):
        if line.startswith(b"BDAT"):
            await wire.octets(int(line.split()[1]))
        elif line == b"DATA":
            wire.say("354 go")
            await wire.data()
        wire.say("221 bye" if line == b"QUIT" else "250 ok")


def heard(hop: ScriptedHop, word: bytes) -> int:
    return sum(line.startswith(word) for wire in hop.wires for line in wire.lines)


def test_what_was_taken_is_durable_before_another_host_is_asked() -> None:
    """When a host took the message for some and sent the rest away, the rest is tried again at once, but not before that is recorded."""

    async def one_only(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(len(SMALL))
        wire.say("250 ok", "250 ok", "250 taken")
        await wire.hear("MAIL")
        wire.say("421 4.3.2 closing")

    async def run() -> None:
        async with ScriptedHop(one_only).listening() as one, ScriptedHop(taking).listening() as two:
            message = lease("ann@both.example", "bob@both.example", content=SMALL)
            spool = await deliver([message], TransportSettings(hosts=(one.at, two.at), tls="none"), settings=outbound(recipients=1))
            assert keys(spool, message) == ["relayed", "remote-deferred"]
            assert spool.settled[message.envelope.id][1].next_attempt <= SYSTEM.wall()
            assert two.wires == []

    asyncio.run(run())


@pytest.mark.parametrize("farewell", ["", "421 4.4.2 idle too long"])
def test_two_kept_connections_and_both_dead(farewell: str) -> None:
    """Kept connections that turn out dead one after the other cost nothing: the message goes over a new one, once."""

    async def dying(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        await wire.octets(len(SMALL))
        wire.say("250 ok", "250 ok", "250 taken")
        await wire.hear("MAIL")
        if farewell:
            wire.say(farewell)

    async def run() -> None:
        async with ScriptedHop(dying, taking).listening() as one, ScriptedHop(dying, taking).listening() as two:
            settings = outbound(destination_connections=1, reuse_seconds=30)
            there = TransportSettings(match="both.example", hosts=(one.at, two.at), tls="none")
            ways = [TransportSettings(match=f"{n}.example", hosts=(hop.at,), tls="none") for n, hop in (("one", one), ("two", two))]
            before = [lease("bob@one.example", content=SMALL), lease("bob@two.example", content=SMALL)]
            message = lease("ann@both.example", "bob@both.example", content=SMALL)
            spool = Sequel(before, message)
            await deliver([], there, *ways, spool=spool, settings=settings)
            assert keys(spool, message) == ["relayed", "relayed"]
            assert (len(one.wires), len(two.wires)) == (2, 1)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [("421 busy", "554 no", "remote-deferred"), ("554 no", "421 busy", "remote-deferred"), ("554 no", "554 no", "remote-rejected")],
)
def test_final_only_when_all_are(first: str, second: str, key: str) -> None:
    """A host that sends us away for good does not end what another host may take later."""

    def saying(greeting: str) -> Callable[[Wire], Awaitable[None]]:
        async def script(wire: Wire) -> None:
            wire.say(greeting)

        return script

    async def run() -> None:
        async with ScriptedHop(saying(first)).listening() as one, ScriptedHop(saying(second)).listening() as two:
            message = lease("bob@there.example")
            spool = await deliver([message], TransportSettings(hosts=(one.at, two.at)))
            assert keys(spool, message) == [key]

    asyncio.run(run())


def test_ourselves_behind_a_better_exchanger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup exchanger that finds itself in the list waits for the better one, and tries nothing worse than itself."""

    async def ourselves(wire: Wire) -> None:
        wire.say("220 here.example ESMTP")
        await wire.hear("EHLO")
        wire.say("250-here.example", "250 PIPELINING")
        await wire.ended()

    async def run() -> None:
        async with ScriptedHop(ourselves).listening() as hop:
            monkeypatch.setattr(exchangers, "PORT", hop.port)
            names = PreparedNames(
                {
                    "there.example": (
                        Exchanger(10, "best.there.example"),
                        Exchanger(20, "alias.here.example"),
                        Exchanger(30, "worst.example"),
                    )
                },
                {"best.there.example": ("127.0.0.3",), "alias.here.example": ("127.0.0.1",), "worst.example": ("127.0.0.1",)},
            )
            message = lease("bob@there.example")
            spool = await deliver([message], TransportSettings(), names=names)
            assert keys(spool, message) == ["unreachable"]
            assert len(hop.wires) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("offers", "replies"),
    [
        (ALL, ("452 4.3.1 disk full", "503 no", "503 no")),
        (("PIPELINING",), ("451 4.3.0 trouble", "503 no", "503 no")),
        (("PIPELINING",), ("250 ok", "250 ok", "451 4.3.0 trouble")),
        (("PIPELINING",), ("250 ok", "250 ok", "")),
        (("PIPELINING",), ("250 ok", "250 ok")),
        (("PIPELINING",), ("250 ok",)),
    ],
)
def test_trouble_of_the_host_leads_on(offers: tuple[str, ...], replies: tuple[str, ...]) -> None:
    """MAIL or DATA put off, or a connection that ends before the content has, is the host's affair: the next one is asked (5321#5.1)."""

    async def troubled(wire: Wire) -> None:
        await wire.open(*offers)
        await wire.hear("MAIL")
        wire.say(*[reply for reply in replies if reply])
        await asyncio.sleep(0.05)

    async def run() -> None:
        async with ScriptedHop(troubled).listening() as first, ScriptedHop(taking).listening() as second:
            message = lease("bob@there.example")
            spool = await deliver([message], TransportSettings(hosts=(first.at, second.at), tls="none"))
            assert keys(spool, message) == ["relayed"]

    asyncio.run(run())


@pytest.mark.parametrize(("said", "key"), [("552 5.3.4 too large", "remote-rejected"), ("451 4.3.0 later", "remote-deferred")])
@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "CHUNKING")])
def test_an_answer_in_mid_content(offers: tuple[str, ...], said: str, key: str) -> None:
    """A next hop that refuses in mid-content and takes no more has answered; its word counts, not the broken connection."""

    async def early(wire: Wire) -> None:
        await wire.open(*offers)
        await wire.hear("MAIL", "RCPT")
        wire.say("250 ok", "250 ok")
        if "CHUNKING" not in offers:
            await wire.hear("DATA")
            wire.say("354 go")
        await wire.octets(1000)
        wire.say(said)
        await asyncio.sleep(1.5)

    async def run() -> None:
        async with ScriptedHop(early).listening() as hop:
            message = lease("bob@there.example", content=Pieces(LARGE))
            spool = await deliver([message], to(hop, tls="none"), settings=outbound(block_seconds=1))
            assert keys(spool, message) == [key]
            assert results(spool, message)[0].heard.text.startswith(said[:3])

    asyncio.run(run())


@pytest.mark.parametrize(
    ("offers", "content", "expected"),
    [
        (("PIPELINING", "8BITMIME"), Pieces(b"Subject: plain\r\n\r\n" + b"x\r\n" * 40_000), ["smtputf8-unsupported", "relayed"]),
        (("PIPELINING", "8BITMIME"), SMALL, ["smtputf8-unsupported", "relayed"]),
        (("PIPELINING", "8BITMIME"), Pieces("Subject: 你好\r\n\r\n".encode() + b"x\r\n" * 40_000), ["smtputf8-unsupported"] * 2),
        (("PIPELINING", "8BITMIME", "SMTPUTF8"), SMALL, ["relayed", "relayed"]),
    ],
)
def test_plain_recipients_need_no_smtputf8(offers: tuple[str, ...], content: object, expected: list[str]) -> None:
    """Whoever has a plain address gets a plain message over a next hop without SMTPUTF8, whoever else it is for and whatever was said."""

    async def plain(wire: Wire) -> None:
        await wire.open(*offers)
        await further(wire)

    async def run() -> None:
        async with ScriptedHop(plain).listening() as hop:
            message = lease("用户@there.example", "bob@there.example", content=content, smtputf8=True)
            spool = await deliver([message], to(hop))
            assert keys(spool, message) == expected
            assert heard(hop, b"RCPT") == expected.count("relayed")

    asyncio.run(run())


def test_an_original_recipient_in_seven_bits() -> None:
    """ORCPT in UTF-8 goes on in its seven-bit form where SMTPUTF8 is not offered (6533#3)."""

    async def plain(wire: Wire) -> None:
        await wire.open("PIPELINING", "DSN")
        await further(wire)

    async def run() -> None:
        async with ScriptedHop(plain).listening() as hop:
            recipient = Recipient(mailbox("bob@there.example"), orcpt="utf-8;用a+b@there.example")
            message = lease(recipient, content=SMALL, smtputf8=True)
            await deliver([message], to(hop))
            (line,) = [line for line in hop.wires[0].lines if line.startswith(b"RCPT")]
            assert line == rb"RCPT TO:<bob@there.example> ORCPT=utf-8;\x{7528}a\x{2B}b@there.example"

    asyncio.run(run())


def test_a_dead_host_is_probed_by_one_message_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many messages for a host that lets connections time out one at a time finds out whether it still does; all are put off."""
    dialled, at_once, most = 0, 0, 0

    async def dead(address: str, port: int, *, seconds: float) -> None:
        nonlocal dialled, at_once, most
        dialled, at_once = dialled + 1, at_once + 1
        most = max(most, at_once) if dialled > 2 else most
        await asyncio.sleep(0.02)
        at_once -= 1
        raise UnreachableError("no connection") from TimeoutError()

    monkeypatch.setattr("waypost.deliver.network.dial", dead)

    async def run() -> None:
        sent = [lease("bob@there.example") for _ in range(20)]
        spool = await deliver(sent, TransportSettings(hosts=("127.0.0.9:25",)), settings=outbound(destination_connections=2))
        assert [keys(spool, each) for each in sent] == [["unreachable"]] * 20

    asyncio.run(run())
    assert 2 <= dialled < 15
    assert most <= 1


def test_a_host_that_is_back_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a probe reaches is no longer taken for dead."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            real, faults = network.dial, iter([UnreachableError("no connection")])

            async def dial(address: str, port: int, *, seconds: float) -> object:
                for fault in faults:
                    raise fault from TimeoutError()
                return await real(address, port, seconds=seconds)

            monkeypatch.setattr(network, "dial", dial)
            sent = [lease("bob@there.example") for _ in range(3)]
            spool = await deliver(sent, to(hop), settings=outbound(destination_connections=1))
            assert sorted(keys(spool, each)[0] for each in sent) == ["relayed", "relayed", "unreachable"]

    asyncio.run(run())


@pytest.mark.parametrize("large", [False, True])
def test_declared_eight_bit_and_plain(*, large: bool) -> None:
    """BODY=8BITMIME on a message that is ASCII throughout, as many clients say it, is no reason to return the message."""

    async def old(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await further(wire)

    async def run() -> None:
        async with ScriptedHop(old).listening() as hop:
            message = lease("bob@there.example", content=Pieces(SMALL) if large else SMALL, eight_bit=True)
            spool = await deliver([message], to(hop))
            assert keys(spool, message) == ["relayed"]
            assert hop.wires[0].lines[1] == b"MAIL FROM:<ada@here.example>"

    asyncio.run(run())
