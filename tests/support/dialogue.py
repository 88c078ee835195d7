"""Speak SMTP over a plain socket, octet by octet where wanted; hides nothing and mends nothing."""

from __future__ import annotations

import socket
import ssl
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType


class Dialogue:
    """One connection."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, seconds: float = 15) -> None:
        """Connect; with ``tls`` the handshake comes first."""
        raw = socket.create_connection((host, port), seconds)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = tls.wrap_socket(raw, server_hostname="localhost") if tls else raw
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.socket.sendall(octets)

    def send_cut(self, octets: bytes, cuts: Sequence[int], *, pause: float = 0.01) -> None:
        """Send octets in pieces, each its own segment."""
        edges = [0, *sorted(cuts), len(octets)]
        for start, end in pairwise(edges):
            if start < end:
                self.send(octets[start:end])
                time.sleep(pause)

    def line(self) -> bytes:
        """One line without its CRLF; b'' when the other end hung up."""
        while b"\r\n" not in self._buffer:
            try:
                more = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                rest, self._buffer = self._buffer, b""
                return rest
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def reply(self) -> str:
        """One whole reply, its lines joined by newline; '' when the other end hung up."""
        lines = []
        while line := self.line():
            lines.append(line.decode("utf-8", "replace"))
            if line[3:4] != b"-":
                break
        return "\n".join(lines)

    def ask(self, command: str) -> str:
        """A command and its reply."""
        self.send(command.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.reply()

    def replies(self) -> list[str]:
        """Everything until the other end hangs up."""
        got = []
        while reply := self.reply():
            got.append(reply)
        return got

    def closed(self) -> bool:
        """Whether the other end hangs up without another word."""
        return self.line() == b""

    def starttls(self, context: ssl.SSLContext) -> None:
        """STARTTLS and the handshake; EHLO must follow."""
        reply = self.ask("STARTTLS")
        assert reply.startswith("220"), reply
        assert not self._buffer, self._buffer
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def hello(self, name: str = "client.example") -> str:
        """Greeting and EHLO; the reply to EHLO."""
        greeting = self.reply()
        assert greeting.startswith("220"), greeting
        return self.ask(f"EHLO {name}")

    def submit(self, content: bytes, *recipients: str, sender: str = "sender@example.net", parameters: str = "") -> str:
        """One whole transaction by DATA; ``content`` ends with CRLF, dots are stuffed here. The final reply."""
        reply = self.ask(f"MAIL FROM:<{sender}>{parameters}")
        assert reply.startswith("250"), reply
        for recipient in recipients:
            reply = self.ask(f"RCPT TO:<{recipient}>")
            assert reply.startswith("25"), reply
        reply = self.ask("DATA")
        assert reply.startswith("354"), reply
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        self.send((b"." if content.startswith(b".") else b"") + stuffed + b".\r\n")
        return self.reply()
