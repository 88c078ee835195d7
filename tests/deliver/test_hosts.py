"""Which hosts and addresses are tried, in which order, and what it comes to when none takes the message."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    ALL,
    CONTENT,
    PreparedNames,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    outbound,
    saying,
    taking,
)
from waypost.deliver import network
from waypost.net import dial as dialling
from waypost.net.dial import UnreachableError
from waypost.net.dns import Exchanger, NameLookupError, NameMissingError
from waypost.route import exchangers
from waypost.route.settings import TransportSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


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
