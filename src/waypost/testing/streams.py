"""A connection without a network: two streams, each the other's far end. Keeps ``net.stream.ServerStream`` and ``ClientStream``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.net.stream import ClosedError, DeadlineError, Ends, HandshakeError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_NEAR = Ends(remote="192.0.2.2", remote_port=25, local="192.0.2.1", local_port=40_000)
_FAR = Ends(remote="192.0.2.1", remote_port=40_000, local="192.0.2.2", local_port=25)


class MemoryStream:
    """One end. What it sends can be received at the other end at once, in the pieces in which it was sent."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.tls = ""
        self.other: MemoryStream = self
        self._incoming: list[bytes] = []
        self._news = asyncio.Event()
        self._ended = False
        self._closed = False
        self._until: float | None = None
        self._shaking: asyncio.Future[None] | None = None
        self._listener: Callable[[bytes], bool] | None = None
        self.stuck = False
        """Never: nothing waits to be sent."""

    async def receive(self) -> bytes:
        """The next piece. Raises ClosedError when the other end closed and nothing is left, DeadlineError."""
        while not self._incoming:
            if self._ended or self._closed:
                raise ClosedError("the other side hung up" if self._ended else "the connection was closed here")
            self._news.clear()
            try:
                async with asyncio.timeout_at(self._until):
                    await self._news.wait()
            except TimeoutError as error:
                raise DeadlineError("the deadline passed") from error
        return self._incoming.pop(0)

    def take(self) -> bytes:
        """All pieces that wait. Raises ClosedError when the other end closed and nothing is left, DeadlineError."""
        octets = b"".join(self._incoming)
        self._incoming.clear()
        if not octets and (self._ended or self._closed):
            raise ClosedError("the other side hung up" if self._ended else "the connection was closed here")
        if not octets and self._until is not None and asyncio.get_running_loop().time() >= self._until:
            raise DeadlineError("the deadline passed")
        return octets

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Hand what comes to ``hear``, in the loop's next turn."""
        self._listener = hear

    def _tell(self) -> None:
        self._news.set()
        if self._listener is not None:
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        octets = b"".join(self._incoming)
        self._incoming.clear()
        if self._listener is not None and not self._listener(octets) and octets:
            self._incoming.append(octets)

    def send(self, octets: bytes) -> None:
        """Hand ``octets`` over; dropped when either end is closed."""
        if octets and not self._closed and not self._ended:
            self.other._take(octets)  # noqa: SLF001 - the two ends are one thing

    async def drain(self) -> None:
        """Nothing ever waits. Raises ClosedError."""
        await asyncio.sleep(0)
        if self._ended or self._closed:
            raise ClosedError("the other side hung up")

    def deadline(self, seconds: float | None) -> None:
        """From now on ``receive`` fails after ``seconds``; None lifts it."""
        loop = asyncio.get_running_loop()
        self._until = None if seconds is None else loop.time() + seconds
        if self._until is not None and self._listener is not None:
            loop.call_at(self._until, self._hand_over)

    async def start_tls(self, context: ssl.SSLContext | None, *, server_side: bool, server_name: str | None = None) -> None:  # noqa: ARG002 - the seam's form
        """Both ends must ask for it; nothing is encrypted. Raises HandshakeError where octets came before it or the other end is gone."""
        if self._incoming or self._ended or self._closed:
            raise HandshakeError(
                "octets in the clear came before the handshake" if self._incoming else "the other side closed the connection"
            )
        self._shaking = asyncio.get_running_loop().create_future()
        waiting = self.other._shaking  # noqa: SLF001 - the two ends are one thing
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        else:
            await self._shaking
        self.tls = "TLSv1.3 MEMORY"

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has come that was not read."""
        return not (self._incoming or self._ended or self._closed)

    @property
    def certificate(self) -> bytes:
        """There is none: nothing is encrypted."""
        return b""

    def close(self) -> None:
        """Close this end; the other one reads what was sent, and then that it is over."""
        if not self._closed:
            self._closed = True
            self._listener = None
            self._news.set()
            self.other._end()  # noqa: SLF001 - the two ends are one thing

    def linger(self) -> None:
        """The same: nothing can be lost here."""
        self.close()

    def _take(self, octets: bytes) -> None:
        self._incoming.append(octets)
        self._tell()

    def _end(self) -> None:
        self._ended = True
        self._tell()


def memory_streams() -> tuple[MemoryStream, MemoryStream]:
    """A client's end and a server's end."""
    near, far = MemoryStream(_NEAR), MemoryStream(_FAR)
    near.other, far.other = far, near
    return near, far
