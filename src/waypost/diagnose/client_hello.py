"""Hellos of TLS made by hand, for versions and ciphers that no library speaks any more, and what a server answers. Knows no network.

RFC 5246 section 7.4.1 (hellos) and 7.2 (alerts), RFC 6066 section 3 (server_name), RFC 8422 (groups). Nothing is ever encrypted here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeAlias

TLS_1_0, TLS_1_1, TLS_1_2 = 0x0301, 0x0302, 0x0303
VERSIONS = {0x0300: "SSLv3", TLS_1_0: "TLSv1.0", TLS_1_1: "TLSv1.1", TLS_1_2: "TLSv1.2", 0x0304: "TLSv1.3"}

OLD = (
    *(0xC014, 0xC013, 0xC00A, 0xC009, 0x0039, 0x0033, 0x0035, 0x002F, 0x0088, 0x0045, 0x0084, 0x0041, 0xC012, 0x0016, 0x000A),
    *(0xC011, 0x0005, 0x0004),
)
"""Ciphers that versions before 1.2 have."""
WEAK = {
    0x0001: "RSA-NULL-MD5",
    0x0002: "RSA-NULL-SHA",
    0x003B: "RSA-NULL-SHA256",
    0xC010: "ECDHE-RSA-NULL-SHA",
    0xC006: "ECDHE-ECDSA-NULL-SHA",
    0x0003: "EXP-RC4-MD5",
    0x0006: "EXP-RC2-CBC-MD5",
    0x0008: "EXP-DES-CBC-SHA",
    0x0014: "EXP-DHE-RSA-DES-CBC-SHA",
    0x0004: "RC4-MD5",
    0x0005: "RC4-SHA",
    0xC007: "ECDHE-ECDSA-RC4-SHA",
    0xC011: "ECDHE-RSA-RC4-SHA",
    0x0009: "DES-CBC-SHA",
    0x0015: "DHE-RSA-DES-CBC-SHA",
    0x000A: "DES-CBC3-SHA",
    0x0016: "DHE-RSA-DES-CBC3-SHA",
    0xC012: "ECDHE-RSA-DES-CBC3-SHA",
    0xC008: "ECDHE-ECDSA-DES-CBC3-SHA",
}
"""Ciphers that hide nothing, or not for long: none, export, RC4, DES, triple DES (RFC 7465, RFC 9325 section 4.1)."""

_HANDSHAKE, _ALERT, _SERVER_HELLO = 22, 21, 2
_GROUPS = (29, 23, 24, 25)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0101)


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server goes along with this."""

    version: int
    cipher: int

    @property
    def shown(self) -> str:
        """``TLSv1.0 0x002f``."""
        return f"{VERSIONS.get(self.version, hex(self.version))} {WEAK.get(self.cipher, f'0x{self.cipher:04x}')}"


@dataclass(frozen=True, slots=True)
class Alert:
    """The server does not, and says why by number."""

    number: int


@dataclass(frozen=True, slots=True)
class Other:
    """What it said is no TLS."""


Answer: TypeAlias = ServerHello | Alert | Other


def client_hello(name: str | None, *, newest: int, ciphers: tuple[int, ...], random: bytes) -> bytes:
    """A hello of ``newest`` at most; ``random`` is 32 octets."""
    extensions = _server_name(name) if name else b""
    extensions += _extension(10, _list(_GROUPS)) + _extension(11, b"\x01\x00")
    if newest >= TLS_1_2:
        extensions += _extension(13, _list(_SIGNATURES))
    body = struct.pack("!H", newest) + random + b"\x00" + _list(ciphers) + b"\x01\x00" + struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", _HANDSHAKE, TLS_1_0, len(message)) + message


def answer(octets: bytes) -> Answer | None:
    """What a server answered; None while more is needed."""
    if not octets:
        return None
    if octets[0] not in (_HANDSHAKE, _ALERT):
        return Other()
    if len(octets) < 5:
        return None
    kind, _, length = struct.unpack_from("!BHH", octets)
    record = octets[5 : 5 + length]
    if kind == _ALERT:
        return Alert(record[1]) if len(record) >= 2 else None
    return _server_hello(record, whole=len(record) == length)


def _server_hello(record: bytes, *, whole: bool) -> Answer | None:
    """Version and cipher: they stand before and behind the session's identifier."""
    if len(record) >= 39:
        behind = 39 + record[38]
        if record[0] != _SERVER_HELLO:
            return Other()
        if len(record) >= behind + 2:
            return ServerHello(int.from_bytes(record[4:6], "big"), int.from_bytes(record[behind : behind + 2], "big"))
    return Other() if whole else None


def _server_name(name: str) -> bytes:
    octets = name.encode("ascii", "ignore")
    entry = b"\x00" + struct.pack("!H", len(octets)) + octets
    return _extension(0, struct.pack("!H", len(entry)) + entry)


def _extension(kind: int, content: bytes) -> bytes:
    return struct.pack("!HH", kind, len(content)) + content


def _list(numbers: tuple[int, ...]) -> bytes:
    return struct.pack(f"!H{len(numbers)}H", 2 * len(numbers), *numbers)
