"""The seam between a conversation and a connection: octets in, octets out, deadlines, TLS. Knows no SMTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


class StreamError(Exception):
    """The connection cannot go on."""


class ClosedError(StreamError):
    """The other side hung up, or the connection broke."""


class DeadlineError(StreamError):
    """The deadline passed before the octets came (or went)."""


class HandshakeError(StreamError):
    """TLS could not be established; the text says why, for logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Both ends of a connection."""

    remote: str
    """IP address, IPv4-mapped IPv6 shown as IPv4; empty for a socket without one."""
    remote_port: int
    local: str
    local_port: int


class Stream(Protocol):
    """One connection. One coroutine reads it; reading is paused while nobody does and 64 KiB wait."""

    ends: Ends
    tls: str
    """``TLSv1.3 TLS_AES_256_GCM_SHA384``, or empty while in the clear."""

    async def receive(self) -> bytes:
        """What has come since the last call, at least one octet. Raises ClosedError or DeadlineError."""

    def send(self, octets: bytes) -> None:
        """Write; never blocks, never raises: a broken connection shows at the next ``receive`` or ``drain``."""

    async def drain(self) -> None:
        """Return when at most 64 KiB wait to be sent. Raises ClosedError or DeadlineError."""

    def deadline(self, seconds: float | None) -> None:
        """From now on ``receive`` and ``drain`` fail after ``seconds``, however many octets trickle in; None lifts it."""

    async def start_tls(self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None) -> None:
        """Handshake within the deadline; octets received in the clear before it are never read as TLS'd ones. Raises HandshakeError."""

    def close(self) -> None:
        """Send what waits and close; idempotent."""


class ServerStream(Stream, Protocol):
    """A stream whose server hears what comes at once, and may have to end it while the other side still speaks."""

    @property
    def stuck(self) -> bool:
        """Whether more than 64 KiB wait to be sent, so that ``drain`` would wait."""

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Hand what comes to ``hear``, at once. Without octets it is called when ``take`` would raise. It says whether it took them: else
        they wait for ``take``, and so does what comes behind them. Never called from within ``send`` or ``close``.
        """

    def take(self) -> bytes:
        """What has come since the last call, perhaps nothing; what ``receive`` raises."""

    def linger(self) -> None:
        """Like ``close``, but octets that still come are thrown away for a while, so that the last reply is not lost to a reset."""


class ClientStream(Stream, Protocol):
    """A stream that may be kept idle and used again."""

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has come that was not read."""

    @property
    def certificate(self) -> bytes:
        """What the other side showed, in DER; empty in the clear, and where it showed none."""
