"""The control socket: one JSON request a line, one JSON answer a line, over a UNIX socket of mode 0600. Knows no verb.

A request is ``{"verb": ..., "args": {...}}``; an answer ``{"result": ...}`` or ``{"error": "one sentence"}``. What comes in is bounded
and never fatal: a line that is no request gets an error and the connection goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

_LINE = 1 << 20
"""Octets of a request at most; answers are bounded by what was asked."""

_NAME = 100
"""Octets of a socket's path that every system takes."""


class ControlError(Exception):
    """The other end refused the request; the text is for the operator."""


class NobodyThereError(Exception):
    """No server listens on the socket."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked."""

    verb: str
    args: dict[str, Any] = {}


class ControlServer:
    """Answers requests with what ``perform`` gives; ``ControlError`` from it is told to the asker."""

    def __init__(self, path: Path, perform: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> None:
        self._path = path
        self._perform = perform
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a stale socket file is replaced (the data directory's lock says that no other server is there)."""
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(self._path.lstat().st_mode):
                self._path.unlink()
        before = os.umask(0o177)
        try:
            with _reachable(self._path) as name:
                self._server = await asyncio.start_unix_server(self._converse, name, limit=_LINE)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Close; the file goes too."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # hung up, or a line past the bound: nobody to tell
            pass
        except asyncio.CancelledError:  # the server ends while somebody waits; asyncio would log it as a fault
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as error:
            return {"error": f"that is no request: {error}"}
        try:
            return {"result": await self._perform(request.verb, request.args)}
        except ControlError as error:
            return {"error": str(error)}


async def ask(path: Path, verb: str, args: dict[str, Any], *, seconds: float | None = None) -> Any:
    """Ask the server behind ``path``. Raises NobodyThereError, ControlError, TimeoutError."""
    async with asyncio.timeout(seconds):
        try:
            with _reachable(path) as name:
                reader, writer = await asyncio.open_unix_connection(name, limit=1 << 30)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NobodyThereError(str(path)) from error
        except PermissionError as error:
            raise ControlError(f"{path} may be used by the server's own user and root alone") from error
        try:
            writer.write(msgspec.json.encode(Request(verb, args)) + b"\n")
            line = await reader.readline()
        except ConnectionError as error:
            raise NobodyThereError(str(path)) from error
        finally:
            writer.close()
    return _result(line, path)


def _result(line: bytes, path: Path) -> Any:
    if not line:
        raise NobodyThereError(str(path))
    answer = msgspec.json.decode(line)
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer["result"]


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name for ``path`` that fits into a socket address (107 octets): through its open folder where it is longer."""
    name = str(path)
    if len(os.fsencode(name)) <= _NAME:
        yield name
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Link:
    """One end of a pair of sockets between two processes of ours: whole messages of octets, EOF when the other end is gone."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    @classmethod
    def pair(cls) -> tuple[Link, Link]:
        """Both ends; each process closes the one it does not use."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return cls(one), cls(other)

    def fileno(self) -> int:
        """For selectors and readers."""
        return self._sock.fileno()

    def nonblocking(self) -> None:
        """Let ``receive`` return at once."""
        self._sock.setblocking(False)

    def send(self, octets: bytes) -> bool:
        """Send one message whole; False when the other end is gone."""
        self._sock.setblocking(True)
        try:
            self._sock.sendall(len(octets).to_bytes(4, "big") + octets)
        except OSError:
            return False
        finally:
            with contextlib.suppress(OSError):
                self._sock.setblocking(False)
        return True

    def receive(self) -> list[bytes] | None:
        """The messages that have come whole; None when the other end is gone."""
        try:
            octets = self._sock.recv(1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not octets:
            return None
        self._buffer += octets
        return self._whole()

    def _whole(self) -> list[bytes]:
        messages = []
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < 4 + size:
                break
            messages.append(bytes(self._buffer[4 : 4 + size]))
            del self._buffer[: 4 + size]
        return messages

    def close(self) -> None:
        """Close this end."""
        self._sock.close()
