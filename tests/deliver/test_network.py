"""Attempts over real sockets, against next hops that follow a script."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import ALL, CONTENT, PreparedNames, ScriptedHop, Wire, deliver, keys, lease, mailbox, outbound, results, to
from waypost.deliver import network
from waypost.mail.envelope import Notify, Recipient, Return
from waypost.mail.outcome import Action
from waypost.net import dial as dialling
from waypost.net.dial import UnreachableError
from waypost.net.dns import Exchanger, NameLookupError, NameMissingError
from waypost.route import exchangers
from waypost.route.settings import Kind, OutboundTls, TransportSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from deliver.outbound_kit import PreparedSpool


async def taking(wire: Wire) -> None:
    """A next hop that offers everything and takes what comes, message after message."""
    await wire.open(*ALL)
    while True:
        line = (await wire.reader.readuntil(b"\r\n"))[:-2]
        wire.lines.append(line)
        match line.split(b" ")[0]:
            case b"BDAT":
                await wire.octets(int(line.split()[1]))
                wire.say("250 2.0.0 taken")
            case b"QUIT":
                return wire.say("221 bye")
            case _:
                wire.say("250 ok")


def saying(*offers: str, replies: tuple[str, ...], size: int = len(CONTENT)) -> Callable[[Wire], Awaitable[None]]:
    """A next hop that reads one flight with BDAT and then says ``replies``."""

    async def script(wire: Wire) -> None:
        await wire.open(*offers)
        while not (await wire.hear("")).startswith(b"BDAT"):
            pass
        await wire.octets(size)
        wire.say(*replies)
        await wire.goodbye()

    return script


def once(
    *scripts: Callable[[Wire], Awaitable[None]], people: tuple[object, ...] = ("bob@there.example",), **more: object
) -> tuple[ScriptedHop, list[str], PreparedSpool]:
    """One message to a scripted next hop: the hop, the keys of the outcomes, the spool."""
    fields = {name: more.pop(name) for name in ("content", "eight_bit", "smtputf8", "sender", "ret", "envid") if name in more}
    transport = {name: more.pop(name) for name in ("kind", "tls", "username", "password", "ca") if name in more}

    async def run() -> tuple[ScriptedHop, list[str], PreparedSpool]:
        async with ScriptedHop(*scripts).listening() as hop:
            message = lease(*people, **fields)
            spool = await deliver([message], to(hop, **transport), **more)
            return hop, keys(spool, message), spool

    return asyncio.run(run())


# ---- the flight -----------------------------------------------------------------------------------------------
def test_one_flight() -> None:
    """Envelope and content arrive before anything was answered, and the message is relayed."""

    async def script(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL FROM:<ada@here.example> SIZE=35", "RCPT TO:<bob@there.example>", "BDAT 35 LAST")
        assert await wire.octets(35) == CONTENT
        wire.say("250 ok", "250 ok", "250 2.0.0 queued")
        await wire.goodbye()

    hop, found, _ = once(script)
    assert found == ["relayed"]
    assert hop.wires[0].lines[-1] == b"QUIT"


def test_by_data() -> None:
    """Without CHUNKING the content follows 354, its dots stuffed."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        assert await wire.data() == b"Subject: hello\r\n\r\n..a dot\r\nthe end\r\n.\r\n"
        wire.say("250 ok")
        await wire.goodbye()

    assert once(script)[1] == ["relayed"]


def test_one_command_at_a_time() -> None:
    """Without PIPELINING nothing is sent before the answer to what went before."""

    async def script(wire: Wire) -> None:
        await wire.open()
        for command in ("MAIL", "RCPT", "DATA"):
            await wire.hear(command)
            await asyncio.sleep(0.02)
            assert not wire.reader._buffer
            wire.say("354 go" if command == "DATA" else "250 ok")
        await wire.data()
        wire.say("250 ok")
        await wire.goodbye()

    assert once(script)[1] == ["relayed"]


def test_helo() -> None:
    """A next hop that knows only HELO is spoken to so."""

    async def script(wire: Wire) -> None:
        wire.say("220 old")
        await wire.hear("EHLO here.example")
        wire.say("500 what")
        await wire.hear("HELO here.example")
        wire.say("250 old")
        await wire.hear("MAIL FROM:<ada@here.example>")
        wire.say("250 ok")
        await wire.hear("RCPT")
        wire.say("250 ok")
        await wire.hear("DATA")
        wire.say("354 go")
        await wire.data()
        wire.say("250 ok")
        await wire.goodbye()

    hop, found, _ = once(script)
    assert found == ["relayed"]
    assert b"MAIL FROM:<ada@here.example>" in hop.wires[0].lines


def test_a_lone_dot() -> None:
    """When every recipient was refused and 354 comes all the same, a dot alone is sent and nobody is relayed."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "550 5.1.1 who", "354 go")
        assert await wire.reader.readuntil(b"\r\n") == b".\r\n"
        wire.say("250 taken")
        await wire.goodbye()

    assert once(script)[1] == ["remote-rejected"]


def test_outcomes_stay_apart() -> None:
    """Each recipient has the answer that was given for it."""
    replies = ("250 ok", "250 ok", "550 5.1.1 who", "451 4.2.1 later", "250 done")
    people = ("bob@there.example", "eve@there.example", "joe@there.example")
    _, found, spool = once(saying(*ALL, replies=replies), people=people)
    assert found == ["relayed", "remote-rejected", "remote-deferred"]
    outcomes = [each.outcome for each in next(iter(spool.settled.values()))]
    assert [each.status for each in outcomes] == ["2.0.0", "5.1.1", "4.2.1"]
    assert outcomes[1].heard.text == "550 5.1.1 who"
    assert outcomes[1].next_hop.startswith("127.0.0.1[127.0.0.1]:")


def test_bdat_refused_means_data() -> None:
    """503 to BDAT closes that connection, and the message goes by DATA over another; the next message too."""

    async def second(wire: Wire) -> None:
        await wire.open(*ALL)
        for last in (False, True):
            await wire.hear("MAIL", "RCPT", "DATA")
            wire.say("250 ok", "250 ok", "354 go")
            await wire.data()
            wire.say("250 ok")
            if last:
                await wire.goodbye()

    async def run() -> None:
        async with ScriptedHop(saying(*ALL, replies=("250 ok", "250 ok", "503 5.5.1 no")), second).listening() as hop:
            messages = [lease("bob@there.example"), lease("bob@there.example")]
            spool = await deliver(messages, to(hop), settings=outbound(destination_connections=1))
            assert [keys(spool, each) for each in messages] == [["relayed"], ["relayed"]]
            assert len(hop.wires) == 2

    asyncio.run(run())


def test_bdat_refused_and_then_nobody_there() -> None:
    """When BDAT was refused and DATA cannot be tried, the message waits: it was not refused."""

    async def away(wire: Wire) -> None:
        wire.say("421 busy")

    assert once(saying(*ALL, replies=("250 ok", "250 ok", "502 5.5.1 no")), away)[1] == ["remote-deferred"]


def test_too_many_recipients() -> None:
    """Recipients beyond what one transaction takes go into the next one at once (5321#4.5.3.1.10)."""

    async def script(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "RCPT", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "250 ok", "250 ok", "452 4.5.3 too many", "250 done")
        await wire.hear("MAIL", "RCPT TO:<joe@there.example>", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "250 ok", "250 done")
        await wire.goodbye()

    people = ("bob@there.example", "eve@there.example", "joe@there.example")
    assert once(script, people=people)[1] == ["relayed"] * 3


def test_too_many_recipients_without_progress() -> None:
    """552 for everybody is deferred, not tried round and round."""
    replies = ("250 ok", "552 too many", "554 no recipients")
    assert once(saying(*ALL, replies=replies))[1] == ["remote-recipients-full"]


@pytest.mark.parametrize(("most", "transactions"), [(3, 1), (2, 2), (1, 3)])
def test_recipients_per_transaction(most: int, transactions: int) -> None:
    """No transaction carries more recipients than the setting says."""
    people = ("bob@there.example", "eve@there.example", "joe@there.example")
    hop, found, _ = once(taking, people=people, settings=outbound(recipients=most))
    assert found == ["relayed"] * 3
    assert sum(line.startswith(b"MAIL") for line in hop.wires[0].lines) == transactions


# ---- what cannot be taken -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("offers", "fields", "key"),
    [
        (("PIPELINING",), {"content": "x: ä\r\n".encode()}, "eight-bit-unsupported"),
        (("PIPELINING",), {"eight_bit": True, "content": b"Subject: hello\r\n\r\ngr\xfc\xdfe\r\n"}, "eight-bit-unsupported"),
        (("PIPELINING", "8BITMIME"), {"content": "x: ä\r\n".encode(), "smtputf8": True}, "smtputf8-unsupported"),
        (("PIPELINING", "8BITMIME"), {"people": ("grün@there.example",), "smtputf8": True}, "smtputf8-unsupported"),
        (("PIPELINING", "SIZE 34"), {}, "size-unsupported"),
    ],
)
def test_never_changed_to_fit(offers: tuple[str, ...], fields: dict[str, object], key: str) -> None:
    """What the next hop cannot take as it is fails, and nothing of it is sent."""

    async def script(wire: Wire) -> None:
        await wire.open(*offers)
        await wire.goodbye()

    _, found, spool = once(script, **fields)
    assert found == [key]
    assert next(iter(spool.settled.values()))[0].outcome.action is Action.FAILED


def test_smtputf8_that_is_not_needed() -> None:
    """A message that said SMTPUTF8 and is ASCII throughout goes to a next hop without it (6531#3.6)."""
    assert once(saying("PIPELINING", "CHUNKING", replies=("250 ok", "250 ok", "250 ok")), smtputf8=True)[1] == ["relayed"]


def test_dsn_is_passed_on() -> None:
    """RET, ENVID, NOTIFY and ORCPT arrive at a next hop that offers DSN, and not at one that does not."""
    people = (Recipient(mailbox("bob@there.example"), frozenset({Notify.SUCCESS}), "rfc822;Old@x.example"),)
    fields = {"people": people, "ret": Return.FULL, "envid": "QQ"}
    hop, _, spool = once(taking, **fields)
    assert b"MAIL FROM:<ada@here.example> SIZE=35 RET=FULL ENVID=QQ" in hop.wires[0].lines
    assert b"RCPT TO:<bob@there.example> NOTIFY=SUCCESS ORCPT=rfc822;Old@x.example" in hop.wires[0].lines
    assert spool.notices == []
    hop, _, spool = once(saying("PIPELINING", "CHUNKING", replies=("250 ok", "250 ok", "250 ok")), **fields)
    assert hop.wires[0].lines[1:3] == [b"MAIL FROM:<ada@here.example>", b"RCPT TO:<bob@there.example>"]
    assert len(spool.notices) == 1


# ---- large content --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Pieces:
    """Content that is not at hand: read in pieces, perhaps fewer than it said, perhaps not at all."""

    parts: tuple[bytes, ...]
    size: int
    octets: bytes | None = None
    fault: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            await asyncio.sleep(0)
            yield part
        if self.fault:
            raise OSError(5, "Input/output error")


LARGE = tuple(b"%06d\r\n" % number * 8000 for number in range(20))
WHOLE = b"".join(LARGE)


def test_large_content_in_chunks() -> None:
    """Large content arrives whole in chunks, sent only after a recipient was accepted."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING", "CHUNKING")
        await wire.hear("MAIL", "RCPT")
        await asyncio.sleep(0.05)
        assert not wire.reader._buffer
        wire.say("250 ok", "250 ok")
        whole = b""
        for number in range(20):
            line = await wire.hear("BDAT 64000")
            assert line.endswith(b" LAST") == (number == 19)
            whole += await wire.octets(64_000)
            wire.say("250 ok")
        assert whole == WHOLE
        await wire.goodbye()

    assert once(script, content=Pieces(LARGE, len(WHOLE)))[1] == ["relayed"]


def test_large_content_by_data() -> None:
    """By DATA large content arrives whole too."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        assert await wire.octets(len(WHOLE) + 3) == WHOLE + b".\r\n"
        wire.say("250 ok")
        await wire.goodbye()

    assert once(script, content=Pieces(LARGE, len(WHOLE)))[1] == ["relayed"]


def test_a_failed_chunk_ends_it() -> None:
    """After a refused chunk at most the window that was under way is sent, and never the last chunk."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING", "CHUNKING")
        await wire.hear("MAIL", "RCPT")
        wire.say("250 ok", "250 ok")
        await wire.hear("BDAT")
        await wire.octets(64_000)
        wire.say("452 4.3.1 full")
        rest = await wire.ended()
        assert b" LAST" not in rest
        assert rest.count(b"BDAT") <= 3

    _, found, spool = once(script, content=Pieces(LARGE, len(WHOLE)))
    assert found == ["remote-deferred"]
    assert next(iter(spool.settled.values()))[0].outcome.status == "4.3.1"


@pytest.mark.parametrize("content", [Pieces(LARGE[:3], len(WHOLE)), Pieces(LARGE[:3], len(WHOLE), fault=True), Pieces(LARGE, 64_001)])
@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "CHUNKING")])
def test_torn_content_never_ends(content: Pieces, offers: tuple[str, ...]) -> None:
    """Content that cannot be read whole is broken off without its end, and the message waits."""

    async def script(wire: Wire) -> None:
        await wire.open(*offers)
        await wire.hear("MAIL", "RCPT")
        wire.say("250 ok", "250 ok")
        if "CHUNKING" not in offers:
            await wire.hear("DATA")
            wire.say("354 go")
        rest = await wire.ended()
        assert b" LAST" not in rest
        assert not rest.endswith(b"\r\n.\r\n")

    assert once(script, content=content)[1] == ["content-unreadable"]


def test_a_stray_line_end_never_leaves() -> None:
    """Content with a bare LF is not sent by DATA: the message waits, and the next hop sees no end."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        assert await wire.ended() == b""

    assert once(script, content=b"a\n.\nb\r\n")[1] == ["content-unreadable"]


def test_an_eight_bit_scan_of_large_content() -> None:
    """Undeclared large content is read for its eighth bit where that matters."""
    script = saying("PIPELINING", "CHUNKING", replies=())
    assert once(script, content=Pieces((b"x\r\n", "ä\r\n".encode()), 7))[1] == ["eight-bit-unsupported"]


# ---- those who go away ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("greeting", "key", "action"),
    [
        ("421 busy", "remote-deferred", Action.DEFERRED),
        ("450 busy", "remote-deferred", Action.DEFERRED),
        ("554 no", "remote-rejected", Action.FAILED),
    ],
)
def test_sent_away_at_the_greeting(greeting: str, key: str, action: Action) -> None:
    """When nobody else is there, the greeting that sent us away is the outcome."""

    async def script(wire: Wire) -> None:
        wire.say(greeting)

    _, found, spool = once(script)
    assert found == [key]
    assert next(iter(spool.settled.values()))[0].outcome.action is action


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (("250 ok", "550 5.1.1 no"), ["remote-rejected", "remote-hung-up"]),
        (("250 ok", "250 ok", "550 5.1.1 no"), ["remote-hung-up", "remote-rejected"]),
        (("250 ok", "250 ok", "250 ok", "421 4.3.2 closing"), ["remote-deferred", "remote-deferred"]),
        (("250 ok", "250 ok", "garbage"), ["remote-garbled", "remote-garbled"]),
    ],
)
def test_broken_off(replies: tuple[str, ...], expected: list[str]) -> None:
    """Answers that came stay; whoever has none waits."""

    async def script(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say(*replies)

    async def away(wire: Wire) -> None:
        wire.say("421 4.3.2 closing")

    assert once(script, away, people=("bob@there.example", "eve@there.example"))[1] == expected


def test_silence_has_an_end() -> None:
    """A next hop that says nothing within the time allowed is given up."""

    async def script(wire: Wire) -> None:
        await wire.ended()

    assert once(script, settings=outbound(greeting_seconds=1))[1] == ["remote-silent"]


def test_every_wait_has_an_end() -> None:
    """Each kind of answer has a wait of its own, and a message is given up for now when it passes (5321#4.5.3.2)."""

    async def ehlo(wire: Wire) -> None:
        wire.say("220 hop")
        await wire.ended()

    async def mail(wire: Wire) -> None:
        await wire.open("PIPELINING", "CHUNKING")
        await wire.ended()

    async def data(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok")
        await wire.ended()

    async def final(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        await wire.ended()

    async def handshake(wire: Wire) -> None:
        await wire.open("STARTTLS")
        await wire.hear("STARTTLS")
        wire.say("220 go")
        await wire.ended()

    async def block(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        await wire.reader.readexactly(1)
        wire.reader._transport.pause_reading()
        await asyncio.sleep(2.5)

    async def one(script: Callable[[Wire], Awaitable[None]], setting: str, key: str, **fields: object) -> None:
        waits = dict.fromkeys(("command_seconds", "data_seconds", "final_seconds", "block_seconds", "handshake_seconds"), 60)
        async with ScriptedHop(script, sent_away).listening() as hop:
            message = lease("bob@there.example", **fields)
            spool = await deliver([message], to(hop), settings=outbound(**{**waits, setting: 1}))
            assert (setting, keys(spool, message)) == (setting, [key])

    async def sent_away(wire: Wire) -> None:
        wire.say("421 busy")

    async def run() -> None:
        endless = Pieces((b"x" * 998 + b"\r\n",) * 20_000, 20_000_000)
        await asyncio.gather(
            one(ehlo, "command_seconds", "remote-silent"),
            one(mail, "command_seconds", "remote-silent"),
            one(data, "data_seconds", "remote-silent"),
            one(final, "final_seconds", "remote-silent"),
            one(block, "block_seconds", "remote-silent", content=endless),
            one(handshake, "handshake_seconds", "remote-deferred"),
        )

    asyncio.run(run())


def test_a_trickle_does_not_stop_the_clock() -> None:
    """Octets that never make a reply do not lengthen the wait."""

    async def script(wire: Wire) -> None:
        wire.say("220-hop")
        while True:
            wire.writer.write(b"2")
            await asyncio.sleep(0.2)

    found = once(script, settings=outbound(greeting_seconds=1))[1]
    assert found in (["remote-silent"], ["remote-garbled"])


# ---- hosts and addresses --------------------------------------------------------------------------------------
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_next_host_when_nobody_listens() -> None:
    """Hosts are tried in order until one takes the message."""

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            message = lease("bob@there.example")
            spool = await deliver(
                [message], TransportSettings(hosts=(f"127.0.0.1:{closed_port()}", "gone.example:25", hop.at)), names=PreparedNames()
            )
            assert keys(spool, message) == ["relayed"]

    asyncio.run(run())


@pytest.mark.parametrize("greeting", ["421 busy", "450 busy", "554 no"])
def test_the_next_host_when_sent_away(greeting: str) -> None:
    """A greeting that is no welcome leads to the next host."""

    async def away(wire: Wire) -> None:
        wire.say(greeting)

    async def run() -> None:
        async with ScriptedHop(away).listening() as first, ScriptedHop(taking).listening() as second:
            message = lease("bob@there.example")
            spool = await deliver([message], TransportSettings(hosts=(first.at, second.at)))
            assert keys(spool, message) == ["relayed"]

    asyncio.run(run())


def test_421_in_mid_transaction_leads_on() -> None:
    """421 instead of an answer leads to the next host; the recipient refused before it stays refused."""

    async def away(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "RCPT", "BDAT")
        await wire.octets(len(CONTENT))
        wire.say("250 ok", "550 5.1.1 no", "421 4.3.2 closing")

    async def run() -> None:
        async with ScriptedHop(away).listening() as first, ScriptedHop(taking).listening() as second:
            message = lease("bob@there.example", "eve@there.example")
            spool = await deliver([message], TransportSettings(hosts=(first.at, second.at)))
            assert keys(spool, message) == ["remote-rejected", "relayed"]
            assert not any(b"bob" in line for line in second.wires[0].lines)

    asyncio.run(run())


def test_a_refusal_is_not_taken_elsewhere() -> None:
    """A recipient's own refusal is its answer, whichever host gave it, and so is a lost answer after the content."""

    async def run(script: Callable[[Wire], Awaitable[None]]) -> list[str]:
        async with ScriptedHop(script).listening() as first, ScriptedHop(taking).listening() as second:
            message = lease("bob@there.example")
            spool = await deliver([message], TransportSettings(hosts=(first.at, second.at)))
            assert second.wires == []
            return keys(spool, message)

    async def lost(wire: Wire) -> None:
        await wire.open(*ALL)
        await wire.hear("MAIL", "RCPT", "BDAT")
        wire.say("250 ok", "250 ok")

    assert asyncio.run(run(saying(*ALL, replies=("250 ok", "450 later", "503 no")))) == ["remote-deferred"]
    assert asyncio.run(run(lost)) == ["remote-hung-up"]


def mx(
    monkeypatch: pytest.MonkeyPatch, *scripts: Callable[[Wire], Awaitable[None]], names: PreparedNames, **more: object
) -> tuple[ScriptedHop, list[str]]:
    """One message by MX; the port of exchangers is the scripted hop's."""

    async def run() -> tuple[ScriptedHop, list[str]]:
        async with ScriptedHop(*scripts).listening() as hop:
            monkeypatch.setattr(exchangers, "PORT", hop.port)
            message = lease("bob@there.example")
            spool = await deliver([message], TransportSettings(), names=names, **more)
            return hop, keys(spool, message)

    return asyncio.run(run())


def test_by_mx(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best exchanger that answers takes the message."""
    names = PreparedNames({"there.example": (Exchanger(20, "b"), Exchanger(10, "a"))}, {"a": ("127.0.0.2",), "b": ("127.0.0.1",)})
    assert mx(monkeypatch, taking, names=names)[1] == ["relayed"]


@pytest.mark.parametrize(
    ("answer", "addresses", "key"),
    [
        (NameMissingError("x"), {}, "domain-unknown"),
        (NameLookupError("x"), {}, "name-lookup-failed"),
        ((Exchanger(0, ""),), {}, "domain-no-mail"),
        ((Exchanger(10, "here.example"),), {}, "route-loops-back"),
        ((), {}, "domain-unknown"),
        ((Exchanger(10, "a"),), {"a": ()}, "domain-unknown"),
        ((Exchanger(10, "a"),), {"a": NameLookupError("x")}, "name-lookup-failed"),
        ((Exchanger(10, "a"), Exchanger(20, "b")), {"a": ("127.0.0.3",), "b": ()}, "unreachable"),
    ],
)
def test_no_way_by_mx(monkeypatch: pytest.MonkeyPatch, answer: object, addresses: dict[str, object], key: str) -> None:
    """What the DNS says is the outcome where nobody could be spoken to."""
    assert mx(monkeypatch, taking, names=PreparedNames({"there.example": answer}, addresses))[1] == [key]


def test_an_exchanger_with_our_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchanger that greets with our name is ourselves: the mail would go in circles."""

    async def script(wire: Wire) -> None:
        wire.say("220 here.example ESMTP")
        await wire.hear("EHLO")
        wire.say("250 Here.Example")
        await wire.ended()

    names = PreparedNames({"there.example": ()}, {"there.example": ("127.0.0.1",)})
    assert mx(monkeypatch, script, names=names)[1] == ["route-loops-back"]


@pytest.mark.parametrize(("most", "key"), [(2, "unreachable"), (3, "relayed")])
def test_hosts_per_attempt(monkeypatch: pytest.MonkeyPatch, most: int, key: str) -> None:
    """No more exchangers are tried than the setting says."""
    records = tuple(Exchanger(preference, f"h{preference}") for preference in range(3))
    names = PreparedNames({"there.example": records}, {"h0": ("127.0.0.2",), "h1": ("127.0.0.3",), "h2": ("127.0.0.1",)})
    assert mx(monkeypatch, taking, names=names, settings=outbound(hosts=most))[1] == [key]


@pytest.mark.parametrize(("most", "key"), [(2, "unreachable"), (3, "relayed")])
def test_addresses_per_attempt(monkeypatch: pytest.MonkeyPatch, most: int, key: str) -> None:
    """No more addresses are tried than the setting says, all hosts together."""
    records = (Exchanger(10, "a"), Exchanger(20, "b"))
    names = PreparedNames({"there.example": records}, {"a": ("127.0.0.2", "127.0.0.3"), "b": ("127.0.0.1",)})
    assert mx(monkeypatch, taking, names=names, settings=outbound(addresses=most))[1] == [key]


def test_an_address_that_timed_out_is_tried_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second message does not wait for the address that let the first one wait, and still tries it when nothing else is left."""
    dialled: list[str] = []

    async def dial(address: str, port: int, *, seconds: float) -> object:
        dialled.append(address)
        if address != "127.0.0.1":
            raise UnreachableError("no connection within 2 seconds") from TimeoutError()
        return await dialling.dial(address, port, seconds=seconds)

    monkeypatch.setattr(network, "dial", dial)

    async def run() -> None:
        async with ScriptedHop(taking).listening() as hop:
            first, second = lease("bob@there.example"), lease("bob@there.example")
            hosts = (f"127.0.0.9:{hop.port}", hop.at)
            settings = outbound(destination_connections=1, reuse_seconds=0)
            spool = await deliver([first, second], TransportSettings(hosts=hosts), settings=settings)
            assert [keys(spool, each) for each in (first, second)] == [["relayed"], ["relayed"]]

    asyncio.run(run())
    assert dialled == ["127.0.0.9", "127.0.0.1", "127.0.0.1"]


# ---- LMTP -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("chunking", [False, True])
def test_lmtp(*, chunking: bool) -> None:
    """Each accepted recipient has its own answer after the content, and a positive one means delivered."""

    async def script(wire: Wire) -> None:
        wire.say("220 hop LMTP")
        await wire.hear("LHLO here.example")
        wire.say("250-hop", "250-PIPELINING", "250 CHUNKING" if chunking else "250 8BITMIME")
        await wire.hear("MAIL", "RCPT", "RCPT", "RCPT", "BDAT" if chunking else "DATA")
        wire.say("250 ok", "250 ok", "550 5.1.1 who", "250 ok")
        if chunking:
            await wire.octets(len(CONTENT))
        else:
            wire.say("354 go")
            await wire.data()
        wire.say("250 2.1.5 kept", "452 4.2.2 full")
        await wire.goodbye()

    people = ("bob@there.example", "eve@there.example", "joe@there.example")
    _, found, _ = once(script, people=people, kind=Kind.LMTP)
    assert found == ["delivered", "remote-rejected", "remote-deferred"]


def test_lmtp_over_a_unix_socket(tmp_path: object) -> None:
    """A mailbox server is reached by its socket's path."""

    async def run() -> None:
        hop = ScriptedHop(lmtp)
        server = await asyncio.start_unix_server(hop.serve, f"{tmp_path}/lmtp")
        message = lease("bob@there.example")
        spool = await deliver([message], TransportSettings(kind=Kind.LMTP, hosts=(f"unix:{tmp_path}/lmtp",)))
        server.close()
        outcome = results(spool, message)[0]
        assert (outcome.key, outcome.next_hop) == ("delivered", f"unix:{tmp_path}/lmtp")

    async def lmtp(wire: Wire) -> None:
        wire.say("220 hop LMTP")
        await wire.hear("LHLO")
        wire.say("250-hop", "250 STARTTLS")
        for command in ("MAIL", "RCPT"):
            await wire.hear(command)
            wire.say("250 ok")
        await wire.hear("DATA")
        wire.say("354 go")
        await wire.data()
        wire.say("250 kept")
        await wire.goodbye()

    asyncio.run(run())


def test_no_tls_is_no_tls() -> None:
    """With tls = none STARTTLS is not said, however much it is offered."""
    script = saying("STARTTLS", "PIPELINING", "CHUNKING", replies=("250 ok", "250 ok", "250 ok"))
    hop, found, _ = once(script, tls=OutboundTls.NONE)
    assert found == ["relayed"]
    assert b"STARTTLS" not in hop.wires[0].lines
