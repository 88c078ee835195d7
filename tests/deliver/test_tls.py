"""STARTTLS, implicit TLS and AUTH over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    CONTENT,
    Kept,
    ScriptedHop,
    Wire,
    deliver,
    keys,
    lease,
    once,
    outbound,
    saying,
)
from waypost.net.tls import local_certificate, server_context
from waypost.route.settings import OutboundTls, TransportSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA and a certificate for localhost."""
    place = tmp_path_factory.mktemp("tls")
    local_certificate(place, "hop.example")
    return place


def context(folder: Path) -> ssl.SSLContext:
    return server_context(folder / "server.pem", folder / "server.key")


async def taking(wire: Wire) -> None:
    """Everything after EHLO: AUTH if it comes, then messages."""
    while True:
        line = (await wire.reader.readuntil(b"\r\n"))[:-2]
        wire.lines.append(line)
        match line.split(b" ")[0]:
            case b"EHLO":
                wire.say("250-hop.example", "250-PIPELINING", "250-AUTH PLAIN", "250 CHUNKING")
            case b"AUTH":
                wire.say("235 2.7.0 welcome" if line.endswith(b"AGFkYQBzM2NyZXQ=") else "535 5.7.8 who")
            case b"BDAT":
                await wire.octets(int(line.split()[1]))
                wire.say("250 ok")
            case b"QUIT":
                return wire.say("221 bye")
            case _:
                wire.say("250 ok")


def upgrading(folder: Path, *, behind: bytes = b"", refuse: bool = False) -> Callable[[Wire], Awaitable[None]]:
    """Offers STARTTLS, and does it."""

    async def script(wire: Wire) -> None:
        await wire.open("STARTTLS", "PIPELINING", "CHUNKING")
        if not (await wire.hear("")).startswith(b"STARTTLS"):
            wire.say("250 ok")  # somebody goes on in the clear
            await wire.hear("RCPT", "BDAT")
            await wire.octets(len(CONTENT))
            wire.say("250 ok", "250 ok")
            return await wire.goodbye()
        if refuse:
            wire.say("454 4.7.0 not now")
            await wire.hear("MAIL", "RCPT", "BDAT")
            await wire.octets(len(CONTENT))
            wire.say("250 ok", "250 ok", "250 ok")
            return await wire.goodbye()
        wire.writer.write(b"220 go\r\n" + behind)
        await wire.writer.start_tls(context(folder))
        wire.lines.append(b"-- secured --")
        await taking(wire)
        return None

    return script


async def clear(wire: Wire) -> None:
    wire.say("220 hop")
    await taking(wire)


def attempt(*scripts: Callable[[Wire], Awaitable[None]], host: str = "localhost", **transport: object) -> tuple[ScriptedHop, list[str]]:
    async def run() -> tuple[ScriptedHop, list[str]]:
        async with ScriptedHop(*scripts).listening() as hop:
            message = lease("bob@there.example")
            settings = TransportSettings(hosts=(f"{host}:{hop.port}",), **transport)
            spool = await deliver([message], settings, names=Localhost(), settings=outbound(ipv6=False, handshake_seconds=2))
            return hop, keys(spool, message)

    return asyncio.run(run())


class Localhost:
    """Every name is this machine."""

    async def addresses(self, host: str, *, ipv6: bool = True) -> tuple[str, ...]:
        return ("127.0.0.1",)


def test_opportunistic(folder: Path) -> None:
    """STARTTLS is said where it is offered, with a certificate that nobody vouches for."""
    hop, found = attempt(upgrading(folder))
    assert found == ["relayed"]
    assert hop.wires[0].lines.index(b"-- secured --") < hop.wires[0].lines.index(b"MAIL FROM:<ada@here.example>")


def test_opportunistic_without_an_offer() -> None:
    """Where STARTTLS is not offered the message goes in the clear."""
    assert attempt(clear)[1] == ["relayed"]


def test_opportunistic_refused(folder: Path) -> None:
    """A refused STARTTLS goes on in the clear on the same connection."""
    hop, found = attempt(upgrading(folder, refuse=True))
    assert (found, len(hop.wires)) == (["relayed"], 1)


def test_opportunistic_with_a_broken_handshake(folder: Path) -> None:
    """A handshake that fails is followed by one connection in the clear."""

    async def broken(wire: Wire) -> None:
        await wire.open("STARTTLS")
        await wire.hear("STARTTLS")
        wire.say("220 go")
        await wire.reader.read(5)
        wire.writer.write(b"this is no handshake\r\n")
        await wire.ended()

    hop, found = attempt(broken, upgrading(folder))
    assert (found, len(hop.wires)) == (["relayed"], 2)
    assert b"STARTTLS" not in hop.wires[1].lines


@pytest.mark.parametrize("tls", [OutboundTls.OPPORTUNISTIC, OutboundTls.REQUIRED])
def test_octets_behind_the_220(folder: Path, tls: OutboundTls) -> None:
    """Octets in the clear behind the 220 defer the message; it is never sent in the clear instead."""
    hop, found = attempt(upgrading(folder, behind=b"250 injected\r\n"), tls=tls, ca=str(folder / "ca.pem"))
    assert found == ["tls-failed"]
    assert not any(b"MAIL" in line for wire in hop.wires for line in wire.lines)


def test_required(folder: Path) -> None:
    """A certificate that verifies for the host's name is good enough."""
    assert attempt(upgrading(folder), tls=OutboundTls.REQUIRED, ca=str(folder / "ca.pem"))[1] == ["relayed"]


@pytest.mark.parametrize(("host", "ca"), [("localhost", None), ("other.example", "ca.pem")])
def test_required_and_not_vouched_for(folder: Path, host: str, ca: str | None) -> None:
    """An authority that is not trusted, or another name, defers; nothing is sent."""
    hop, found = attempt(upgrading(folder), host=host, tls=OutboundTls.REQUIRED, ca=ca and str(folder / ca))
    assert found == ["tls-failed"]
    assert len(hop.wires) == 1


def test_required_and_not_offered() -> None:
    """Where TLS is required and not offered the message waits."""
    hop, found = attempt(clear, tls=OutboundTls.REQUIRED)
    assert found == ["tls-not-offered"]
    assert not any(b"MAIL" in line for line in hop.wires[0].lines)


def test_a_missing_authority_file(folder: Path) -> None:
    """A file of authorities that cannot be read defers, and says so."""
    assert attempt(upgrading(folder), tls=OutboundTls.REQUIRED, ca=str(folder / "none.pem"))[1] == ["tls-failed"]


@asynccontextmanager
async def implicit(folder: Path) -> AsyncIterator[ScriptedHop]:
    hop = ScriptedHop(clear)
    server = await asyncio.start_server(hop.serve, "127.0.0.1", 0, ssl=context(folder))
    hop.port = server.sockets[0].getsockname()[1]
    yield hop
    server.close()
    await asyncio.sleep(0.01)


def with_name(folder: Path, password: str) -> tuple[ScriptedHop, list[str], Kept]:
    async def run() -> tuple[ScriptedHop, list[str], Kept]:
        kept = Kept()
        async with implicit(folder) as hop:
            message = lease("bob@there.example")
            settings = TransportSettings(
                hosts=(f"localhost:{hop.port}",), tls=OutboundTls.IMPLICIT, username="ada", password=password, ca=str(folder / "ca.pem")
            )
            spool = await deliver([message], settings, names=Localhost(), history=kept)
            return hop, keys(spool, message), kept

    return asyncio.run(run())


def test_implicit_with_a_name(folder: Path) -> None:
    """TLS from the first octet, then AUTH, then the message."""
    hop, found, _ = with_name(folder, "s3cret")
    assert found == ["relayed"]
    assert hop.wires[0].lines[1] == b"AUTH PLAIN AGFkYQBzM2NyZXQ="


def test_a_refused_password(folder: Path) -> None:
    """535 defers the message with its own key, and no transcript holds the password."""
    _, found, kept = with_name(folder, "wrong")
    assert found == ["smarthost-auth-failed"]
    said = b"".join(line.octets for line in kept.transcripts[0].lines)
    assert b"AUTH PLAIN <redacted>" in said
    assert b"AGFkYQ" not in said
    assert kept.transcripts[0].refused == "smarthost-auth-failed"


def test_no_password_in_the_clear() -> None:
    """Without TLS no password is said."""
    hop, found = attempt(clear, username="ada", password="s3cret")
    assert found == ["smarthost-auth-failed"]
    assert not any(line.startswith(b"AUTH") for line in hop.wires[0].lines)


def test_no_tls_is_no_tls() -> None:
    """With tls = none STARTTLS is not said, however much it is offered."""
    script = saying("STARTTLS", "PIPELINING", "CHUNKING", replies=("250 ok", "250 ok", "250 ok"))
    hop, found, _ = once(script, tls=OutboundTls.NONE)
    assert found == ["relayed"]
    assert b"STARTTLS" not in hop.wires[0].lines
