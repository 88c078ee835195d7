"""Where a session by hand goes, and who speaks: the options that other options depend on. Reads files; speaks to no server."""

from __future__ import annotations

import re
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.send_swaks import PROTOCOLS
from waypost.diagnose.send.way import Given

if TYPE_CHECKING:
    import argparse

_SERVER = re.compile(r"(\[[^\[\]\s]+\]|[^\[\]:/\s]+):([0-9a-z-]{1,32})")
_SLASHED = re.compile(r"(\[[^\[\]\s]+\]|[^\[\]/\s]+)/([0-9a-z-]{1,32})")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([rn0t\\]))")
_LETTERS = {"r": b"\r", "n": b"\n", "0": b"\0", "t": b"\t", "\\": b"\\"}


def port(args: argparse.Namespace) -> int:
    """Where the server listens."""
    named = server_named(args)[1]
    if args.port is None and named is None:
        return 465 if args.tls == "implicit" else protocol(args)[2]
    return port_number(named or str(args.port))


def port_number(text: str) -> int:
    """A port by number or by the name of its service. Raises UsageError."""
    try:
        chosen = int(text) if text.isascii() and text.isdigit() else socket.getservbyname(text, "tcp")
    except OSError as fault:
        raise UsageError(f"{text} is no port, and no service that this machine knows") from fault
    if not 0 < chosen < 65_536:
        raise UsageError(f"{chosen} is no port: ports go from 1 to 65535")
    return chosen


def given(args: argparse.Namespace) -> Given:
    """Where the session goes. Raises UsageError."""
    recipients = addresses(args)
    if sum(bool(way) for way in (args.socket, args.pipe, args.server)) > 1:
        raise UsageError("--server, --socket and --pipe exclude each other")
    if args.socket or args.pipe:
        return Given(socket=args.socket or "", program=_command(args.pipe or ""))
    if args.copy_routing and not args.server:
        return Given(domain=args.copy_routing, port=port(args), family=args.family, local=_local(args))
    server = server_named(args)[0]
    if not server and not recipients:
        raise UsageError("say where to send it: --server HOST, or --to an address whose domain tells (see `waypost send --help`)")
    domain = recipients[-1].rpartition("@")[2] if recipients else ""
    if not server and not domain:
        raise UsageError(f"{recipients[-1]} has no domain: say where to send it with --server")
    return Given(server=server, domain=domain, port=port(args), family=args.family, local=_local(args))


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as fault:
        raise UsageError(f"--pipe {text}: {fault}") from fault
    if text and not words:
        raise UsageError("--pipe needs a command")
    return text


def _local(args: argparse.Namespace) -> tuple[str, int] | None:
    """Where to connect from. Raises UsageError."""
    if args.local_interface is None and args.local_port is None:
        return None
    host, named = host_and_port(args.local_interface or "")
    wanted = args.local_port or named
    return host, port_number(wanted) if wanted else 0


def protocol(args: argparse.Namespace) -> tuple[str, str, int, bool]:
    """Which hello, which TLS, which port, and whether to log in. Raises UsageError."""
    row = PROTOCOLS.get(args.protocol.upper())
    if row is None:
        raise UsageError(f"--protocol {args.protocol} is none of {', '.join(PROTOCOLS)}")
    return row


def server_named(args: argparse.Namespace) -> tuple[str, str | None]:
    """Host and port of ``--server``."""
    return host_and_port((args.server or "").strip())


def host_and_port(text: str) -> tuple[str, str | None]:
    """``host:25``, ``[2001:db8::1]:25``, and swaks' ``host/25``; the port as it was written. Raises UsageError."""
    found = _SERVER.fullmatch(text) or _SLASHED.fullmatch(text)
    host, named = (found[1], found[2]) if found else (text, None)
    return one_line(host.removeprefix("[").removesuffix("]"), "--server"), named


def one_line(text: str, option: str) -> str:
    """``text``, which may not begin another command. Raises UsageError."""
    if any(letter in text for letter in "\r\n\0"):
        raise UsageError(f"{option} holds a line end, which would begin another command: use --raw for that")
    if any("\ud800" <= letter <= "\udfff" for letter in text):  # so Python has octets of a command line that are none
        raise UsageError(f"{option} is no UTF-8: use --raw for that")
    return text


def addresses(args: argparse.Namespace) -> tuple[str, ...]:
    """The recipients."""
    found = [each.strip().removeprefix("<").removesuffix(">") for text in args.to for each in text.split(",")]
    return tuple(one_line(each, "--to") for each in found if each)


def hello(args: argparse.Namespace) -> str:
    """Our name."""
    if args.hello:
        return one_line(args.hello, "--ehlo")
    name = socket.gethostname()
    return name if "." in name else socket.getfqdn(name)


def content(text: str) -> tuple[bytes, str]:
    """What ``TEXT``, ``@FILE`` or ``-`` stands for, and the file's name. Raises FailureError."""
    if text == "-":
        return sys.stdin.buffer.read(), ""
    if text.startswith("@") and not text.startswith("@@"):
        try:
            return Path(text[1:]).read_bytes(), Path(text[1:]).name
        except OSError as fault:
            raise FailureError(f"{text[1:]}: {fault.strerror or fault}", Exit.NO_INPUT) from fault
    return text.removeprefix("@").replace("\\n", "\n").encode("utf-8", "surrogateescape"), ""


def unescaped(text: str) -> bytes:
    r"""``\xNN``, ``\r``, ``\n``, ``\t``, ``\0`` and ``\\`` as what they stand for; octets that are no UTF-8 as they came."""
    out, at = b"", 0
    for found in _ESCAPE.finditer(text):
        out += text[at : found.start()].encode("utf-8", "surrogateescape") + (
            bytes([int(found[1], 16)]) if found[1] else _LETTERS[found[2]]
        )
        at = found.end()
    return out + text[at:].encode("utf-8", "surrogateescape")
