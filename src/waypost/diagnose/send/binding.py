"""What a TLS connection can be bound to, so that a login over it is worth nothing over another one.

RFC 9266 (tls-exporter), RFC 5929 section 4 (tls-server-end-point), RFC 8446 section 7.5 (exporters). The standard library gives no
exporter, but a log of its secrets, from which it follows: that log is kept in memory, or in a file of our own that is gone at once.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

if TYPE_CHECKING:
    import ssl

EXPORTER, END_POINT = "tls-exporter", "tls-server-end-point"
_LABEL, _LENGTH = b"EXPORTER-Channel-Binding", 32  # 9266#2
_WEAK = ("md5", "sha1")


class SecretLog:
    """The secrets that one context tells; for one connection."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._file: Path | None = None
        with contextlib.suppress(OSError, AttributeError):  # no such call, or no /proc to name it by
            self._descriptor = os.memfd_create("secrets", os.MFD_CLOEXEC)
            context.keylog_filename = f"/proc/self/fd/{self._descriptor}"
            return
        self._descriptor, name = tempfile.mkstemp(prefix="waypost-")  # made with 0600
        self._file = Path(name)
        context.keylog_filename = name

    def exporter(self) -> bytes:
        """The exporter secret of the connection; empty where there is none (before TLS 1.3)."""
        octets = os.pread(self._descriptor, 65_536, 0)
        rows = [line.split() for line in octets.splitlines()]
        found = [row[2] for row in rows if len(row) == 3 and row[0] == b"EXPORTER_SECRET"]
        return bytes.fromhex(found[-1].decode("ascii")) if found else b""

    def close(self) -> None:
        """Forget it all."""
        os.close(self._descriptor)
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                self._file.unlink()


def bindings(certificate: bytes, exporter: bytes) -> dict[str, bytes]:
    """The channel bindings of a connection, the best first."""
    found = {}
    if exporter:
        found[EXPORTER] = exported(exporter)
    end_point = server_end_point(certificate) if certificate else b""
    if end_point:
        found[END_POINT] = end_point
    return found


def exported(secret: bytes, label: bytes = _LABEL, length: int = _LENGTH) -> bytes:
    """Keying material for ``label`` without a context (8446#7.5); the secret's length tells which hash the cipher has."""
    digest: hashes.HashAlgorithm = hashes.SHA384() if len(secret) == hashes.SHA384.digest_size else hashes.SHA256()
    nothing = hashes.Hash(digest)
    empty = nothing.finalize()
    derived = _expand(secret, label, empty, digest.digest_size, digest)
    return _expand(derived, b"exporter", empty, length, digest)


def _expand(secret: bytes, label: bytes, context: bytes, length: int, digest: hashes.HashAlgorithm) -> bytes:
    """HKDF-Expand-Label (8446#7.1)."""
    name = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + bytes([len(context)]) + context
    return HKDFExpand(digest, length, info).derive(secret)


def server_end_point(certificate: bytes) -> bytes:
    """The hash of the server's certificate (5929#4.1); empty where its signature has no one hash, as Ed25519."""
    try:
        digest = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return b""
    if digest is None:
        return b""
    hashed = hashes.Hash(hashes.SHA256() if digest.name in _WEAK else digest)
    hashed.update(certificate)
    return hashed.finalize()
