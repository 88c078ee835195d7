"""Passwords: how they are prepared, hashed and compared. Knows neither accounts nor files (RFC 8265 section 4.2, OpaqueString).

A password is prepared the same way when it is set and when it is checked: every Unicode space becomes a space, then NFC; case, width
and all else are kept. Empty ones, ones with control characters and ones of more than 1 KiB are refused before any work is done.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

LONGEST = 1024
"""Octets of a password in UTF-8: more is work that a stranger could make us do."""

_HASHER = PasswordHasher(type=Type.ID)


class PasswordError(ValueError):
    """A password that cannot be used; the text says why, never what it was."""


def prepare(password: str) -> bytes:
    """The octets that are hashed. Raises PasswordError."""
    if len(password) > LONGEST or len(password.encode("utf-8", "surrogatepass")) > LONGEST:
        raise PasswordError(f"a password has at most {LONGEST} octets")
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in password)
    prepared = unicodedata.normalize("NFC", spaced)
    if not prepared:
        raise PasswordError("a password cannot be empty")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in prepared):
        raise PasswordError("a password cannot hold control characters")
    return prepared.encode()


def hash_password(prepared: bytes) -> str:
    """An argon2id hash with the library's current parameters; about a tenth of a second and 64 MiB."""
    return _HASHER.hash(prepared)


def matches(hashed: str, prepared: bytes) -> bool:
    """Whether ``prepared`` has that hash; compared in constant time. A hash that cannot be read matches nothing."""
    try:
        return _HASHER.verify(hashed, prepared)
    except (VerificationError, InvalidHashError):
        return False
