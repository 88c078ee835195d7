"""One conversation with a server that is not trusted: lines out, replies in with every octet kept, all of it bounded. Judges nothing.

RFC 5321 section 4.2 (replies). Unlike ``smtp.client`` it takes what is malformed as it comes, because that is what a diagnosis is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.net.stream import ClosedError, DeadlineError, HandshakeError, StreamError
from waypost.observe.escape import printable
from waypost.replies.line import read_line

if TYPE_CHECKING:
    import ssl

    from waypost.clock import Clock
    from waypost.diagnose.plan import Limits
    from waypost.net.stream import ClientStream

SHOWN_LINES = 12
"""Lines of a reply that are shown as evidence."""
EXPLAINED = 1500
"""Characters of a reply that are explained: a stranger may send much more."""
SHOWN = 300
"""Characters of a line that are shown."""
_GOES_ON = re.compile(rb"[0-9]{3}-")
_CODE = re.compile(rb"([0-9]{3})(?![0-9])")
_ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|\[(?:IPv6:)?[0-9a-f:]{4,}\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """One reply as it came."""

    lines: tuple[bytes, ...]
    """With their line ends; the last one may lack it."""
    seconds: float
    """From the question, or the connection, to the first octet."""
    pause: float = 0.0
    """From the first octet to the last."""
    ended: str = ""
    """Why it is not whole: ``closed``, ``reset``, ``silent`` or ``endless``; empty where it is."""

    @property
    def code(self) -> int:
        """The code of its last line that has one; 0 where none has."""
        codes = [int(found[1]) for line in self.lines if (found := _CODE.match(line))]
        return codes[-1] if codes else 0

    @property
    def positive(self) -> bool:
        """Whether it is whole and says yes."""
        return not self.ended and 200 <= self.code < 300

    @property
    def texts(self) -> tuple[str, ...]:
        """Its lines without codes and line ends, made harmless."""
        return tuple(_readable(line[4:] if _CODE.match(line) else line) for line in self.lines)

    @property
    def text(self) -> str:
        """All of it as one line, with its code, for whoever explains it."""
        return f"{self.code or ''} {' '.join(self.texts)}".strip()[:EXPLAINED]

    @property
    def category(self) -> str:
        """What kind of refusal it is, by its words (``reputation.ip``, ``route.relay_denied`` ...)."""
        reading = read_line(self.text)[1]
        return "unknown" if reading is None else reading.category

    @property
    def about_client(self) -> bool:
        """Whether it refuses whoever asks, by its address or reverse name, and not what was asked."""
        vague = self.category in ("policy.other", "route.relay_denied", "recipient.restricted")
        named = vague and _ADDRESS.search(self.text) is not None  # what else should an address do there
        return self.code >= 400 and (named or self.category in ("reputation.ip", "sender.rdns"))

    @property
    def evidence(self) -> tuple[str, ...]:
        """Its lines as received, control characters made visible."""
        shown = [_readable(line) for line in self.lines[:SHOWN_LINES]]
        return tuple([*shown, "..."] if len(self.lines) > SHOWN_LINES else shown)


NOTHING = Said((), 0.0, ended="silent")
"""No reply at all."""


def _readable(line: bytes) -> str:
    text = line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")
    return printable(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


class Talk:
    """A connection on which one speaks and listens in turn."""

    def __init__(self, stream: ClientStream, limits: Limits, clock: Clock) -> None:
        self._stream = stream
        self._limits = limits
        self._now = clock.monotonic
        self._waiting = bytearray()
        self.said: list[str] = []
        """All that was said so far, ``C: `` and ``S: `` before each line."""
        self.over = False
        """Whether the other side hung up, or the connection broke."""

    @property
    def tls(self) -> str:
        """Version and cipher, empty in the clear."""
        return self._stream.tls

    @property
    def literal(self) -> str:
        """Our own address as an address literal (5321#4.1.3), for who has no name."""
        local = self._stream.ends.local
        return f"[IPv6:{local}]" if ":" in local else f"[{local or '127.0.0.1'}]"

    @property
    def pending(self) -> int:
        """Octets that came and belong to no reply: behind the 220 to STARTTLS there must be none (3207#4)."""
        return len(self._waiting)

    async def ask(self, line: str, *, seconds: float | None = None) -> Said:
        """Send a command and take its reply."""
        self.send(f"{line}\r\n".encode())
        return await self.reply(seconds=seconds)

    @property
    def certificate(self) -> bytes:
        """The server's, in DER; empty in the clear."""
        return self._stream.certificate

    def send(self, octets: bytes, *, secret: bool = False) -> None:
        """Send ``octets`` as they are; ``secret``: what was said tells nothing of them."""
        if secret:
            self.said.append("C: ...")
            self._stream.send(octets)
            return
        shown = octets if not octets.upper().startswith(b"AUTH ") else b"AUTH " + octets[5:].split(b" ")[0] + b" ..."
        self.said += [f"C: {_readable(line)}" for line in shown.splitlines()]
        self._stream.send(octets)

    async def reply(self, *, seconds: float | None = None) -> Said:
        """The next reply, whole or as far as it came within ``seconds``. Never raises: ``ended`` tells."""
        began = self._now()
        first = began if self._waiting else 0.0
        lines: list[bytes] = []
        ended = ""
        total = 0
        self._stream.deadline(self._limits.reply if seconds is None else seconds)
        while not ended and not (lines and not self._goes_on(lines)):
            line = self._line()
            if line is not None:
                lines.append(line)
                total += len(line)
                ended = "endless" if total > self._limits.reply_octets or len(lines) > self._limits.reply_lines else ""
                continue
            ended = await self._more(total)
            first = first or self._now()
        if ended and self._waiting:
            if not (lines and ended == "endless"):
                lines.append(bytes(self._waiting[: self._limits.reply_octets]))
            self._waiting.clear()
        said = Said(tuple(lines), (first or self._now()) - began, self._now() - first if first else 0.0, ended)
        self.said += [f"S: {line}" for line in said.evidence]
        return said

    async def _more(self, taken: int) -> str:
        """Wait for octets; why there are none."""
        try:
            self._waiting += await self._stream.receive()
        except DeadlineError:
            return "silent"
        except ClosedError as fault:
            self.over = True
            return "reset" if "reset" in str(fault).lower() else "closed"
        except StreamError:
            self.over = True
            return "closed"
        return "endless" if taken + len(self._waiting) > self._limits.reply_octets and b"\n" not in self._waiting else ""

    def _line(self) -> bytes | None:
        end = self._waiting.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._waiting[: end + 1])
        del self._waiting[: end + 1]
        return line

    def _goes_on(self, lines: list[bytes]) -> bool:
        """Whether the reply is not whole: it was opened with a hyphen, and no line has closed it."""
        if not _GOES_ON.match(lines[0]):
            return False
        return not (_CODE.match(lines[-1]) and not _GOES_ON.match(lines[-1]))

    async def idle(self, seconds: float) -> bool:
        """Whether nothing more comes within ``seconds``."""
        if self._waiting:
            return False
        self._stream.deadline(seconds)
        return await self._more(0) == "silent"

    async def start_tls(self, context: ssl.SSLContext, name: str | None, *, seconds: float) -> None:
        """Handshake. Raises HandshakeError, also where octets came in the clear before it: they are anybody's (3207#6)."""
        if self._waiting:
            raise HandshakeError("octets in the clear came before the handshake")
        self._stream.deadline(seconds)
        await self._stream.start_tls(context, server_side=False, server_name=name)

    async def quit(self) -> Said:
        """Say goodbye and close."""
        if self.over:
            self.close()
            return NOTHING
        farewell = await self.ask("QUIT", seconds=min(1.0, self._limits.reply))
        self.close()
        return farewell

    def close(self) -> None:
        """Close the connection."""
        self.over = True
        self._stream.close()
