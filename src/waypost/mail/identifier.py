"""Identifiers of messages and sessions: UUIDv7 (RFC 9562 section 5.7) as 26 characters of Crockford base32, sortable by time."""

from __future__ import annotations

import os
import re
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHAPE = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


_RANDOM = 0x3FFF_FFFF_FFFF_FFFF
_VARIANT = 0x8000_0000_0000_0000
"""The lower 64 bits: variant 10, then 62 random ones."""
_VERSION = 0x7000
"""The 16 bits above them: version 7, then the moment within its millisecond."""


def new(wall: float) -> str:
    """A fresh identifier for the moment ``wall`` (seconds since the epoch).

    What stands behind the milliseconds is the fraction of theirs, in 4096 parts (9562#6.2, method 3), so that identifiers sort as they
    were made within a millisecond too, as far as the clock tells moments apart.
    """
    milliseconds = wall * 1000
    whole = int(milliseconds)
    pairs = _PAIRS
    low = (_VERSION | int((milliseconds - whole) * 4096)) << 64 | _VARIANT | int.from_bytes(os.urandom(8), "big") & _RANDOM
    return (
        f"{_stamp(whole)}{pairs[low >> 70]}{pairs[low >> 60 & 1023]}{pairs[low >> 50 & 1023]}{pairs[low >> 40 & 1023]}"
        f"{pairs[low >> 30 & 1023]}{pairs[low >> 20 & 1023]}{pairs[low >> 10 & 1023]}{pairs[low & 1023]}"
    )


@lru_cache(maxsize=1)
def _stamp(milliseconds: int) -> str:
    """The first ten characters: the moment, which many identifiers share."""
    value = milliseconds & 0xFFFF_FFFF_FFFF
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(40, -1, -10)])


def is_identifier(text: str) -> bool:
    """Whether ``text`` has the shape of an identifier; asked wherever one comes from outside."""
    return _SHAPE.fullmatch(text) is not None


def moment(identifier: str) -> float:
    """The wall-clock seconds at which ``identifier`` was made."""
    value = 0
    for character in identifier:
        value = value << 5 | _ALPHABET.index(character)
    return (value >> 80) / 1000
