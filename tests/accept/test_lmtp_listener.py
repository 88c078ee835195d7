"""Listeners that speak LMTP, by an address or a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.acceptance import listener, opened, running
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    import pytest


def test_lmtp_answers_each_recipient() -> None:
    """After the dot one reply stands for each accepted recipient, in order (2033#4.2)."""

    async def body() -> None:
        async with opened(listener(Role.LMTP)) as place:
            talk = await place.connect()
            assert await talk.reply() == b"220 mx.test LMTP Waypost\r\n"
            assert await talk.code(b"LHLO c.test") == 250
            await talk.ask(b"MAIL FROM:<a@src.test>")
            for to in (b"b", b"nobody", b"c"):
                await talk.ask(b"RCPT TO:<" + to + b"@local.test>")
            await talk.ask(b"DATA")
            talk.send(b"x: y\r\n.\r\n")
            (found_id,) = {(await talk.reply()).split()[-1] for _ in range(2)}
            assert found_id.decode() == (await place.found())[0].envelope.id
            assert await talk.code(b"QUIT") == 221
            assert b" with LMTP id " in (await place.contents())[0]

    running(body)


def test_lmtp_relays_for_nobody() -> None:
    """LMTP is final delivery: even a trusted client sends nowhere else."""

    async def body() -> None:
        async with opened(listener(Role.LMTP), networks=("127.0.0.1",)) as place:
            talk = await place.greeted(hello=b"LHLO c.test")
            await talk.ask(b"MAIL FROM:<a@src.test>")
            assert await talk.code(b"RCPT TO:<x@elsewhere.test>") == 550

    running(body)


def test_unix_socket_speaks_lmtp(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A listener may be a path; its clients have no address and are known by their greeting alone."""

    async def body() -> None:
        path = tmp_path_factory.mktemp("u") / "lmtp"
        async with opened(listener(Role.LMTP, where=f"unix:{path}")) as place:
            talk = await place.greeted(hello=b"LHLO c.test")
            assert (await talk.message(b"x: y"))[:3] == b"250"
            assert (await place.contents())[0].startswith(b"Received: from c.test\r\n\tby mx.test")

    running(body)
