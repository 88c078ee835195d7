"""Channel bindings: what we derive is what OpenSSL itself exports; and the hash of a certificate."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from support.needs import require
from support.ports import free_port
from waypost.diagnose.send.binding import SecretLog, bindings, server_end_point
from waypost.net.tls import client_context

if TYPE_CHECKING:
    import ssl

    from support.certificates import Certificates


def _handshake(context: ssl.SSLContext, port: int) -> tuple[bytes, str]:
    for _ in range(200):
        try:
            with (
                socket.create_connection(("127.0.0.1", port), 5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secured,
            ):
                return secured.getpeercert(binary_form=True) or b"", secured.version() or ""
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError("openssl s_server does not answer")


@pytest.mark.parametrize("cipher", ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"])
def test_the_exporter_is_that_of_openssl(certificates: Certificates, cipher: str) -> None:
    """RFC 9266: the 32 octets that the server exports are those that we bind to, with either hash."""
    require("openssl", shutil.which("openssl"))
    port = free_port()
    words = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(certificates.certificate), "-key", str(certificates.key)]
    words += ["-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-ciphersuites", cipher, "-naccept", "1"]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        context = client_context(verify=False)
        secrets = SecretLog(context)
        certificate, version = _handshake(context, port)
        found = bindings(certificate, secrets.exporter())
        secrets.close()
        said = server.communicate(timeout=20)[0].decode()
    finally:
        server.kill()
        server.wait()
    exported = re.search(r"Keying material: ([0-9A-F]+)", said)
    assert version == "TLSv1.3"
    assert exported
    assert found["tls-exporter"].hex().upper() == exported[1]
    assert list(found) == ["tls-exporter", "tls-server-end-point"]


def test_the_end_point_is_the_hash_of_the_certificate(certificates: Certificates) -> None:
    """SHA-256 here, as its signature (5929#4.1); without TLS 1.3 it is the only one; of nonsense there is none."""
    leaf = x509.load_pem_x509_certificates(certificates.certificate.read_bytes())[0]
    der = leaf.public_bytes(serialization.Encoding.DER)
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
    assert bindings(der, b"") == {"tls-server-end-point": hashlib.sha256(der).digest()}
    assert bindings(b"", b"") == {}
    assert server_end_point(b"nonsense") == b""


def test_a_signature_without_a_hash_binds_nothing(certificates: Certificates) -> None:
    """5929#4.1 leaves the hash undefined for Ed25519."""
    leaf = x509.load_pem_x509_certificates(certificates.certificate.read_bytes())[0]
    key = ed25519.Ed25519PrivateKey.generate()
    made = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
        .sign(key, None)
    )
    assert server_end_point(made.public_bytes(serialization.Encoding.DER)) == b""
