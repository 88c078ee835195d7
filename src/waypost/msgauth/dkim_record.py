"""DKIM key records: what a selector publishes, or why no receiver can use it. Knows no DNS and verifies nothing.

RFC 6376 section 3.6.1 (the record), RFC 8301 (lengths and hashes), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from waypost.msgauth.tags import TagError, pairs

_BLANKS = re.compile(r"[ \t\r\n]+")
_RSA_ALONE = bytes.fromhex("300d06092a864886f70d0101010500")
"""The algorithm identifier of rsaEncryption, for keys that were published without it."""
_LONGEST = 8_192
"""Octets of a key that are looked at: longer ones make receivers work for whoever published them."""


class KeyRecordError(ValueError):
    """A record that is no key record; the text says why."""


class KeyDataError(KeyRecordError):
    """The record is one, and its ``p=`` holds no key of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What a selector publishes."""

    kind: str
    """``rsa``, ``ed25519``, or what receivers do not know."""
    bits: int
    """Of an RSA modulus; 256 for Ed25519; 0 where revoked or of an unknown kind."""
    revoked: bool = False
    hashes: tuple[str, ...] = ()
    """Empty: all."""
    services: tuple[str, ...] = ("*",)
    testing: bool = False
    strict: bool = False
    """``t=s``: no subdomain in ``i=``."""

    @property
    def for_mail(self) -> bool:
        """Whether it may sign mail."""
        return bool({"*", "email"} & set(self.services))


def parse(text: str) -> KeyRecord:
    """Read a record. Raises KeyRecordError."""
    try:
        tags = dict(pairs(text))
    except TagError as fault:
        raise KeyRecordError(str(fault)) from fault
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        raise KeyRecordError("v=DKIM1 stands first, or v= not at all")
    if "p" not in tags:
        raise KeyRecordError("there is no p=")
    kind = tags.get("k", "rsa").lower() or "rsa"
    flags = _list(tags.get("t", ""))
    return KeyRecord(
        kind=kind,
        bits=_bits(kind, tags["p"]),
        revoked=not tags["p"],
        hashes=_list(tags.get("h", "")),
        services=_list(tags.get("s", "*")) or ("*",),
        testing="y" in flags,
        strict="s" in flags,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(":") if part.strip())


def _bits(kind: str, text: str) -> int:
    if not text:
        return 0
    try:
        octets = base64.b64decode(_BLANKS.sub("", text), validate=True)
    except ValueError as fault:
        raise KeyDataError(f"p= is no base64: {fault}") from fault
    if len(octets) > _LONGEST:
        raise KeyDataError(f"p= holds {len(octets)} octets, which no key needs")
    match kind:
        case "rsa":
            return _rsa(octets)
        case "ed25519":
            if len(octets) != 32:
                raise KeyDataError(f"an Ed25519 key has 32 octets, not {len(octets)}")
            return 256
        case _:
            return 0


def _rsa(octets: bytes) -> int:
    for form in (octets, _with_identifier(octets)):  # RFC 6376 erratum 3017: some publish the bare RSAPublicKey
        try:
            key = load_der_public_key(form)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, RSAPublicKey):
            return key.key_size
        raise KeyDataError("p= holds a key that is no RSA key")
    raise KeyDataError("p= holds no RSA public key in DER")


def _with_identifier(octets: bytes) -> bytes:
    """A bare RSAPublicKey as SubjectPublicKeyInfo."""
    return _der(0x30, _RSA_ALONE + _der(0x03, b"\0" + octets))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content
