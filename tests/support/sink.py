"""A next hop of our own that records what it hears: raw octets, envelopes, TLS; and answers as a test wants.

It runs in a thread with its own loop, speaks SMTP or LMTP, DATA and BDAT, and knows nothing of Waypost: what it says that it
heard is independent evidence.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Script = Callable[[str, str], str | None]

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "SIZE 104857600", "DSN", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that the sink answered with 250."""

    session: int
    mail: str
    """The whole MAIL line."""
    rcpt: tuple[str, ...]
    """The whole RCPT lines of accepted recipients."""
    content: bytes
    """Dot-stuffing undone."""
    how: str
    """DATA or BDAT."""
    tls: bool
    at: float
    """Monotonic seconds at the final octet."""
    answered: float = 0.0
    """Monotonic seconds when it was answered."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses alone."""
        return tuple(line.split("<", 1)[1].split(">", 1)[0] for line in self.rcpt)

    @property
    def reverse_path(self) -> str:
        """The address alone."""
        return self.mail.split("<", 1)[1].split(">", 1)[0]

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Sink:
    """A scripted next hop.

    ``script(stage, text)`` may give a reply line for a stage (greeting, ehlo, mail, rcpt, data, end, quit), or None for the
    usual one; ``drop`` as a reply closes the connection without a word.
    """

    extensions: tuple[str, ...] = EXTENSIONS
    script: Script = lambda _stage, _text: None
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    lmtp: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """Every command line of every session, in order."""
    holding: int = 0
    """Messages whose final octet came and whose answer waits for ``release``."""
    sessions: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    """Set: final answers go out at once. Clear it to hold them."""
    delay: float = 0
    """Seconds between the final octet and its answer."""
    _change: threading.Condition = field(default_factory=threading.Condition)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _stopping: asyncio.Event | None = None
    _fault: BaseException | None = None

    def start(self) -> Sink:
        """Listen; returns when connections are taken."""
        self.gate.set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="sink", daemon=True)
        self._thread.start()
        if not ready.wait(10) or self._fault:
            raise RuntimeError(f"the sink did not start: {self._fault!r}")
        return self

    def stop(self) -> None:
        """Close every connection and the listener."""
        if self._loop and self._stopping and self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)

    def wait(self, count: int = 1, *, seconds: float = 20) -> list[Heard]:
        """The messages heard, once there are ``count``; AssertionError when they do not come."""
        with self._change:
            came = self._change.wait_for(lambda: len(self.heard) >= count, seconds)
        assert came, f"{count} messages awaited, {len(self.heard)} came within {seconds} s; commands: {self.lines[-20:]}"
        return list(self.heard)

    def wait_for(self, recipient: str, *, seconds: float = 20) -> Heard:
        """The first message heard for ``recipient``; AssertionError when none comes."""
        with self._change:
            self._change.wait_for(lambda: any(recipient in heard.recipients for heard in self.heard), seconds)
        found = [heard for heard in self.heard if recipient in heard.recipients]
        assert found, f"nothing came for {recipient} within {seconds} s; commands: {self.lines[-20:]}"
        return found[0]

    def wait_holding(self, count: int, *, seconds: float = 20) -> int:
        """Wait until at least ``count`` final answers are held; how many are."""
        with self._change:
            self._change.wait_for(lambda: self.holding >= count, seconds)
        return self.holding

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as fault:  # noqa: BLE001 - handed to the test's thread, which raises it
            self._fault = fault
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        context = self.tls if self.implicit else None
        server = await asyncio.start_server(
            self._session, self.host, self.port, ssl=context, limit=1 << 21, backlog=1024, reuse_address=True
        )
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        talk = _Talk(self, reader, writer, self.sessions, secured=self.implicit)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, _Dropped, OSError):
            await talk.run()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError, OSError):
            writer.close()

    def _keep(self, heard: Heard) -> None:
        with self._change:
            self.heard.append(heard)
            self._change.notify_all()

    def _held(self, change: int) -> None:
        with self._change:
            self.holding += change
            self._change.notify_all()

    async def _pass_gate(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.gate.is_set():
            return
        self._held(1)
        try:
            while not self.gate.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.02)
        finally:
            self._held(-1)


class _Dropped(Exception):  # noqa: N818 - not an error: the script asked for it
    """The script asked to hang up."""


@dataclass(slots=True)
class _Talk:
    """One session."""

    sink: Sink
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    secured: bool
    mail: str = ""
    rcpt: list[str] = field(default_factory=list)
    chunks: bytearray = field(default_factory=bytearray)

    def say(self, stage: str, text: str, usual: str) -> str:
        reply = self.sink.script(stage, text) or usual
        if reply == "drop":
            self.writer.transport.abort()
            raise _Dropped
        self.writer.write(reply.encode() + b"\r\n")
        return reply

    def forget(self) -> None:
        self.mail = ""
        self.rcpt = []
        self.chunks = bytearray()

    async def run(self) -> None:
        self.say("greeting", "", "220 sink.example ESMTP")
        while line := await self.reader.readline():
            text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
            self.sink.lines.append(text)
            word = text.split(" ", 1)[0].upper()
            if word == "QUIT":
                self.say("quit", text, "221 2.0.0 bye")
                await self.writer.drain()
                return
            await self.obey(word, text)
            await self.writer.drain()

    async def obey(self, word: str, text: str) -> None:  # noqa: C901 - one case per command
        match word:
            case "EHLO" | "LHLO" | "HELO":
                self.say("ehlo", text, self._hello(word))
            case "MAIL":
                if self.say("mail", text, "250 2.1.0 ok").startswith("2"):
                    self.forget()
                    self.mail = text
            case "RCPT":
                if self.say("rcpt", text, "250 2.1.5 ok").startswith("2"):
                    self.rcpt.append(text)
            case "DATA":
                await self._data(text)
            case "BDAT":
                await self._chunk(text)
            case "STARTTLS" if self.sink.tls and not self.secured:
                if self.say("starttls", text, "220 2.0.0 go ahead").startswith("2"):
                    await self.writer.drain()
                    await self.writer.start_tls(self.sink.tls)
                    self.secured = True
            case "RSET":
                self.forget()
                self.say("rset", text, "250 2.0.0 ok")
            case _:
                self.say("other", text, "502 5.5.1 unknown" if word != "NOOP" else "250 2.0.0 ok")

    def _hello(self, word: str) -> str:
        extensions = list(self.sink.extensions) if word != "HELO" else []
        if self.sink.tls and not self.secured and word != "HELO":
            extensions.append("STARTTLS")
        lines = ["sink.example", *extensions]
        return "\r\n".join(f"250{'-' if at < len(lines) - 1 else ' '}{line}" for at, line in enumerate(lines))

    async def _data(self, text: str) -> None:
        if not self.rcpt:
            self.say("other", text, "554 5.5.1 no valid recipients")
            return
        if not self.say("data", text, "354 go ahead").startswith("3"):
            return
        await self.writer.drain()
        content = bytearray()
        for line in await self._lines():
            content += line[1:] if line.startswith(b".") else line
        await self._end(bytes(content), "DATA")

    async def _lines(self) -> Iterator[bytes]:
        lines: list[bytes] = []
        while True:
            line = await self.reader.readuntil(b"\r\n")
            if line == b".\r\n":
                return iter(lines)
            lines.append(line)

    async def _chunk(self, text: str) -> None:
        words = text.split()
        octets = await self.reader.readexactly(int(words[1]))
        if not self.rcpt:
            self.say("other", text, "554 5.5.1 no valid recipients")
            return
        self.chunks += octets
        if words[-1].upper() != "LAST":
            self.say("chunk", text, f"250 2.0.0 {len(octets)} octets")
            return
        await self._end(bytes(self.chunks), "BDAT")

    async def _end(self, content: bytes, how: str) -> None:
        heard = Heard(self.number, self.mail, tuple(self.rcpt), content, how, self.secured, time.monotonic())
        answers = len(self.rcpt) if self.sink.lmtp else 1
        recipients = list(self.rcpt)
        self.forget()
        await self.sink._pass_gate()
        taken = []
        for position in range(answers):
            reply = self.say("end", recipients[position] if self.sink.lmtp else heard.mail, "250 2.0.0 taken")
            if reply.startswith("2"):
                taken += recipients[position : position + 1] if self.sink.lmtp else recipients
        if taken:
            self.sink._keep(Heard(heard.session, heard.mail, tuple(taken), content, how, heard.tls, heard.at, time.monotonic()))
