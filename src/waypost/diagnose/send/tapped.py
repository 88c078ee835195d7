"""A stream that tells of every octet that it carries. Knows no SMTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.diagnose.send.transcript import Who

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from waypost.net.stream import ClientStream, Ends


class Tapped:
    """Keeps ``waypost.net.stream.ClientStream``."""

    def __init__(self, stream: ClientStream, tell: Callable[[bytes, Who], None]) -> None:
        self._stream = stream
        self._tell = tell
        self.ends: Ends = stream.ends
        self.tls = stream.tls

    @property
    def quiet(self) -> bool:
        """See ``ClientStream``."""
        return self._stream.quiet

    @property
    def certificate(self) -> bytes:
        """See ``ClientStream``."""
        return self._stream.certificate

    async def receive(self) -> bytes:
        """See ``Stream``."""
        octets = await self._stream.receive()
        self._tell(octets, Who.SERVER)
        return octets

    def send(self, octets: bytes) -> None:
        """See ``Stream``."""
        self._tell(octets, Who.CLIENT)
        self._stream.send(octets)

    async def drain(self) -> None:
        """See ``Stream``."""
        await self._stream.drain()

    def deadline(self, seconds: float | None) -> None:
        """See ``Stream``."""
        self._stream.deadline(seconds)

    async def start_tls(self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None) -> None:
        """See ``Stream``."""
        await self._stream.start_tls(context, server_side=server_side, server_name=server_name)
        self.tls = self._stream.tls

    def close(self) -> None:
        """See ``Stream``."""
        self._stream.close()
