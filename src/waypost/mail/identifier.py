"""Identifiers of messages and sessions: UUIDv7 (RFC 9562 section 5.7) as 26 characters of Crockford base32, sortable by time."""

from __future__ import annotations

import os
import re

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHAPE = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new(wall: float) -> str:
    """A fresh identifier for the moment ``wall`` (seconds since the epoch)."""
    stamp = int(wall * 1000) & 0xFFFFFFFFFFFF
    noise = int.from_bytes(os.urandom(10), "big")
    value = stamp << 80 | 0x7 << 76 | (noise >> 68) << 64 | 0b10 << 62 | (noise & 0x3FFFFFFFFFFFFFFF)
    pairs = _PAIRS
    return "".join([pairs[value >> shift & 1023] for shift in range(120, -1, -10)])


def is_identifier(text: str) -> bool:
    """Whether ``text`` has the shape of an identifier; asked wherever one comes from outside."""
    return _SHAPE.fullmatch(text) is not None


def moment(identifier: str) -> float:
    """The wall-clock seconds at which ``identifier`` was made."""
    value = 0
    for character in identifier:
        value = value << 5 | _ALPHABET.index(character)
    return (value >> 80) / 1000
