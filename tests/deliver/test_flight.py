"""One transaction with a next hop over real sockets: what is sent, in which order, and what the answers come to."""

from __future__ import annotations

import asyncio

import pytest

from deliver.outbound_kit import (
    ALL,
    CONTENT,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    mailbox,
    once,
    outbound,
    saying,
    taking,
    to,
)
from waypost.mail.envelope import Notify, Recipient, Return
from waypost.mail.outcome import Action


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
