"""Signing a message by DKIM: relaxed/relaxed, RSA or Ed25519 with SHA-256. Knows no DNS; the key's record is published elsewhere.

RFC 6376 sections 3.4 (canonicalization), 3.5 (the field) and 3.7 (what is hashed), RFC 8301 (keys), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from waypost.mail.header import end_of_header, fields

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNED = [
    "from",
    "sender",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "to",
    "cc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
]
"""Fields that are signed where they are there (6376#5.4.1)."""
_WEAKEST = 1024
"""Bits of an RSA key (8301#3.2)."""
_BLANKS = re.compile(rb"[ \t]+")
_LINE = 72


class KeyFileError(ValueError):
    """The key cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs."""

    key: RSAPrivateKey | Ed25519PrivateKey
    domain: str
    selector: str

    @property
    def algorithm(self) -> str:
        """As ``a=`` names it."""
        return "ed25519-sha256" if isinstance(self.key, Ed25519PrivateKey) else "rsa-sha256"

    def sign(self, message: bytes, *, wall: float, also: Sequence[str] = ()) -> bytes:
        """``message`` under its signature. ``also``: more names of fields to sign."""
        cut = end_of_header(message)
        head, body = (message[:cut], message[cut:]) if cut >= 0 else (message, b"")
        signed = covered(head, [*SIGNED, *also])
        names = ":".join(name.decode("ascii") for name, _ in signed)
        hashed = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode("ascii")
        tags = f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector}; t={int(wall)};"
        # From is named once more than it is there, so that nobody can add another (6376#8.15)
        unsigned = _folded(f"DKIM-Signature: {tags} h={names}:from; bh={hashed}; b=")
        covering = b"".join(relaxed_field(raw) for _, raw in signed) + relaxed_field(unsigned).removesuffix(b"\r\n")
        return unsigned.removesuffix(b"\r\n") + _wrapped(self._signature(covering)) + b"\r\n" + message

    def _signature(self, octets: bytes) -> bytes:
        digest = hashlib.sha256(octets).digest()
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(digest)  # 8463#3: the hash is signed, not the octets
        return self.key.sign(octets, padding.PKCS1v15(), hashes.SHA256())


def read_key(pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    """A private key in PEM. Raises KeyFileError."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise KeyFileError("it is no private key in PEM form without a passphrase") from fault
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _WEAKEST:
            raise KeyFileError(f"an RSA key of {key.key_size} bits is not accepted by anybody: make one of 2048")
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise KeyFileError("DKIM knows RSA and Ed25519 keys, and this is neither")


def covered(head: bytes, names: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """The fields of those names, each as it stands; of several of one name the lowest first (6376#5.4.2)."""
    wanted = list(dict.fromkeys(name.lower().encode("ascii") for name in names))
    there = list(fields(head))[::-1]
    return [(field.name, field.raw) for name in wanted for field in there if field.name == name]


def relaxed_field(raw: bytes) -> bytes:
    """6376#3.4.2."""
    name, _, value = raw.partition(b":")
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t") + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """6376#3.4.4."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _folded(field: str) -> bytes:
    """A field whose tags begin lines of their own; the list of fields is cut at its colons."""
    name, _, rest = field.partition(": ")
    lines = [f"{name}:"]
    for tag in rest.split("; "):
        word = tag if tag.startswith("b=") else f"{tag.removesuffix(';')};"
        for number, part in enumerate(re.findall(rf".{{1,{_LINE}}}(?::|$)", word) if word.startswith("h=") else [word]):
            if number or len(lines[-1]) + len(part) > _LINE:
                lines.append(f"\t{part}")
            else:
                lines[-1] += f" {part}"
    return "\r\n".join(lines).encode("ascii") + b"\r\n"


def _wrapped(signature: bytes) -> bytes:
    text = base64.b64encode(signature)
    return b"".join(b"\r\n\t" + text[start : start + _LINE] for start in range(0, len(text), _LINE))
