"""Reads the replies of a next hop from octets that come in any pieces; knows no commands and judges nothing.

A stranger writes here, so everything is bounded: what is cut or refused depends on the octets alone, never on how they came.
RFC 5321 sections 4.2 and 4.5.3.1.5, RFC 2034 section 3.
"""

from __future__ import annotations

import re

from waypost.mail.outcome import Heard
from waypost.replies.keys import Key
from waypost.smtp.errors import RemoteProtocolError

LINE = 2048
"""Octets kept of a line, its end not counted: four times what 5321#4.5.3.1.5 allows; the rest is read and dropped."""
LINES = 100
"""Lines of one reply."""
REPLY = 65_536
"""Octets of one reply in all, dropped ones included."""

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?: |$)")


class ReplyReader:
    """Replies, one by one, out of what ``receive`` was given."""

    __slots__ = ("_at", "_buffer", "_code", "_start", "_texts")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0
        """Where the first unread line begins."""
        self._at = 0
        """How much of the reply under way was read in lines that are gone from the buffer."""
        self._code = b""
        self._texts: list[bytes] = []

    def receive(self, octets: bytes) -> None:
        """Take what came."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += octets

    @property
    def pending(self) -> int:
        """Octets that no reply has used: after the 220 to STARTTLS there must be none (3207#4)."""
        return len(self._buffer) - self._start + self._at

    def next_reply(self, command: str) -> Heard | None:
        """The next whole reply, as the answer to ``command``; None when more octets are needed. Raises RemoteProtocolError."""
        buffer, start = self._buffer, self._start
        while True:
            end = buffer.find(b"\n", start)
            if end < 0:
                self._start = start
                self._bound(len(buffer) - start)
                return None
            self._bound(end + 1 - start)
            last = self._line(bytes(buffer[start : min(end, start + LINE + 1)]))
            self._at += end + 1 - start
            start = end + 1
            if last:
                self._start = start
                return self._reply(command)

    def _bound(self, more: int) -> None:
        if self._at + more > REPLY:
            raise RemoteProtocolError(Key.REMOTE_GARBLED, fault="a reply longer than 64 KiB")

    def _line(self, line: bytes) -> bool:
        """Take one line; whether it ends the reply (no hyphen behind its code)."""
        found = _LINE.fullmatch(line[:-1] if line.endswith(b"\r") else line[:LINE])
        if found is None:
            raise RemoteProtocolError(Key.REMOTE_GARBLED, fault=f"no reply: {legible(line[:64])}")
        self._code, separator, text = found.groups()
        self._texts.append(text or b"")
        if separator != b"-":
            return True
        if len(self._texts) >= LINES:
            raise RemoteProtocolError(Key.REMOTE_GARBLED, fault=f"a reply of more than {LINES} lines")
        return False

    def _reply(self, command: str) -> Heard:
        """The reply that its last line completed. Where codes differ the last one holds."""
        code, texts = self._code, self._texts
        self._at, self._texts = 0, []
        digit = chr(code[0])
        status: str | None = None
        lines = []
        for raw in texts:
            text = legible(raw)
            found = _STATUS.match(text)
            if found is not None and found[1] == digit:  # 2034#4: the classes of code and status agree, or it is mere text
                status = f"{found[1]}.{int(found[2])}.{int(found[3])}"
                text = text[found.end() :]
            lines.append(text)
        return Heard(code=int(code), status=status, lines=tuple(lines), command=command)


def legible(octets: bytes) -> str:
    """A stranger's octets as text that can harm no terminal, log or header: what cannot be printed becomes a question mark."""
    text = octets.decode("utf-8", "replace")  # 6531#3.7.4.2 lets replies be UTF-8
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " if letter == "\t" else "?" for letter in text)
