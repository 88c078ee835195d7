"""Content that is sent in pieces: whole, or broken off so that nobody takes it for whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import (
    Wire,
    once,
    saying,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class Parts:
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

    assert once(script, content=Parts(LARGE, len(WHOLE)))[1] == ["relayed"]


def test_large_content_by_data() -> None:
    """By DATA large content arrives whole too."""

    async def script(wire: Wire) -> None:
        await wire.open("PIPELINING")
        await wire.hear("MAIL", "RCPT", "DATA")
        wire.say("250 ok", "250 ok", "354 go")
        assert await wire.octets(len(WHOLE) + 3) == WHOLE + b".\r\n"
        wire.say("250 ok")
        await wire.goodbye()

    assert once(script, content=Parts(LARGE, len(WHOLE)))[1] == ["relayed"]


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

    _, found, spool = once(script, content=Parts(LARGE, len(WHOLE)))
    assert found == ["remote-deferred"]
    assert next(iter(spool.settled.values()))[0].outcome.status == "4.3.1"


@pytest.mark.parametrize("content", [Parts(LARGE[:3], len(WHOLE)), Parts(LARGE[:3], len(WHOLE), fault=True), Parts(LARGE, 64_001)])
@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "CHUNKING")])
def test_torn_content_never_ends(content: Parts, offers: tuple[str, ...]) -> None:
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
    assert once(script, content=Parts((b"x\r\n", "ä\r\n".encode()), 7))[1] == ["eight-bit-unsupported"]
