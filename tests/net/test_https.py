"""One small GET: what it takes, and what it refuses, from a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from waypost.net.dial import dial
from waypost.net.https import Failure, HttpsError, Response, get, https_context

if TYPE_CHECKING:
    from support.certificates import Certificates

HEAD = b"HTTP/1.1 200 OK\r\n"


def fetch(certificates: Certificates, octets: bytes, *, host: str = "mx.example.org", hold: bool = False) -> Response:
    """Ask a server that says ``octets`` and hangs up, or holds the line."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            asked = await reader.readuntil(b"\r\n\r\n")
            assert asked.startswith(b"GET /file HTTP/1.1\r\nHost: mx.example.org\r\n")
            writer.write(octets)
            await writer.drain()
            if hold:
                await reader.read()
        writer.close()

    async def run() -> Response:
        server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=certificates.server_context())
        try:
            stream = await dial("127.0.0.1", server.sockets[0].getsockname()[1], seconds=2)
            return await get(stream, host, "/file", context=https_context(certificates.ca), seconds=0.7, most=100)
        finally:
            server.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (HEAD + b"\r\nuntil the end", b"until the end"),
        (HEAD + b"Content-Length: 4\r\n\r\nbody and more", b"body"),
        (HEAD + b"Content-Length: 0\r\n\r\n", b""),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", b"body"),
        (b"HTTP/1.0 200\n\nbare", b"bare"),
    ],
)
def test_responses(certificates: Certificates, octets: bytes, body: bytes) -> None:
    """A body ends with the connection, with its length, or with its last chunk."""
    response = fetch(certificates, octets)
    assert (response.status, response.body) == (200, body)


def test_fields_and_status(certificates: Certificates) -> None:
    """Names come in lower case, the first of two counts, and any status is given back."""
    response = fetch(certificates, b"HTTP/1.1 301 Moved\r\nLocation: https://a/\r\nLOCATION: https://b/\r\nodd\r\n\r\n")
    assert (response.status, response.reason, dict(response.headers)) == (301, "Moved", {"location": "https://a/"})


@pytest.mark.parametrize(
    ("octets", "failure"),
    [
        (b"", Failure.CLOSED),
        (HEAD, Failure.CLOSED),
        (HEAD + b"Content-Length: 9\r\n\r\nshort", Failure.CLOSED),
        (b"220 mx ESMTP\r\n\r\n", Failure.MALFORMED),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"z" * 2000, Failure.MALFORMED),
        (HEAD + b"Content-Length: 101\r\n\r\n", Failure.TOO_LARGE),
        (HEAD + b"\r\n" + b"x" * 101, Failure.TOO_LARGE),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", Failure.TOO_LARGE),
        (HEAD + b"X: y\r\n" * 4000, Failure.TOO_LARGE),
    ],
)
def test_failures(certificates: Certificates, octets: bytes, failure: Failure) -> None:
    """What is no response, too long, or cut off is told apart."""
    with pytest.raises(HttpsError) as caught:
        fetch(certificates, octets)
    assert failure == caught.value.failure


def test_a_silent_server_is_left(certificates: Certificates) -> None:
    """A response that does not end is waited for as long as allowed, and no longer."""
    with pytest.raises(HttpsError) as caught:
        fetch(certificates, HEAD + b"Content-Length: 9\r\n\r\nshort", hold=True)
    assert caught.value.failure == Failure.SILENT


def test_another_name_is_refused(certificates: Certificates) -> None:
    """The certificate must name the host that was asked for."""
    with pytest.raises(HttpsError, match=r"other\.example\.org") as caught:
        fetch(certificates, HEAD, host="other.example.org")
    assert caught.value.failure == Failure.CERTIFICATE
