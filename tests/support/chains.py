"""Certificate chains with any fault that a test wants: a root, an intermediate, and leaves below either."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a server shows."""

    names: tuple[str, ...] = ("mx.broken.example",)
    common_name: str = "mx.broken.example"
    days: int = 90
    age: int = 1
    """Days since it became valid; negative: in the future."""
    issuer: str = "root"
    """``root``, ``intermediate``, ``stranger`` or ``self``."""
    chain: tuple[str, ...] = ()
    """What is sent behind it."""
    rsa_bits: int = 0
    """0: an EC key."""
    fetchable: bool = False
    for_clients: bool = False


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: x509.Name, key: Key, begins: dt.datetime, ends: dt.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


@cache
def authority(name: str) -> Authority:
    """``root``, ``stranger`` (which nobody trusts), ``intermediate`` and ``expired`` (both below the root)."""
    key = ec.generate_private_key(ec.SECP256R1())
    above = authority("root") if name in ("intermediate", "expired") else None
    title = f"The {name} of these tests"
    begins, ends = _now() - dt.timedelta(days=30), _now() + dt.timedelta(days=-2 if name == "expired" else 365)
    issuer = above.certificate.subject if above is not None else _name(title)
    made = _builder(title, issuer, key, begins, ends).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Authority(made.sign(above.key if above is not None else key, hashes.SHA256()), key)


def make(leaf: Leaf) -> tuple[list[x509.Certificate], Key]:
    """The chain as it is sent, and the key."""
    key: Key = rsa.generate_private_key(65537, leaf.rsa_bits) if leaf.rsa_bits else ec.generate_private_key(ec.SECP256R1())
    signer = None if leaf.issuer == "self" else authority(leaf.issuer)
    begins = _now() - dt.timedelta(days=leaf.age)
    issuer = signer.certificate.subject if signer is not None else _name(leaf.common_name)
    built = _builder(leaf.common_name, issuer, key, begins, _now() + dt.timedelta(days=leaf.days, minutes=5))
    if leaf.names:
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in leaf.names]), critical=False)
    if leaf.for_clients:
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    if leaf.fetchable:
        place = x509.UniformResourceIdentifier("http://ca.example/intermediate.crt")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        built = built.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    signed = built.sign(signer.key if signer is not None else key, hashes.SHA256())
    return [signed, *(authority(name).certificate for name in leaf.chain)], key


def pem(certificates: list[x509.Certificate]) -> bytes:
    """A file of certificates."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def root_file(folder: Path) -> Path:
    """The root, for whoever is to trust it."""
    path = folder / "root.pem"
    path.write_bytes(pem([authority("root").certificate]))
    return path


def serving(chain: list[x509.Certificate], key: Key, folder: Path) -> ssl.SSLContext:
    """A context for a server that shows the chain; it takes any version and cipher that it is told to."""
    path = folder / "chain.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem(chain) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path)
    return context
