"""Many clients that send a large message each at the same moment, what the server weighs meanwhile, and what it kept of them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.clock import SYSTEM
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import Filter
from waypost.spool.sqlite import SqliteSpool

if TYPE_CHECKING:
    import ssl

_LINE = b"0123456789abcdef" * 4 + b"ABCDEFGHIJ\r\n"
_AT_ONCE = 1 << 18
_NUMBER = re.compile(rb"\r\nSubject: (\d+)\r\n")


_LOOK = 0.01
"""Seconds between two looks at the memory of the worker."""


class Scales:
    """The resident memory of a process, looked at again and again."""

    def __init__(self, pid: int) -> None:
        self.most = 0.0
        """MiB."""
        self._file = Path(f"/proc/{pid}/status")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.least = self.now()
        self._thread.start()

    def now(self) -> float:
        """MiB at this moment."""
        found = dict(line.split(":", 1) for line in self._file.read_text().splitlines())
        return int(found["VmRSS"].split()[0]) / 1024

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK):
            with contextlib.suppress(FileNotFoundError, KeyError):
                self.most = max(self.most, self.now())


class Flood:
    """``connections`` clients, each with a message of about ``octets`` that names its number."""

    def __init__(self, port: int, *, connections: int, octets: int, chunks: bool = False, context: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._context = context
        self._connections = connections
        self._chunks = chunks
        self._body = _LINE * (octets // len(_LINE))
        self._ready = 0
        self._go = asyncio.Event()

    def content(self, number: int) -> bytes:
        """What client ``number`` sends."""
        return b"From: ada@example.net\r\nSubject: %d\r\n\r\n" % number + self._body

    async def run(self) -> dict[int, str]:
        """Connect all, send all at once; the last answer of each."""
        found = await asyncio.gather(*[self._client(number) for number in range(self._connections)])
        return dict(enumerate(found))

    async def _client(self, number: int) -> str:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._context, server_hostname="mx.example.org" if self._context else None
        )
        try:
            answers = [await reader.readline()]
            for command in (b"HELO client.example", b"MAIL FROM:<ada@example.net>", b"RCPT TO:<bob@example.org>"):
                writer.write(command + b"\r\n")
                answers.append(await reader.readline())
            if not answers[-1].startswith(b"250"):
                return answers[-1].decode()
            await self._together()
            return (await self._send(number, reader, writer)).decode()
        finally:
            writer.close()

    async def _together(self) -> None:
        """Wait until all are here."""
        self._ready += 1
        if self._ready == self._connections:
            self._go.set()
        await self._go.wait()

    async def _send(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        head, body = self.content(number)[: -len(self._body)], memoryview(self._body)
        if self._chunks:
            writer.write(b"BDAT %d LAST\r\n" % (len(head) + len(body)))
        else:
            writer.write(b"DATA\r\n")
            answer = await reader.readline()
            if not answer.startswith(b"354"):
                return answer
        writer.write(head)
        for at in range(0, len(body), _AT_ONCE):
            writer.write(body[at : at + _AT_ONCE])
            await writer.drain()
        writer.write(b"" if self._chunks else b".\r\n")
        return await reader.readline()


def kept(shard: Path) -> dict[int, str]:
    """By number, the hash of what a stopped server keeps of each message, its trace fields apart."""

    async def look() -> dict[int, str]:
        spool = SqliteSpool(shard, QueueSettings(free_space=0), SYSTEM)
        await spool.open()
        found = {}
        for one in await spool.find(Filter()):
            octets = b"".join([piece async for piece in one.content.chunks()])
            name = _NUMBER.search(octets)
            assert name, octets[:500]
            whole = octets[octets.index(b"From: ada@example.net\r\n") :]
            found[int(name[1])] = hashlib.sha256(whole).hexdigest()
        await spool.close()
        return found

    return asyncio.run(look())
