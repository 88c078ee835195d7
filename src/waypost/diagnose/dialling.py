"""Connecting with open eyes: when the network refuses, the ICMP message itself is read where the system keeps it. Knows no SMTP.

``connect`` gives one error for a host that cannot be reached and for a firewall that says so (EHOSTUNREACH); Linux keeps the message that
came (ip(7), IP_RECVERR). RFC 792, RFC 1812 section 5.2.7.1 (codes 9, 10 and 13: administratively prohibited), RFC 4443 section 3.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
import sys
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from waypost.net.connection import Connection
from waypost.net.dial import UnreachableError

if TYPE_CHECKING:
    from waypost.net.stream import ClientStream

_IP_RECVERR, _IPV6_RECVERR = 11, 25
"""Of linux/in.h and linux/in6.h; the socket module does not name them."""
_ICMP, _ICMP6 = 2, 3
"""Origins of a kept error (linux/errqueue.h)."""
_UNREACHABLE = {_ICMP: 3, _ICMP6: 1}
_PROHIBITED = {_ICMP: (9, 10, 13), _ICMP6: (1, 5, 6)}
_KEPT = struct.Struct("IBBBBII")
"""``struct sock_extended_err``: errno, origin, type, code, padding, info, data."""


class Withheld(StrEnum):
    """Why whoever runs the check does not let it connect; each is the key of a finding."""

    NOT_PUBLIC = "address-not-public"
    """Nobody on the internet can reach it, so nobody may through us."""
    OWN = "address-own-machine"
    """It is the machine on which the check runs, which looks different from inside."""
    NEVER = "address-kept-out"
    """The operator of the check keeps it out."""
    OFTEN = "address-asked-often"
    """It was asked by too many checks of late."""
    PORT = "port-not-asked"
    """Nothing of mail is expected there."""


class WithheldError(UnreachableError):
    """Not even tried: a dial function that judges addresses said no."""

    def __init__(self, why: Withheld, text: str) -> None:
        super().__init__(text)
        self.why = why


async def dial(address: str, port: int, *, seconds: float, source: str = "") -> ClientStream:
    """A connection to ``address`` (an IP address) within ``seconds``. Raises UnreachableError, whose cause is the system's error.

    ``source``: the address of this machine from which it comes; empty: as the system chooses.
    """
    loop = asyncio.get_running_loop()
    try:
        made = _socket(address, source)
    except OSError as error:  # no IPv6 at all, or no descriptor left
        raise UnreachableError(_named(error)) from error
    try:
        async with asyncio.timeout(seconds):
            await loop.sock_connect(made, (address, port))
            _keep_messages(made, wanted=False)
            _, connection = await loop.create_connection(lambda: Connection(loop), sock=made)
    except TimeoutError as error:
        made.close()
        raise UnreachableError(f"no connection within {seconds:g} seconds") from error
    except OSError as error:
        cause, sayer = _truer(error, made)
        made.close()
        raise UnreachableError(f"{_named(cause)}, says {sayer}" if sayer else _named(cause)) from cause
    except asyncio.CancelledError:
        made.close()
        raise
    return connection


def online() -> bool:
    """Whether this machine has a way to the internet at all: routes to addresses that are nobody's are looked up, and nothing is sent."""
    return any(_routed(family, address) for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")))


def _routed(family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as made:
            made.connect((address, 9))
    except OSError:
        return False
    return True


def _socket(address: str, source: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    if source:
        try:
            made.bind((source, 0))
        except OSError:
            made.close()
            raise
    _keep_messages(made, wanted=True)
    return made


def _keep_messages(made: socket.socket, *, wanted: bool) -> None:
    """Have the system keep ICMP messages, or no longer: once connected, a stray one must not end the conversation."""
    six = made.family == socket.AF_INET6
    with contextlib.suppress(OSError):  # another system than Linux: its own errors must do
        made.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, _IPV6_RECVERR if six else _IP_RECVERR, int(wanted))


def _truer(error: OSError, made: socket.socket) -> tuple[OSError, str]:
    """The error itself, or EACCES where the message that caused it says that a firewall prohibits; and who sent that message."""
    try:
        _, ancillary, _, _ = made.recvmsg(512, 512, getattr(socket, "MSG_ERRQUEUE", 0x2000))
    except OSError:  # nothing was kept
        return error, ""
    for _, _, octets in ancillary:
        if len(octets) >= _KEPT.size:
            _, origin, kind, code, _, _, _ = _KEPT.unpack_from(octets)
            sayer = _sayer(octets[_KEPT.size :]) if origin in _UNREACHABLE else ""
            if kind == _UNREACHABLE.get(origin) and code in _PROHIBITED[origin]:
                return OSError(errno.EACCES, "administratively prohibited"), sayer
            return error, sayer
    return error, ""


def _sayer(octets: bytes) -> str:
    """The address in a ``struct sockaddr_in`` or ``sockaddr_in6``; empty where there is none."""
    family = int.from_bytes(octets[:2], sys.byteorder)
    if family == socket.AF_INET and len(octets) >= 8:
        return str(IPv4Address(octets[4:8]))
    if family == socket.AF_INET6 and len(octets) >= 24:
        return str(IPv6Address(octets[8:24]))
    return ""


def _named(error: OSError) -> str:
    """In the system's words: asyncio's own name the address, which whoever dialled knows."""
    if error.errno == errno.EACCES:
        return "administratively prohibited"
    known = error.errno is not None and error.errno > 0  # those of getaddrinfo are below
    return (os.strerror(error.errno) if known and error.errno else error.strerror or str(error)).lower()
