"""Logins bound to their channel and certificates of our own, over real TLS, with a server that checks them by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from waypost.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from support.certificates import Certificates

SALT, ROUNDS, PASSWORD = b"salt of the earth", 16, "pencil"


def _serve(context: ssl.SSLContext, talk: Callable[[BinaryIO], None]) -> int:
    """The port of a server for one connection with TLS from the start."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as plain:
            plain.settimeout(10)
            with context.wrap_socket(plain, server_side=True) as secured, secured.makefile("rwb", buffering=0) as stream:
                talk(stream)

    threading.Thread(target=serve, daemon=True).start()
    return int(listening.getsockname()[1])


def _say(stream: BinaryIO, text: str) -> bytes:
    """Say this, and give what is answered."""
    stream.write(text.encode() + b"\r\n")
    return stream.readline().rstrip(b"\r\n")


def _scram_server(bound: bytes, *, knows: bool, heard: list[str]) -> Callable[[BinaryIO], None]:
    """A server that knows the password, or only pretends to."""

    def talk(stream: BinaryIO) -> None:
        _say(stream, "220 mx")
        first = base64.b64decode(_say(stream, "250-mx\r\n250 AUTH SCRAM-SHA-256-PLUS PLAIN").split()[2]).decode()
        header, bare = ",".join(first.split(",")[:2]) + ",", first.split(",", 2)[2]
        challenge = f"r={bare.split('r=')[1]}SERVER,s={base64.b64encode(SALT).decode()},i={ROUNDS}"
        final = base64.b64decode(_say(stream, f"334 {base64.b64encode(challenge.encode()).decode()}")).decode()
        without, _, proof = final.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, ROUNDS)
        key = hmac.digest(salted, b"Client Key", "sha256")
        signed = f"{bare},{challenge},{without}".encode()
        expected = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), signed, "sha256"), strict=True))
        heard.append(header)
        if without.split(",")[0] != f"c={base64.b64encode(header.encode() + bound).decode()}" or base64.b64decode(proof) != expected:
            _say(stream, "535 5.7.8 no")
            return
        signature = hmac.digest(hmac.digest(salted if knows else b"guess", b"Server Key", "sha256"), signed, "sha256")
        answer = _say(stream, f"334 {base64.b64encode(b'v=' + base64.b64encode(signature)).decode()}")
        if answer == b"*":
            _say(stream, "501 cancelled")
            return
        _say(stream, "235 2.7.0 welcome")
        stream.write(b"221 bye\r\n")

    return talk


@pytest.mark.parametrize(("knows", "password", "code"), [(True, PASSWORD, 0), (False, PASSWORD, 28), (True, "pen", 28)])
def test_scram_is_bound_to_the_certificate(
    certificates: Certificates, capsys: pytest.CaptureFixture[str], knows: bool, password: str, code: int  # noqa: FBT001 - a row
) -> None:  # fmt: skip
    """Under TLS 1.2 to the hash of the certificate, which the server reckons itself; an impostor is found out."""
    context = certificates.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    der = ssl.PEM_cert_to_DER_cert(
        certificates.certificate.read_text().partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    )
    heard: list[str] = []
    port = _serve(context, _scram_server(hashlib.sha256(der).digest(), knows=knows, heard=heard))
    words = [
        "--server",
        "localhost",
        "--port",
        str(port),
        "-4",
        "--ehlo",
        "c.example",
        "--tls-on-connect",
        "--tls-ca",
        str(certificates.ca),
    ]
    words += ["--quit-after", "auth", "--auth", "SCRAM-SHA-256-PLUS", "-au", "user", "-ap", password, "--lang", "en"]
    assert main(["send", *words]) == code
    said = capsys.readouterr().out
    assert heard == ["p=tls-server-end-point,,"]
    assert ("could not prove" in said) == (not knows)


def test_a_certificate_of_our_own(certificates: Certificates, capsys: pytest.CaptureFixture[str]) -> None:
    """--tls-cert is shown to a server that asks for one, and EXTERNAL logs in by it."""
    context = certificates.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.ca)
    heard: list[bytes] = []

    def talk(stream: BinaryIO) -> None:
        _say(stream, "220 mx")
        heard.append(_say(stream, "250-mx\r\n250 AUTH EXTERNAL PLAIN"))
        heard.append(_say(stream, "235 2.7.0 welcome"))
        stream.write(b"221 bye\r\n")

    port = _serve(context, talk)
    words = ["--server", "127.0.0.1", "--port", str(port), "--ehlo", "c.example", "--tls-on-connect", "--tls-ca", str(certificates.ca)]
    words += ["--tls-cert", str(certificates.certificate), "--tls-key", str(certificates.key), "--auth", "EXTERNAL", "--quit-after", "auth"]
    assert main(["send", *words]) == 0
    assert heard == [b"AUTH EXTERNAL =", b"QUIT"]
    assert f"=== TLS local certificate {certificates.certificate}" in capsys.readouterr().out
