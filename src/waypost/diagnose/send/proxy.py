"""The header by which a proxy tells a server who the client is: written, not read. PROXY protocol, versions 1 and 2 (HAProxy)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_VERSION_2 = 0x20
_PROXIED = 0x01
_FAMILY = {4: 0x10, 6: 0x20}
"""IPv4 and IPv6 in version 2."""
PROTOCOLS = {"UNSPEC": 0, "STREAM": 1, "DGRAM": 2}
"""Transports of version 2."""
FAMILIES = {"TCP4": 4, "TCP6": 6, "AF_INET": 4, "AF_INET6": 6, "INET": 4, "INET6": 6}
"""Names of families in both versions, and the version of IP."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """Both ends of the connection that a proxy stands in for."""

    source: str
    source_port: int
    dest: str
    dest_port: int

    @property
    def family(self) -> int:
        """4 or 6. Raises ProxyError."""
        return _family(self)


class ProxyError(ValueError):
    """The ends make no header; the text says why."""


def version_1(ends: Proxied) -> bytes:
    """The line that people can read. Raises ProxyError."""
    family = _family(ends)
    return f"PROXY TCP{family} {ends.source} {ends.dest} {ends.source_port} {ends.dest_port}\r\n".encode("ascii")


def freely(octets: bytes, *, version: int) -> bytes:
    """A header that holds ``octets``, whether they make sense or not."""
    return _SIGNATURE + octets if version == 2 else b"PROXY " + octets + b"\r\n"


def version_2(ends: Proxied | None, *, protocol: str = "STREAM") -> bytes:
    """The binary form; None: the proxy speaks for itself (LOCAL). Raises ProxyError."""
    if ends is None:
        return _SIGNATURE + bytes([_VERSION_2, 0, 0, 0])
    family = _family(ends)
    ports = ends.source_port.to_bytes(2, "big") + ends.dest_port.to_bytes(2, "big")
    block = ip_address(ends.source).packed + ip_address(ends.dest).packed + ports
    return _SIGNATURE + bytes([_VERSION_2 | _PROXIED, _FAMILY[family] | PROTOCOLS[protocol]]) + len(block).to_bytes(2, "big") + block


def _family(ends: Proxied) -> int:
    try:
        source, dest = ip_address(ends.source), ip_address(ends.dest)
    except ValueError as fault:
        raise ProxyError(f"{fault}: a PROXY header holds IP addresses") from fault
    if source.version != dest.version:
        raise ProxyError(f"{source} and {dest} are of different versions of IP")
    if not all(0 <= port < 65_536 for port in (ends.source_port, ends.dest_port)):
        raise ProxyError("ports go from 0 to 65535")
    return source.version
