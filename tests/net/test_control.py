"""The control socket and the link between processes."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING, Any

import pytest

from waypost.net.control import ControlError, ControlServer, Link, NobodyThereError, ask

if TYPE_CHECKING:
    from pathlib import Path


async def echo(verb: str, args: dict[str, Any]) -> Any:
    if verb == "refuse":
        raise ControlError("not today")
    return {"verb": verb, **args}


def run(path: Path, *questions: bytes) -> list[bytes]:
    """Send raw lines to a server at ``path``; what it answers."""

    async def talk() -> list[bytes]:
        server = ControlServer(path, echo)
        await server.start()
        reader, writer = await asyncio.open_unix_connection(str(path))
        answers = []
        for question in questions:
            writer.write(question)
            answers.append(await reader.readline())
        writer.close()
        await server.stop()
        return answers

    return asyncio.run(talk())


def test_a_question_is_answered_and_the_file_is_for_the_owner_alone(tmp_path: Path) -> None:
    """Verb and arguments arrive as they were; the socket's mode is 0600; it is gone after the server."""
    path = tmp_path / "control.sock"

    async def talk() -> tuple[Any, int]:
        server = ControlServer(path, echo)
        await server.start()
        answer = await ask(path, "list", {"limit": 3})
        mode = stat.S_IMODE(path.stat().st_mode)
        await server.stop()
        return answer, mode

    assert asyncio.run(talk()) == ({"verb": "list", "limit": 3}, 0o600)
    assert not path.exists()


def test_a_refusal_is_one_sentence(tmp_path: Path) -> None:
    """What perform refuses is told to the asker as an error."""

    async def talk() -> None:
        server = ControlServer(tmp_path / "c", echo)
        await server.start()
        try:
            await ask(tmp_path / "c", "refuse", {})
        finally:
            await server.stop()

    with pytest.raises(ControlError, match="not today"):
        asyncio.run(talk())


def test_nobody_there(tmp_path: Path) -> None:
    """No socket, or a stale one, means that no server runs."""
    with pytest.raises(NobodyThereError):
        asyncio.run(ask(tmp_path / "absent", "list", {}))


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    """A data directory deep in a tree is reached through its folder."""
    folder = tmp_path / ("d" * 90) / ("e" * 90)
    folder.mkdir(parents=True)

    async def talk() -> Any:
        server = ControlServer(folder / "control.sock", echo)
        await server.start()
        answer = await ask(folder / "control.sock", "list", {})
        await server.stop()
        return answer

    assert asyncio.run(talk()) == {"verb": "list"}


@pytest.mark.parametrize("line", [b"\n", b"not json\n", b"[]\n", b'{"verb": 5}\n', b'{"verb": "x", "more": 1}\n', b"\xff\xfe\n"])
def test_what_is_no_request_gets_an_error_and_the_server_lives(tmp_path: Path, line: bytes) -> None:
    """Malformed requests are never fatal: the same connection goes on."""
    wrong, right = run(tmp_path / "c", line, b'{"verb": "x"}\n')
    assert b'"error"' in wrong
    assert right == b'{"result":{"verb":"x"}}\n'


def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    """A request past the bound closes that connection; the server goes on."""

    async def talk() -> tuple[bytes, Any]:
        server = ControlServer(tmp_path / "c", echo)
        await server.start()
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c"))
        try:
            writer.write(b"x" * (3 << 20))
            await writer.drain()
            ended = await reader.read()
        except ConnectionError:
            ended = b""
        writer.close()
        answer = await ask(tmp_path / "c", "still", {})
        await server.stop()
        return ended, answer

    assert asyncio.run(talk()) == (b"", {"verb": "still"})


def test_links_carry_whole_messages_and_show_the_end() -> None:
    """Messages come whole however they were cut; None when the other end is gone."""
    one, other = Link.pair()
    other.nonblocking()
    assert other.receive() == []
    assert one.send(b"first")
    assert one.send(b"x" * 10_000)
    assert other.receive() == [b"first", b"x" * 10_000]
    one.close()
    assert other.receive() is None
    assert not other.send(b"anyone?")
    other.close()
