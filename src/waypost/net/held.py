"""Who listens where on this machine, as the kernel tells (Linux, proc(5)), and which addresses are its own. Knows no configuration.

Sockets are public; which process holds one is told to root and to that process's own account alone.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.net.listen import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROC = Path("/proc")
_LISTENS = "0A"
"""The state of a socket that listens (TCP_LISTEN)."""
_ACCEPTS = 0x10000
"""The flag of a UNIX socket that listens (__SO_ACCEPTCON)."""
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds a socket."""

    number: int
    name: str
    parent: int
    """That which started it, 0 where it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One listening socket."""

    place: Place
    account: int
    """The user id that opened it; -1 where the kernel does not tell."""
    processes: tuple[Process, ...] = ()
    """Empty where they may not be seen."""


def listening(proc: Path = PROC) -> tuple[Held, ...] | None:
    """Every listening socket; None where the system does not tell."""
    try:
        found = [*_tcp(proc / "net/tcp"), *_tcp(proc / "net/tcp6"), *_unix(proc / "net/unix")]
    except OSError:
        return None
    holders = _holders(proc, {inode for inode, _, _ in found})
    return tuple(Held(place=place, account=account, processes=tuple(holders.get(inode, ()))) for inode, place, account in found)


def here(address: str) -> bool:
    """Whether an IP address is one of this machine's."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _tcp(table: Path) -> Iterator[tuple[str, Place, int]]:
    """Inode, place and account of each row; a system without IPv6 has no table for it."""
    if table.name == "tcp6" and not table.exists():
        return
    for row in table.read_text("ascii").splitlines()[1:]:
        fields = row.split()
        if len(fields) > 9 and fields[3] == _LISTENS:
            address, _, port = fields[1].partition(":")
            yield fields[9], Place(address=_address(address), port=int(port, 16)), int(fields[7])


def _address(digits: str) -> str:
    """The kernel writes each 32 bits as a number of this machine's own order."""
    words = [int(digits[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), 8)]
    octets = b"".join(words)
    return socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets)


def _unix(table: Path) -> Iterator[tuple[str, Place, int]]:
    for row in table.read_text("utf-8", "replace").splitlines()[1:]:
        fields = row.split(maxsplit=7)
        if len(fields) == 8 and int(fields[3], 16) & _ACCEPTS and fields[7].startswith("/"):
            yield fields[6], Place(path=fields[7]), -1


def _holders(proc: Path, inodes: set[str]) -> Mapping[str, list[Process]]:
    """The processes behind inodes, of those that may be looked at."""
    found: dict[str, list[Process]] = {}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        held = {inode for inode in _open_sockets(folder) if inode in inodes}
        if held:
            process = _process(folder)
            for inode in held:
                found.setdefault(inode, []).append(process)
    return {inode: sorted(processes, key=lambda each: each.number) for inode, processes in found.items()}


def _open_sockets(folder: Path) -> Iterator[str]:
    try:
        names = os.listdir(folder / "fd")  # noqa: PTH208 - a process may have thousands, and their names alone are wanted
    except OSError:  # not ours to see, or gone
        return
    for name in names:
        try:
            target = _SOCKET.fullmatch(os.readlink(folder / "fd" / name))  # noqa: PTH115 - no path, a word of the kernel's
        except OSError:
            continue
        if target is not None:
            yield target[1]


def _process(folder: Path) -> Process:
    number = int(folder.name)
    try:
        name = (folder / "comm").read_text("utf-8", "replace").strip()
        status = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()  # the name before it may hold anything
    except OSError:  # it ended this moment
        return Process(number, "", 0)
    return Process(number, name, int(status[1]))


def outward(family: int) -> str:
    """The address from which this machine speaks to the internet by IPv4 (4) or IPv6 (6); empty where it has no way there.

    Nothing is sent: the kernel is asked which way it would take.
    """
    six = family == 6
    try:
        with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("2001:db8::1" if six else "192.0.2.1", 25))
            return str(probe.getsockname()[0])
    except OSError:
        return ""
