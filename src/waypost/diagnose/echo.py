"""One ping, to tell a machine that is off from one whose firewall drops mail. Knows no SMTP and no port.

RFC 792 and RFC 4443 section 4 (echo). Datagram sockets of ICMP need no privilege where the system allows them (icmp(7), ping_group_range).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

_REQUEST, _REPLY = b"\x08\x00", b"\x00\x00"
_REQUEST6, _REPLY6 = b"\x80\x00", b"\x81\x00"
"""Type and code."""
_REST = b"\x00\x00" + b"\x00\x00" + b"\x00\x01" + b"waypost check"
"""Checksum and identifier, which the system fills in; sequence; a word to whoever watches."""


async def echo(address: str, *, seconds: float) -> bool | None:
    """Whether ``address`` answers a ping within ``seconds``; None where the system lets us send none. Never raises."""
    six = ":" in address
    try:
        made = socket.socket(
            socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
        )
    except OSError:  # not allowed here
        return None
    with contextlib.closing(made):
        made.setblocking(False)
        return await _asked(made, address, (_REQUEST6 if six else _REQUEST) + _REST, _REPLY6 if six else _REPLY, seconds)


async def _asked(made: socket.socket, address: str, request: bytes, reply: bytes, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            made.connect((address, 0))  # at once: nothing is sent by it
            await loop.sock_sendall(made, request)
            while not (await loop.sock_recv(made, 256)).startswith(reply):
                pass
    except OSError:  # TimeoutError among them: nobody answered, or a router said that nobody can
        return False
    return True
