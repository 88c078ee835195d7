"""TLS contexts for both sides, and the local CA of the dev profile. Knows no SMTP.

TLS 1.2 or newer, no compression, no renegotiation (RFC 9325). Listeners name ``smtp`` in ALPN: a client that offers it gets it.
One that offers other protocols alone should be sent away by no_application_protocol (RFC 7301 section 3.2), but the
standard library goes on without a protocol then; such a client is caught by its first line, which is no SMTP.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from waypost.clock import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Collection

    from waypost.clock import Clock

Context: TypeAlias = ssl.SSLContext
"""So that rooms which only pass one on need not name the library."""

_CA_DAYS = 3650
_LEAF_DAYS = 397
_RENEW_DAYS = 30


class CertificateError(Exception):
    """A certificate or key cannot be used; the text names the file and says what to do."""


def server_context(certificate: Path, key: Path, *, clock: Clock = SYSTEM) -> ssl.SSLContext:
    """For listeners: TLS 1.2 or newer, no renegotiation, ALPN ``smtp``. Raises CertificateError.

    Refuses what clients would refuse: a file that cannot be read, a key that does not belong to the certificate, a certificate
    that is past its time or not yet in it. So a reload with a bad file fails as a whole, and the context in use stays.
    """
    chain = _certificates(certificate)
    _within_its_time(chain[0], certificate, clock)
    _readable(key, "key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except ssl.SSLError as error:
        raise CertificateError(_why(certificate, key, error)) from error
    except (OSError, ValueError) as error:
        raise CertificateError(f"{key} cannot be used: {error}") from error
    _harden(context)
    context.set_alpn_protocols(["smtp"])
    context.num_tickets = 1
    return context


def client_context(*, verify: bool, ca: Path | None = None) -> ssl.SSLContext:
    """For next hops: unverified for opportunistic TLS, verified for required. Raises CertificateError.

    Reads the system's authorities when it verifies, which takes tens of milliseconds: make it once and keep it.
    """
    if not verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        _harden(context)
        return context
    if ca is not None:
        _certificates(ca)
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    _harden(context)
    return context


def speak(context: ssl.SSLContext, versions: Collection[ssl.TLSVersion]) -> None:
    """Let a context speak these versions alone, old ones too: for whoever wants to see what a server does then."""
    old = min(versions) < ssl.TLSVersion.TLSv1_2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are asked for on purpose
        context.minimum_version, context.maximum_version = min(versions), max(versions)
        for version, option in _LEFT_OUT.items():
            if min(versions) < version < max(versions) and version not in versions:
                context.options |= option
    if old:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # no cipher of theirs is held for safe any more


_LEFT_OUT = {ssl.TLSVersion.TLSv1_1: ssl.OP_NO_TLSv1_1, ssl.TLSVersion.TLSv1_2: ssl.OP_NO_TLSv1_2}
"""How a version between two others is left out."""


def local_certificate(folder: Path, hostname: str, *, clock: Clock = SYSTEM) -> tuple[Path, Path]:
    """Certificate and key for ``hostname`` from a CA of our own in ``folder``, made when missing or about to expire.

    The certificate is good for localhost, 127.0.0.1 and ::1 too. ``folder/ca.pem`` is what clients may be told to trust.
    Raises CertificateError.
    """
    now = datetime.fromtimestamp(clock.wall(), tz=UTC)
    certificate, key = folder / "server.pem", folder / "server.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (key.exists() and _serves(certificate, hostname, now)):
            authority, authority_key = _authority(folder, now)
            _issue(certificate, key, hostname, now, authority, authority_key)
    except OSError as error:
        raise CertificateError(f"{folder} cannot hold certificates: {error.strerror or error}") from error
    return certificate, key


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE


def _no_passphrase() -> str:
    raise ValueError("it is protected by a passphrase; nobody is there to type it, so store it without one")


def _readable(file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file}: the {what} cannot be read: {error.strerror}") from error


def _certificates(file: Path) -> list[x509.Certificate]:
    octets = _readable(file, "certificate")
    try:
        return x509.load_pem_x509_certificates(octets)
    except ValueError as error:
        raise CertificateError(f"{file} holds no certificate in PEM form") from error


def _within_its_time(certificate: x509.Certificate, file: Path, clock: Clock) -> None:
    now = datetime.fromtimestamp(clock.wall(), tz=UTC)
    ends, begins = _ends(certificate), _begins(certificate)
    if now >= ends:
        raise CertificateError(f"{file} expired on {ends:%Y-%m-%d %H:%M} UTC: renew it")
    if now < begins:
        raise CertificateError(f"{file} is not valid before {begins:%Y-%m-%d %H:%M} UTC: wait, or set the clock right")


def _why(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key} is not the key of {certificate}: name the two files that were made together"
    return f"{certificate} and {key} cannot be used together: {error.reason or error}"


def _ends(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc


def _begins(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_before_utc


# ---- the local CA ---------------------------------------------------------------------------------------------


def _serves(file: Path, hostname: str, now: datetime) -> bool:
    """Whether the certificate in ``file`` is there, names ``hostname`` and lasts a while."""
    try:
        certificate = _certificates(file)[0]
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (CertificateError, x509.ExtensionNotFound):
        return False
    return _general_name(hostname) in names and _ends(certificate) - now > timedelta(days=_RENEW_DAYS)


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The CA in ``folder``, made anew when it is not there, cannot be read, or ends before a leaf would."""
    certificate, key = folder / "ca.pem", folder / "ca.key"
    try:
        found = _certificates(certificate)[0]
        secret = serialization.load_pem_private_key(key.read_bytes(), None)
        usable = isinstance(secret, ec.EllipticCurvePrivateKey) and secret.public_key() == found.public_key()
        if usable and isinstance(secret, ec.EllipticCurvePrivateKey) and _ends(found) - now > timedelta(days=_LEAF_DAYS):
            return found, secret
    except (CertificateError, OSError, ValueError, TypeError):
        pass  # then it is made anew: nothing but this machine's own clients ever trusted it
    return _new_authority(certificate, key, now)


def _new_authority(certificate: Path, key: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Waypost local CA")])
    made = (
        _builder(name, name, secret.public_key(), now, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(secret, hashes.SHA256())
    )
    _write(key, _pem(secret), 0o600)
    _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return made, secret


def _issue(
    certificate: Path, key: Path, hostname: str, now: datetime, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    names = dict.fromkeys(_general_name(name) for name in (hostname, "localhost", "127.0.0.1", "::1"))
    made = (
        _builder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])]), authority.subject, secret.public_key(), now, _LEAF_DAYS
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (made, authority))
    _write(key, _pem(secret), 0o600)
    _write(certificate, chain, 0o644)


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clients whose clocks are a little slow
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(secret: ec.EllipticCurvePrivateKey) -> bytes:
    return secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(file: Path, octets: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others on the way."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # made with 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(mode)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
