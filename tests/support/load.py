"""A load client that keeps a ledger: what a server acknowledged is on disk, flushed, before the next message is sent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Ledger:
    """Which (message, recipient) pairs were acknowledged with 250, in memory and on disk."""

    path: Path
    acked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Message id to its recipients."""
    digests: dict[str, str] = field(default_factory=dict)
    """Message id to the SHA-256 of what was sent, of every message ever begun."""
    _file: int = -1

    def __post_init__(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def acknowledge(self, identifier: str, recipients: tuple[str, ...]) -> None:
        """Write the line and flush it to disk; called right after 250 was read."""
        os.write(self._file, f"{identifier} {' '.join(recipients)}\n".encode())
        os.fdatasync(self._file)
        self.acked[identifier] = recipients

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@dataclass(slots=True)
class Load:
    """N sessions that send without pause until told to stop; a broken session is begun anew."""

    port: int
    ledger: Ledger
    sessions: int = 24
    size: int = 3000
    seed: int = 1
    begun: int = 0
    pause: float = 0.0
    """Seconds between two messages of a session."""
    in_transaction: set[str] = field(default_factory=set)
    """Ids whose MAIL went out and whose end is not answered."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    faults: list[BaseException] = field(default_factory=list)

    def start(self) -> Load:
        """Send in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let every session finish its message, and end."""
        self._stop.set()
        if self._thread:
            self._thread.join(40)
        if self.faults:
            raise self.faults[0]

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as fault:  # noqa: BLE001 - handed to the test's thread, which raises it
            self.faults.append(fault)

    async def _all(self) -> None:
        await asyncio.gather(*(self._session(number) for number in range(self.sessions)))

    async def _session(self, number: int) -> None:
        dice = random.Random(f"{self.seed}-{number}")  # noqa: S311 - a repeatable load, no secret
        while not self._stop.is_set():
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, OSError, TimeoutError, _Refused):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    await self._talk(reader, writer, number, dice)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.05)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, dice: random.Random) -> None:
        await _reply(reader)
        writer.write(b"EHLO load.example\r\n")
        await _reply(reader)
        for _ in range(50):
            if self._stop.is_set():
                break
            await self._message(reader, writer, number, dice)
            if self.pause:
                await asyncio.sleep(self.pause)
        writer.write(b"QUIT\r\n")
        await _reply(reader)

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, dice: random.Random) -> None:
        self.begun += 1
        identifier = f"m{self.seed}-{number}-{self.begun}"
        recipients = tuple(f"{identifier}-{at}@{dice.choice('abcd')}.example.org" for at in range(dice.choice((1, 1, 1, 2, 3))))
        content = compose(identifier, dice, self.size)
        self.ledger.digests[identifier] = hashlib.sha256(content).hexdigest()
        self.in_transaction.add(identifier)
        try:
            writer.write(
                b"MAIL FROM:<load@example.net>\r\n" + b"".join(b"RCPT TO:<%s>\r\n" % each.encode() for each in recipients) + b"DATA\r\n"
            )
            for _ in range(len(recipients) + 2):
                await _reply(reader)
            writer.write(content + b".\r\n")
            await _reply(reader)
            self.ledger.acknowledge(identifier, recipients)
        finally:
            self.in_transaction.discard(identifier)


class _Refused(Exception):  # noqa: N818 - not an error: the server said no
    """A negative reply."""


async def _reply(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(30):
        while (line := await reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
    if line[:1] not in b"23":
        raise _Refused(line)
    return line


def compose(identifier: str, dice: random.Random, size: int) -> bytes:
    """A message that carries its id; now and then one that is too large for a database row."""
    octets = size if dice.random() > 0.03 else 100_000
    body = b"".join(b"%064x\r\n" % dice.getrandbits(256) for _ in range(octets // 66))
    return b"From: load@example.net\r\nSubject: load\r\nX-Test-Id: %s\r\n\r\n" % identifier.encode() + body


def identified(content: bytes) -> tuple[str, str]:
    """Of a message that arrived: its id, and the SHA-256 from its From field on, trace fields left out."""
    at = content.index(b"From: load@example.net\r\n")
    own = content[at:]
    start = own.index(b"X-Test-Id: ") + 11
    return own[start : own.index(b"\r\n", start)].decode(), hashlib.sha256(own).hexdigest()
