"""One small GET over a verified connection: no redirects, no cookies, no proxy, bounded in octets and time. Knows no policy.

RFC 9112 (HTTP/1.1: what a response looks like, chunks), RFC 8461 section 3.3 (what it is for).
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.net.stream import ClosedError, DeadlineError, HandshakeError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from waypost.net.stream import ClientStream

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: ([^\r\n]*))?")
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")
_LENGTH = re.compile(r"[0-9]{1,12}")
MOST_HEAD = 16_384


class Failure(StrEnum):
    """Why there is no response."""

    CERTIFICATE = "certificate"
    """It was not believed."""
    TLS = "tls"
    SILENT = "silent"
    CLOSED = "closed"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"


class HttpsError(Exception):
    """No response; the text says why."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a server answered."""

    status: int
    reason: str
    headers: Mapping[str, str]
    """Names in lower case; of a field that stands twice, the first."""
    body: bytes


def https_context(ca: Path | None = None) -> ssl.SSLContext:
    """Verifies chain and name, against the system's authorities or those in ``ca``. Raises CertificateError."""
    context = client_context(verify=True, ca=ca)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def get(stream: ClientStream, host: str, path: str, *, context: ssl.SSLContext, seconds: float, most: int = 65_536) -> Response:
    """Ask for ``path`` over a fresh connection, which is closed in the end. Raises HttpsError.

    ``seconds`` hold for handshake and response together; ``most`` for the octets of the body.
    """
    stream.deadline(seconds)
    try:
        await stream.start_tls(context, server_side=False, server_name=host)
        stream.deadline(seconds)
        stream.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n".encode("ascii"))
        return await _Reading(stream, most).response()
    except HandshakeError as fault:
        cause = fault.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise HttpsError(Failure.CERTIFICATE, cause.verify_message or str(fault)) from fault
        raise HttpsError(Failure.TLS, str(fault)) from fault
    except DeadlineError as fault:
        raise HttpsError(Failure.SILENT, f"no whole response within {seconds:g} seconds") from fault
    except ClosedError as fault:
        raise HttpsError(Failure.CLOSED, str(fault)) from fault
    finally:
        stream.close()


class _Reading:
    """One response on its way."""

    def __init__(self, stream: ClientStream, most: int) -> None:
        self._stream = stream
        self._most = most
        self._waiting = b""

    async def response(self) -> Response:
        while (end := _HEAD_ENDS.search(self._waiting)) is None:
            if len(self._waiting) > MOST_HEAD:
                raise HttpsError(Failure.TOO_LARGE, f"more than {MOST_HEAD} octets of header fields")
            self._waiting += await self._stream.receive()
        head, self._waiting = self._waiting[: end.start()], self._waiting[end.end() :]
        first, *lines = head.replace(b"\r\n", b"\n").split(b"\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise HttpsError(Failure.MALFORMED, f"no HTTP status line: {first[:80].decode('latin-1')}")
        headers = _headers(lines)
        return Response(status=int(status[1]), reason=(status[2] or b"").decode("latin-1"), headers=headers, body=await self._body(headers))

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await self._chunks()
        if _LENGTH.fullmatch(length):
            return await self._exactly(int(length))
        try:
            while len(self._waiting) <= self._most:
                self._waiting += await self._stream.receive()
        except ClosedError:
            return self._waiting
        raise self._too_large()

    async def _exactly(self, length: int) -> bytes:
        if length > self._most:
            raise self._too_large()
        while len(self._waiting) < length:
            self._waiting += await self._stream.receive()
        octets, self._waiting = self._waiting[:length], self._waiting[length:]
        return octets

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            while (size := _CHUNK.match(self._waiting)) is None:
                if len(self._waiting) > _LONGEST_CHUNK_LINE:
                    raise HttpsError(Failure.MALFORMED, "a chunk begins with no size")
                self._waiting += await self._stream.receive()
            self._waiting = self._waiting[size.end() :]
            length = int(size[1], 16)
            if not length:
                return body
            if len(body) + length > self._most:
                raise self._too_large()
            body += (await self._exactly(length + 2))[:-2]

    def _too_large(self) -> HttpsError:
        return HttpsError(Failure.TOO_LARGE, f"more than {self._most} octets")


_LONGEST_CHUNK_LINE = 1024


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found
