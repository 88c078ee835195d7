from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from waypost.clock import SYSTEM, Clock
from waypost.net.tls import CertificateError, client_context, local_certificate, server_context

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400


def at(days: float) -> Clock:
    """A clock so many days from now."""
    return Clock(wall=lambda: SYSTEM.wall() + days * DAY, monotonic=SYSTEM.monotonic)


def test_local_certificate_serves_localhost_and_the_host(tmp_path: Path) -> None:
    """A client that trusts the CA accepts the certificate for the host's name, localhost and the loopback addresses."""
    certificate, key = local_certificate(tmp_path / "tls", "mx.test")
    context = server_context(certificate, key)
    trusting = client_context(verify=True, ca=tmp_path / "tls" / "ca.pem")

    async def body() -> None:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        for name in ("mx.test", "localhost", "127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=name)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="other.test")
        server.close()
        await server.wait_closed()

    asyncio.run(body())


def test_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    """Keys have mode 0600, their folder 0700."""
    local_certificate(tmp_path / "tls", "mx.test")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "server.pem": 0o644, "server.key": 0o600}
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700


def test_certificate_stays_until_it_must_change(tmp_path: Path) -> None:
    """The same one serves until it names another host or ends within a month; the CA stays, so that clients go on trusting."""
    certificate, _ = local_certificate(tmp_path, "mx.test")
    first, authority = certificate.read_bytes(), (tmp_path / "ca.pem").read_bytes()
    local_certificate(tmp_path, "mx.test", clock=at(300))
    assert certificate.read_bytes() == first
    local_certificate(tmp_path, "mx.test", clock=at(380))
    second = certificate.read_bytes()
    assert second != first
    local_certificate(tmp_path, "other.test", clock=at(380))
    assert certificate.read_bytes() != second
    assert (tmp_path / "ca.pem").read_bytes() == authority


@pytest.mark.parametrize("name", ["ca.key", "ca.pem", "server.pem", "server.key"])
def test_damaged_files_are_made_anew(tmp_path: Path, name: str) -> None:
    """A file that is gone or cannot be read is replaced, and the pair serves again."""
    local_certificate(tmp_path, "mx.test")
    (tmp_path / name).unlink()
    server_context(*local_certificate(tmp_path, "mx.test"))
    if name != "server.key":  # a key that is there but wrong is for server_context to refuse
        (tmp_path / name).write_text("rubbish")
        server_context(*local_certificate(tmp_path, "mx.test", clock=at(0 if name.startswith("server") else 380)), clock=at(381))


def test_context_refuses_what_clients_would_refuse(tmp_path: Path) -> None:
    """Missing, no PEM, expired, not yet valid, another's key, a passphrase: each one sentence that names the file."""
    certificate, key = local_certificate(tmp_path / "a", "mx.test")
    _, other = local_certificate(tmp_path / "b", "mx.test")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    cases = [
        (tmp_path / "none.pem", key, SYSTEM, "none.pem"),
        (certificate, tmp_path / "none.key", SYSTEM, "none.key"),
        (rubbish, key, SYSTEM, "no certificate in PEM form"),
        (certificate, rubbish, SYSTEM, "cannot be used"),
        (certificate, other, SYSTEM, "is not the key of"),
        (certificate, key, at(398), "expired on"),
        (certificate, key, at(-2), "not valid before"),
    ]
    for chain, secret, clock, says in cases:
        with pytest.raises(CertificateError, match=says) as refused:
            server_context(chain, secret, clock=clock)
        assert "\n" not in str(refused.value)
    server_context(certificate, key)


def test_contexts_speak_modern_tls_alone(tmp_path: Path) -> None:
    """TLS 1.2 or newer, no compression, no renegotiation, on both sides; opportunistic clients verify nothing, others do."""
    server = server_context(*local_certificate(tmp_path, "mx.test"))
    opportunistic, required = client_context(verify=False), client_context(verify=True)
    for context in (server, opportunistic, required):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
        assert context.options & ssl.OP_NO_RENEGOTIATION
    assert (opportunistic.verify_mode, required.verify_mode) == (ssl.CERT_NONE, ssl.CERT_REQUIRED)
    assert required.check_hostname
    with pytest.raises(CertificateError, match="none"):
        client_context(verify=True, ca=tmp_path / "none")
