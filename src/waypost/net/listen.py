"""Listening: where, on which socket, and how new connections are taken. Knows no SMTP and no limits but those of descriptors.

The accept path is our own: asyncio's logs a traceback for each connection that it cannot take when descriptors run out, and
uvloop's closes the listener then. Here such a moment pauses the listener for a second and is told once in ten.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import stat
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from waypost.net.connection import FAREWELL_SECONDS, Connection, ends, handshake_fault
from waypost.net.stream import ClosedError, HandshakeError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from waypost.net.stream import Ends

Listening: TypeAlias = socket.socket
"""A listening socket, so that rooms which only pass one on need not name the library."""

BACKLOG = 4096
"""Connections that may wait to be taken; the kernel caps it at net.core.somaxconn. A short one makes clients wait whole seconds."""
_AT_ONCE = 64
"""Connections taken in one turn of the loop, before others get theirs."""
_PAUSE = 1.0
"""Seconds without accepting after descriptors ran out."""
_FIRST = 3
"""The first descriptor that a supervisor hands over."""
_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
"""The addresses that stand for all of a machine's."""


class ListenError(Exception):
    """A listener cannot be opened; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener listens: an IP address and port, or a path."""

    address: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether processes of this machine alone can connect over the network; a path is no network."""
        return bool(self.address) and ip_address(self.address).is_loopback

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse(spec: str) -> Place:
    """``127.0.0.1:25``, ``[::1]:25`` or ``unix:/path``. Raises ListenError."""
    if spec.startswith("unix:"):
        path = spec[5:]
        if not path.startswith("/"):
            raise ListenError(f"{spec!r} names no absolute path: write it like unix:/run/waypost/lmtp.sock")
        return Place(path=path)
    host, colon, port = spec.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ListenError(f"{spec!r} is no place to listen: write 127.0.0.1:25, [::1]:25 or unix:/path") from None
    if not colon or (address.version == 6) != bracketed or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ListenError(f"{spec!r} is no place to listen: write 127.0.0.1:25, [::1]:25 or unix:/path")
    return Place(address=str(address), port=int(port))


def bind(spec: str, *, reuse_port: bool = False, backlog: int = BACKLOG) -> socket.socket:
    """A listening, non-blocking socket at ``spec``. Raises ListenError.

    ``reuse_port``: several processes bind the same place and the kernel spreads connections over them.
    """
    place = parse(spec)
    try:
        listener = _bound_path(place.path) if place.path else _bound_address(place, reuse_port=reuse_port)
    except OSError as error:
        raise ListenError(_why(place, error)) from error
    try:
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ListenError(_why(place, error)) from error
    return listener


def place_of(listener: socket.socket) -> Place:
    """Where ``listener`` listens."""
    name = listener.getsockname()
    return Place(address=name[0], port=name[1]) if isinstance(name, tuple) else Place(path=name)


@dataclass(frozen=True, slots=True)
class Inherited:
    """A listening socket that a supervisor opened."""

    name: str
    """As LISTEN_FDNAMES calls it, or empty."""
    listener: socket.socket


def inherited(environment: Mapping[str, str], process: int) -> tuple[Inherited, ...]:
    """The sockets handed over by LISTEN_FDS (sd_listen_fds), when they are meant for ``process``. Raises ListenError."""
    number, meant = environment.get("LISTEN_FDS", ""), environment.get("LISTEN_PID", "")
    if not number or meant != str(process):
        return ()
    if not number.isdigit():
        raise ListenError(f"LISTEN_FDS is {number!r}, which is no number of sockets")
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    return tuple(_taken_over(_FIRST + place, names[place] if place < len(names) else "") for place in range(int(number)))


def descriptor_cap() -> int:
    """How many connections this process may hold: its descriptors, raised as far as it may, less a reserve for store and delivery."""
    import resource  # noqa: PLC0415 - not on every system; where it lacks there is no such limit

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return connections_of(1_000_000 if soft == resource.RLIM_INFINITY else soft)


def connections_of(descriptors: int) -> int:
    """Connections that fit into ``descriptors``: an eighth, at least 64, is kept back, but never more than half."""
    return max(descriptors - min(max(64, descriptors // 8), descriptors // 2), 1)


class Arrival:
    """A connection that was taken and is not yet spoken on: turn it away, or open it."""

    __slots__ = ("_socket", "ends")

    def __init__(self, taken: socket.socket, between: Ends) -> None:
        self._socket = taken
        self.ends = between

    def turn_away(self, octets: bytes = b"") -> None:
        """Say ``octets``, if any, and close, without waiting for anything; never raises."""
        with suppress(OSError):
            if octets:
                self._socket.send(octets)
        self._socket.close()

    def spoke_first(self) -> bool:
        """Whether octets have come already, before anything was said here; they stay unread."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    async def open(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None = None, *, seconds: float) -> Connection:
        """The connection; with ``context``, after a handshake of at most ``seconds``. Raises HandshakeError or ClosedError."""
        connection = Connection(loop, self.ends)
        try:
            if context is None:
                await loop.connect_accepted_socket(connection.itself, self._socket)
            else:
                await loop.connect_accepted_socket(
                    connection.itself,
                    self._socket,
                    ssl=context,
                    ssl_handshake_timeout=seconds,
                    ssl_shutdown_timeout=FAREWELL_SECONDS,
                )
        except (OSError, ssl.SSLError, ValueError) as error:
            self._socket.close()
            if context is None:
                raise ClosedError(str(error)) from error
            raise HandshakeError(handshake_fault(error)) from error
        return connection


class Acceptor:
    """Takes the connections of one listening socket, as the loop finds time, and hands each one over."""

    __slots__ = ("_listener", "_local", "_loop", "_paused", "_reading", "_scarce", "_take")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        take: Callable[[Arrival], None],
        scarce: Callable[[str], None],
    ) -> None:
        """``take`` never raises; ``scarce`` is told why nothing can be taken for now, once for each pause."""
        self._loop = loop
        self._listener = listener
        self._take = take
        self._scarce = scarce
        self._reading = False
        self._paused: asyncio.TimerHandle | None = None
        name = listener.getsockname()
        wild = isinstance(name, tuple) and name[0] in EVERYWHERE
        self._local: object = None if wild else name
        """Where every connection arrives; None where each must be asked."""

    @property
    def place(self) -> Place:
        """Where it listens."""
        return place_of(self._listener)

    def start(self) -> None:
        """Take connections from now on."""
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self._listener.fileno(), self._ready)

    def stop(self) -> None:
        """Leave connections in the backlog; idempotent."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
        self._rest()

    def close(self) -> None:
        """Stop, and close the listener: the kernel refuses clients from now on. Idempotent."""
        self.stop()
        self._listener.close()

    def _rest(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._listener.fileno())

    def _ready(self) -> None:
        accept, take = self._listener.accept, self._take
        for _ in range(_AT_ONCE):
            try:
                connection, address = accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                continue  # it left before it was taken
            except OSError as error:
                if error.errno in _SCARCE:
                    self._pause(error)
                    return
                continue  # what Linux tells of the one connection (EPROTO, ENETDOWN, ...), not of the listener: accept(2)
            connection.setblocking(False)
            take(Arrival(connection, ends(address, self._local or _own(connection))))
            if not self._reading:
                return

    def _pause(self, error: OSError) -> None:
        self._rest()
        self._paused = self._loop.call_later(_PAUSE, self._resume)
        self._scarce(os.strerror(error.errno or 0))

    def _resume(self) -> None:
        self._paused = None
        self.start()


def _own(connection: socket.socket) -> object:
    try:
        return connection.getsockname()
    except OSError:
        return None


def _bound_address(place: Place, *, reuse_port: bool) -> socket.socket:
    ipv6 = ":" in place.address
    # The protocol is named, for asyncio sets TCP_NODELAY only where it knows it.
    listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if ipv6:  # so that 0.0.0.0 and [::] can both be named, and each means what it says
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((place.address, place.port))
    except OSError:
        listener.close()
        raise
    return listener


def _bound_path(path: str) -> socket.socket:
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(path)
        Path(path).chmod(0o660)
    except OSError:
        listener.close()
        raise
    return listener


def _clear(path: str) -> None:
    """Take away a socket that a process which is gone left behind; one that answers is in use."""
    try:
        if not stat.S_ISSOCK(os.stat(path, follow_symlinks=False).st_mode):  # noqa: PTH116 - lstat by any name
            raise OSError(errno.EEXIST, "exists and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
    raise OSError(errno.EADDRINUSE, "in use")


def _taken_over(descriptor: int, name: str) -> Inherited:
    try:
        listener = socket.socket(fileno=descriptor)
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ListenError(f"descriptor {descriptor} of LISTEN_FDS is no socket: {error.strerror}") from error
    if not listening:
        raise ListenError(f"descriptor {descriptor} of LISTEN_FDS does not listen: the supervisor must open it with Accept=no")
    listener.setblocking(False)
    listener.set_inheritable(False)
    return Inherited(name, listener)


_NO_PERMISSION = "no permission to listen on {place}: ports below 1024 need a start as root (and user set) or CAP_NET_BIND_SERVICE"
_WHY = {
    errno.EADDRINUSE: "{place} is in use by another program: stop that one, or choose another port",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EADDRNOTAVAIL: "{place} is no address of this machine",
    errno.EAFNOSUPPORT: "this machine has no IPv6, so {place} cannot be opened",
    errno.ENOENT: "the folder of {place} does not exist",
    errno.EEXIST: "{place} exists and is no socket: remove it or choose another path",
}


def _why(place: Place, error: OSError) -> str:
    if place.path and error.errno in (errno.EACCES, errno.EPERM):
        return f"{place} cannot be made: no permission for its folder"
    says = _WHY.get(error.errno or 0, "cannot listen on {place}: {fault}")
    return says.format(place=place, fault=error.strerror or error)
