"""A connection as a stream: one object for each, on uvloop and on plain asyncio. Knows no SMTP.

It is the transport's protocol itself and owns what has come and was not read yet, so that a read that finds octets waiting
makes no future and an idle connection costs little more than its socket. Deadlines stand in the loop's one wheel. Transports read
into one scratch that all connections of the loop share, so that what a connection holds is what came, and never more than ``UNREAD``.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, cast

from waypost.net import wheel
from waypost.net.stream import ClosedError, DeadlineError, Ends, HandshakeError
from waypost.net.wheel import SCRATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.net.wheel import Wheel

UNREAD = SCRATCH
"""Octets that may wait unread before the other side is made to wait; no read brings more, however much the system has."""
HANDSHAKE_SECONDS = 30.0
"""Longest handshake where no deadline is set."""
FAREWELL_SECONDS = 10.0
"""How long the last octets may take to leave once a connection is closed."""
LINGER_SECONDS = 2.0
"""How long octets nobody wants are thrown away, so that a reset does not overtake the last reply."""


class Connection(asyncio.BufferedProtocol):
    """One connection, from its first octet to its end. Keeps ``waypost.net.stream.ServerStream``."""

    __slots__ = (
        "_closing",
        "_drained",
        "_eof",
        "_fault",
        "_incoming",
        "_late",
        "_listener",
        "_loop",
        "_paused",
        "_transport",
        "_waiter",
        "_wheel",
        "due",
        "ends",
        "slot",
        "stuck",
        "tls",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, ends: Ends | None = None) -> None:
        self._loop = loop
        self._wheel: Wheel = wheel.of(loop)
        self._transport: asyncio.Transport | None = None
        self._incoming: bytes | bytearray = b""
        self._listener: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._fault: str | None = None
        self._closing = self._eof = self._late = self._paused = self.stuck = False
        self.due = 0.0
        self.slot = 0
        self.ends: Ends = ends if ends is not None else _NOWHERE
        self.tls = ""

    # ---- what the reader and writer call ----------------------------------------------------------------------

    async def receive(self) -> bytes:
        """What has come since the last call, at least one octet. Raises ClosedError or DeadlineError."""
        if not self._incoming or self._late:
            self._check()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
            if not self._incoming:
                self._check()
        return self._taken()

    def take(self) -> bytes:
        """What has come since the last call, perhaps nothing. Raises ClosedError or DeadlineError."""
        if not self._incoming or self._late:
            self._check()
        return self._taken()

    def _taken(self) -> bytes:
        octets = self._incoming
        self._incoming = b""
        if self._paused:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return octets if isinstance(octets, bytes) else bytes(octets)

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Hand what comes to ``hear``, which says whether it took it, instead of waking who waits in ``receive``."""
        self._listener = hear

    def send(self, octets: bytes) -> None:
        """Write; never blocks, never raises: a broken connection shows at the next ``receive`` or ``drain``."""
        transport = self._transport
        if self._fault is None and transport is not None and not transport.is_closing():
            transport.write(octets)

    async def drain(self) -> None:
        """Return when at most 64 KiB wait to be sent. Raises ClosedError or DeadlineError."""
        if self._fault is not None:
            raise ClosedError(self._fault)
        if not self.stuck:
            return
        if self._late:
            raise DeadlineError("the deadline passed")
        self._drained = self._loop.create_future()
        try:
            await self._drained
        finally:
            self._drained = None

    def deadline(self, seconds: float | None) -> None:
        """From now on ``receive`` and ``drain`` fail after ``seconds``, however many octets trickle in; None lifts it."""
        self._late = False
        if seconds is None:
            self._wheel.lift(self)
        elif not self._closing and self._fault is None:
            self._wheel.set(self, seconds)

    async def start_tls(self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None) -> None:
        """Handshake within the deadline. Raises HandshakeError, also where octets came in the clear before it.

        Nothing is awaited between the last reply in the clear and the moment at which reading stops, so what came before
        that moment waits here and is seen, and what comes after it goes to the handshake alone (CVE-2011-0411).
        """
        transport = self._transport
        if transport is None or self._fault is not None or transport.is_closing():
            raise HandshakeError("the connection is closed")
        if self._incoming:
            self._incoming = b""
            transport.close()
            self._lost("octets in the clear came before the handshake")
            raise HandshakeError("octets in the clear came before the handshake")
        seconds = max(self.due - self._loop.time(), 0.001) if self.due else HANDSHAKE_SECONDS
        self._wheel.lift(self)  # the handshake has its own timer
        try:
            secured = await self._loop.start_tls(
                transport,
                self,
                context,
                server_side=server_side,
                server_hostname=server_name,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=FAREWELL_SECONDS,
            )
        except (OSError, ssl.SSLError, ssl.CertificateError, ValueError) as error:
            transport.close()  # with the alert that says why; uvloop leaves it open
            self._lost("the TLS handshake failed")
            raise HandshakeError(handshake_fault(error)) from error
        if secured is None:  # the other side left in the last moment of the handshake
            self._lost("the TLS handshake failed")
            raise HandshakeError("the other side closed the connection")
        self._transport = secured
        self.tls = describe(secured)
        narrow(secured)

    def close(self) -> None:
        """Send what waits and close; idempotent."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        self._listener = None
        self._wake(ClosedError("the connection was closed here"))
        if self._incoming or self._paused:
            self._linger()
            return
        self._transport.close()
        if self._fault is None and (self.tls or self._transport.get_write_buffer_size()):
            self._wheel.set(self, FAREWELL_SECONDS)
        else:
            self._wheel.remove(self)

    def linger(self) -> None:
        """Like ``close``, but octets that still come are thrown away for a while, so that the last reply is not lost to a reset."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        self._listener = None
        self._wake(ClosedError("the connection was closed here"))
        self._linger()

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has come that was not read."""
        return not (self._incoming or self._eof or self._closing) and self._fault is None and self._transport is not None

    @property
    def certificate(self) -> bytes:
        """What the other side showed, in DER; empty in the clear, and where it showed none."""
        spoken = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        return (spoken.getpeercert(binary_form=True) or b"") if spoken is not None else b""

    def itself(self) -> Connection:
        """This connection: a factory for loops that ask for one."""
        return self

    # ---- what the wheel calls ---------------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline passed: wake who waits, or give up a farewell that nobody takes."""
        if self._closing:
            if self._transport is not None:
                self._transport.abort()
            return
        self._late = True
        self._wake(DeadlineError("the deadline passed"))
        self._tell()

    # ---- what the transport calls -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is there."""
        self._transport = cast(asyncio.Transport, transport)
        if self.ends is _NOWHERE:
            self.ends = ends(transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
        if transport.get_extra_info("sslcontext") is not None:
            self.tls = describe(transport)
            narrow(transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the loop's wish, not ours
        """Where the transport may put what comes: as much of the loop's scratch as may wait unread here."""
        room = UNREAD - len(self._incoming)
        return self._wheel.scratch[:room] if 0 < room < UNREAD else self._wheel.scratch

    def buffer_updated(self, nbytes: int) -> None:
        """Octets came."""
        if self._closing:
            return
        data = bytes(self._wheel.scratch[:nbytes])
        incoming = self._incoming
        if not incoming:
            if self._listener is not None and not self._late and self._listener(data):
                return
            self._incoming = incoming = data
        elif isinstance(incoming, bytearray):
            incoming += data
        else:
            self._incoming = incoming = bytearray(incoming)
            incoming += data
        if len(incoming) >= UNREAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def eof_received(self) -> bool:
        """No more will come. In the clear the other direction stays open: who half-closes still gets the answers."""
        self._eof = True
        if self._closing and self._transport is not None:
            self._transport.close()
        self._tell()
        return not self.tls and not self._closing

    def pause_writing(self) -> None:
        """More than 64 KiB wait to be sent."""
        self.stuck = True

    def resume_writing(self) -> None:
        """They left."""
        self.stuck = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._lost("the other side hung up" if exc is None else str(exc) or type(exc).__name__)
        self._tell()

    # ---- within -----------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """There is news: for the listener, or for whoever waits in ``receive``."""
        if self._listener is not None:
            self._listener(b"")
            return
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _check(self) -> None:
        if self._late:
            raise DeadlineError("the deadline passed")
        if self._fault is not None:
            raise ClosedError(self._fault)
        if self._eof:
            raise ClosedError("the other side hung up")
        if self._closing:
            raise ClosedError("the connection was closed here")

    def _linger(self) -> None:
        transport = self._transport
        self._incoming = b""
        if transport is None or transport.is_closing():
            return
        if self._eof or self.tls or not transport.can_write_eof():
            transport.close()
            self._wheel.set(self, FAREWELL_SECONDS)
            return
        transport.write_eof()
        if self._paused:
            self._paused = False
            transport.resume_reading()
        self._wheel.set(self, LINGER_SECONDS)

    def _lost(self, why: str) -> None:
        if self._fault is None:
            self._fault = why
        self._wheel.remove(self)
        self._wake(ClosedError(self._fault))

    def _wake(self, error: Exception) -> None:
        for future in (self._waiter, self._drained):
            if future is not None and not future.done():
                future.set_exception(error)


_NOWHERE = Ends(remote="", remote_port=0, local="", local_port=0)


def ends(remote: object, local: object) -> Ends:
    """Both ends from socket addresses: IPv4-mapped IPv6 shown as IPv4, scopes cut off, empty for UNIX sockets."""
    address, port = _end(remote)
    here, own = _end(local)
    return Ends(remote=address, remote_port=port, local=here, local_port=own)


def _end(address: object) -> tuple[str, int]:
    if not isinstance(address, tuple):
        return (address if isinstance(address, str) else "", 0)
    host, port = address[0], address[1]
    if ":" in host:
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]
        elif "%" in host:
            host = host.partition("%")[0]
    return host, port


def describe(transport: asyncio.BaseTransport) -> str:
    """``TLSv1.3 TLS_AES_256_GCM_SHA384``."""
    spoken = transport.get_extra_info("ssl_object")
    cipher = transport.get_extra_info("cipher")
    version = spoken.version() if spoken is not None else None
    return f"{version or 'TLS'} {cipher[0] if cipher else 'unknown'}"


def narrow(transport: asyncio.BaseTransport) -> None:
    """Have TLS read on only when little of what came is left to decrypt; both loops can, though no base class says so."""
    limit = getattr(transport, "set_read_buffer_limits", None)
    if limit is not None:
        limit(high=UNREAD)


def handshake_fault(error: Exception) -> str:
    """Why a handshake failed, in one line for logs."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).lower().replace("_", " ")
    if isinstance(error, ConnectionAbortedError):
        return "it took too long"
    if isinstance(error, ConnectionError):
        return "the other side closed the connection"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
