"""TLS contexts for both sides, and the local CA of the dev profile. Knows no SMTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from pathlib import Path


class CertificateError(Exception):
    """A certificate or key cannot be used; the text names the file and says what to do."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For listeners: TLS 1.2 or newer, no renegotiation, ALPN ``smtp``. Raises CertificateError."""
    raise NotImplementedError


def client_context(*, verify: bool, ca: Path | None = None) -> ssl.SSLContext:
    """For next hops: unverified for opportunistic TLS, verified for required. Raises CertificateError."""
    raise NotImplementedError


def local_certificate(folder: Path, hostname: str) -> tuple[Path, Path]:
    """Certificate and key for ``hostname`` from a CA of our own in ``folder``, made when missing or about to expire."""
    raise NotImplementedError
