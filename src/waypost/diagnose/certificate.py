"""What a certificate chain says, and what is wrong with it. Reads DER of strangers; knows no network.

RFC 5280 (fields and times), RFC 9525 section 6 and RFC 6125 section 6.4 (names and wildcards), RFC 7817 (names of mail servers).
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from waypost.diagnose.shown import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.finding import Finding

SOON, LATER = timedelta(days=14), timedelta(days=30)
RSA_BITS, CURVE_BITS = 2048, 224
_WEAK_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
SELF_SIGNED, SELF_SIGNED_IN_CHAIN, NO_ISSUER, NO_FIRST_ISSUER = 18, 19, 20, 21
"""Codes of verify(1): alone, with its authority, without one that is known, a chain of one."""
_TOLD_BY_DATES = frozenset({9, 10})


_UNREADABLE = (UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
"""What the library raises besides ValueError at certificates that break the rules."""


class CertificateUnreadableError(ValueError):
    """Octets that are no certificate; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What of a certificate matters to mail."""

    subject: str
    issuer: str
    common_name: str
    names: tuple[str, ...]
    """DNS names of subjectAltName, lower case."""
    addresses: tuple[str, ...]
    begins: datetime
    ends: datetime
    key: str
    """``RSA``, ``EC`` or another kind."""
    bits: int
    digest: str
    """Of the signature: ``sha256``; empty where the algorithm has none of its own."""
    self_issued: bool
    authority: bool
    for_servers: bool
    """Whether its extended key usage, if there is one, includes servers."""
    fetchable: bool
    """Whether it says where its issuer's certificate can be had, as those of public authorities do."""
    der: bytes
    public: bytes
    """SubjectPublicKeyInfo in DER."""

    @property
    def shown(self) -> str:
        """One line of evidence."""
        return f"{self.subject}, by {self.issuer}, {self.begins:%Y-%m-%d} to {self.ends:%Y-%m-%d}, {self.key} {self.bits}, {self.digest}"


def read(der: bytes) -> Certificate:
    """Raises CertificateUnreadableError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # strangers' serial numbers are no news to the operator
            return _read(x509.load_der_x509_certificate(der))
    except (ValueError, TypeError, *_UNREADABLE) as fault:
        raise CertificateUnreadableError(str(fault) or type(fault).__name__) from fault


def _read(certificate: x509.Certificate) -> Certificate:
    extensions = certificate.extensions
    names, addresses = _names(extensions)
    key, bits = _key(certificate)
    digest = certificate.signature_hash_algorithm
    return Certificate(
        subject=certificate.subject.rfc4514_string() or "(no subject)",
        issuer=certificate.issuer.rfc4514_string() or "(no issuer)",
        common_name=next((str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)), ""),
        names=names,
        addresses=addresses,
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        key=key,
        bits=bits,
        digest=digest.name if digest is not None else "",
        self_issued=certificate.subject == certificate.issuer,
        authority=_authority(extensions),
        for_servers=_for_servers(extensions),
        fetchable=_fetchable(extensions),
        der=certificate.public_bytes(Encoding.DER),
        public=certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )


def _names(extensions: x509.Extensions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    dns = tuple(name.lower().removesuffix(".") for name in names.get_values_for_type(x509.DNSName))
    return dns, tuple(str(each) for each in names.get_values_for_type(x509.IPAddress))


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return "RSA", key.key_size
        case ec.EllipticCurvePublicKey() as key:
            return "EC", key.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 256
        case ed448.Ed448PublicKey():
            return "Ed448", 456
        case dsa.DSAPublicKey() as key:
            return "DSA", key.key_size
        case key:
            return type(key).__name__, 0


def _authority(extensions: x509.Extensions) -> bool:
    try:
        return bool(extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _for_servers(extensions: x509.Extensions) -> bool:
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usages))


def _fetchable(extensions: x509.Extensions) -> bool:
    try:
        places = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(place.access_method == AuthorityInformationAccessOID.CA_ISSUERS for place in places)


# ---- names ----------------------------------------------------------------------------------------------------


def covers(pattern: str, host: str) -> bool:
    """Whether a name of a certificate stands for ``host``: a star is the whole first label and stands for one (RFC 9525 section 6.3)."""
    pattern, host = pattern.lower().removesuffix("."), host.lower().removesuffix(".")
    if not pattern.startswith("*."):
        return bool(pattern) and pattern == host
    _, _, parent = host.partition(".")
    return parent == pattern[2:] and "." in parent


def names_host(certificate: Certificate, host: str) -> bool:
    """Whether a certificate is for ``host``, a name or an address."""
    if not _is_address(host):
        return any(covers(name, host) for name in certificate.names)
    return any(ip_address(each) == ip_address(host) for each in certificate.addresses)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def almost_covers(pattern: str, host: str) -> bool:
    """Whether its star would have to stand for less or more than one label to mean ``host``, which nobody allows."""
    head, star, tail = pattern.partition("*")
    return bool(star) and "*" not in tail and host.lower().startswith(head) and host.lower().endswith(tail) and not covers(pattern, host)


# ---- judging --------------------------------------------------------------------------------------------------


def judge(chain: Sequence[Certificate], about: str, host: str, *, verify_code: int, verify_message: str, now: float) -> Iterator[Finding]:
    """What is to say of a chain shown by ``host`` at ``now`` (seconds of the epoch). ``verify_code`` as OpenSSL found, 0: believed."""
    leaf = chain[0]
    evidence = [f"{number}: {each.shown}" for number, each in enumerate(chain)]
    faults = [
        *_times(chain, about, host, datetime.fromtimestamp(now, UTC)),
        *_trust(chain, about, host, verify_code, verify_message),
        *_name(leaf, about, host),
        *_strength(chain, about, host),
    ]
    yield from faults
    if names_host(leaf, host) and not any(fault.severity in ("warning", "error") for fault in faults):
        facts = {"host": host, "issuer": leaf.issuer, "ends": f"{leaf.ends:%Y-%m-%d}"}
        yield found("certificate-sound", about, *evidence, **facts)


def _times(chain: Sequence[Certificate], about: str, host: str, now: datetime) -> Iterator[Finding]:
    leaf = chain[0]
    facts = {"host": host, "ends": f"{leaf.ends:%Y-%m-%d %H:%M} UTC", "days": (leaf.ends - now).days}
    if leaf.ends <= now:
        yield found("certificate-expired", about, leaf.shown, **facts)
    elif leaf.begins > now:
        yield found("certificate-not-yet-valid", about, leaf.shown, host=host, begins=f"{leaf.begins:%Y-%m-%d %H:%M} UTC")
    elif leaf.ends - now < SOON:
        yield found("certificate-expires-soon", about, leaf.shown, **facts)
    elif leaf.ends - now < LATER:
        yield found("certificate-expires", about, leaf.shown, **facts)
    late = [each for each in chain[1:] if each.ends <= now]
    if late:
        yield found("certificate-issuer-expired", about, *(each.shown for each in late), host=host, subject=late[0].subject)


def _trust(chain: Sequence[Certificate], about: str, host: str, code: int, message: str) -> Iterator[Finding]:
    leaf, evidence = chain[0], [each.shown for each in chain]
    facts = {"host": host, "issuer": leaf.issuer, "message": message}
    if code == SELF_SIGNED:
        yield found("certificate-self-signed", about, *evidence, **facts)
    elif code == SELF_SIGNED_IN_CHAIN:
        yield found("certificate-private-authority", about, *evidence, authority=chain[-1].subject, host=host)
    elif code in (NO_ISSUER, NO_FIRST_ISSUER):
        key = "certificate-chain-incomplete" if leaf.fetchable and len(chain) == 1 else "certificate-unknown-issuer"
        yield found(key, about, message, *evidence, **facts)
    elif code and code not in _TOLD_BY_DATES and leaf.for_servers:
        yield found("certificate-refused", about, message, *evidence, **facts)
    if not in_order(chain):
        yield found("certificate-chain-disordered", about, *evidence, host=host)
    if not leaf.for_servers or (leaf.authority and not leaf.self_issued):
        yield found("certificate-purpose-wrong", about, leaf.shown, host=host)


def in_order(chain: Sequence[Certificate]) -> bool:
    """Whether each certificate is followed by that of its issuer."""
    return all(left.issuer == right.subject for left, right in itertools.pairwise(chain))


def _name(leaf: Certificate, about: str, host: str) -> Iterator[Finding]:
    if names_host(leaf, host):
        return
    names = ", ".join((*leaf.names, *leaf.addresses)) or "none"
    facts = {"host": host, "names": names, "common_name": leaf.common_name}
    stars = [name for name in leaf.names if almost_covers(name, host)]
    if leaf.names and not leaf.addresses and _is_address(host):  # nobody is led to a server by its address, and SNI had no name either
        yield found("certificate-name-unasked", about, leaf.shown, f"names: {names}", first=leaf.names[0], **facts)
    elif not leaf.names and not leaf.addresses and covers(leaf.common_name, host):
        yield found("certificate-subject-only", about, leaf.shown, **facts)
    elif stars:
        yield found("certificate-wildcard-unusable", about, leaf.shown, f"names: {names}", name=stars[0], host=host)
    else:
        yield found("certificate-name-wrong", about, leaf.shown, f"names: {names}", **facts)


def _strength(chain: Sequence[Certificate], about: str, host: str) -> Iterator[Finding]:
    leaf = chain[0]
    if (leaf.key in ("RSA", "DSA") and leaf.bits < RSA_BITS) or (leaf.key == "EC" and leaf.bits < CURVE_BITS):
        yield found("certificate-key-weak", about, leaf.shown, host=host, key=leaf.key, bits=leaf.bits)
    weak = [each for each in chain if each.digest in _WEAK_HASHES and not each.self_issued]
    if weak:
        yield found("certificate-signature-weak", about, *(each.shown for each in weak), host=host, digest=weak[0].digest)
