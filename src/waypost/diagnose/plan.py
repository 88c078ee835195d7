"""What is to be checked, how far, and for how long: the target as it was given, options and limits. Knows no network.

RFC 5321 sections 2.3.11 (mailboxes), 4.1.3 (address literals) and 4.5.3.1 (sizes that a peer may use).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import format_mailbox, parse_domain, parse_mailbox

if TYPE_CHECKING:
    from pathlib import Path

SMTP, SUBMISSIONS, SUBMISSION, ALTERNATE, LMTP = 25, 465, 587, 2525, 24
PORTS = (SMTP, SUBMISSIONS, SUBMISSION, ALTERNATE, LMTP)
"""Where mail servers listen; each is tried where no port was given."""
LOCAL = (1025, 1587)
"""Where servers for development listen, ours among them: tried too on this machine itself, where nobody minds."""

_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]+):([0-9]{1,5})")

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>\[[^\]]*\]|[^/:?#\s]+)(?::(?P<port>[0-9]+))?(?:[/?#].*)?")
_SCHEMES = {"smtp": 0, "smtps": SUBMISSIONS, "submissions": SUBMISSIONS, "submission": SUBMISSION, "lmtp": LMTP}
"""Schemes that mean a mail server, and their ports; 0: the ports that are tried of any host."""


class TargetError(ValueError):
    """What was given names nothing that could be checked; the text says why."""


class Given(StrEnum):
    """What the target was given as."""

    ADDRESS = "address"
    """An IP address."""
    NAME = "name"
    """A host or a domain: the DNS tells which."""
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to check."""

    text: str
    """As it was given."""
    given: Given
    name: str
    """The domain or host in A-labels, lower case, or the IP address."""
    mailbox: str = ""
    """Of a mailbox its whole address, the domain in A-labels."""
    port: int | None = None
    """The one port to try, of this host alone; None: those of its exchangers, or all of ``PORTS``."""


def target(text: str, *, port: int | None = None) -> Target:
    """Read ``mx.example.org``, ``example.org:587``, ``192.0.2.1``, ``[2001:db8::1]:25``, ``ada@example.org`` or ``smtp://...``.

    Raises TargetError.
    """
    given = _pasted(text)
    if "@" in given:
        return _mailbox(given, port)
    found = _HOST_PORT.fullmatch(given)
    host = given
    if found is not None:
        host, named = found[1], int(found[2])
        if port is not None and port != named:
            raise TargetError(f"{given} names port {named}, and --port names {port}: give one of them")
        port = named
    if port is not None and not 0 < port < 65_536:
        raise TargetError(f"{port} is no port: ports go from 1 to 65535")
    bare = host.removeprefix("[").removesuffix("]").removeprefix("IPv6:")
    try:
        address = ip_address(bare)
    except ValueError:
        return Target(text=text.strip(), given=Given.NAME, name=_domain(host), port=port)
    if address.is_unspecified or address.is_multicast:
        raise TargetError(f"{bare} is the address of no single machine")
    return Target(text=text.strip(), given=Given.ADDRESS, name=str(address), port=port)


def _pasted(text: str) -> str:
    """What is meant by a URL, or by an address with a name before it; anything else as it is. Raises TargetError."""
    given = text.strip()
    if not given:
        raise TargetError("nothing to check was given: a host, a domain, an IP address or a mailbox")
    if given.lower().startswith("mailto:"):
        return given[7:].partition("?")[0]
    if "@" in given and "<" in given and given.endswith(">"):
        return given.rpartition("<")[2].removesuffix(">")
    found = _URL.fullmatch(given)
    if found is None:
        return given
    port = _SCHEMES.get(found["scheme"].lower())
    if port is None:
        raise TargetError(f"{given} is a URL of something else: give the host alone, {found['host']}")
    return f"{found['host']}:{found['port'] or port}" if found["port"] or port else found["host"]


def _domain(text: str) -> str:
    host, blank, rest = text.partition(" ")
    if blank and rest.strip().isdigit():
        raise TargetError(f"{text!r}: write {host}:{rest.strip()}")
    host, colon, rest = text.partition(":")
    if colon and host and not rest.isdigit():
        raise TargetError(f"{text!r}: behind the colon stands the number of a port, such as {host}:25, and an IPv6 address is [::1]:25")
    if text.rstrip(".").rpartition(".")[2].isdigit():
        raise TargetError(f"{text!r} is no IP address, which has four numbers from 0 to 255, and no name, which ends with letters")
    try:
        return parse_domain(text)
    except AddressError as fault:
        raise TargetError(f"{text!r} is no host, domain, IP address or mailbox: {fault}") from fault


def _mailbox(text: str, port: int | None) -> Target:
    bare = text.removeprefix("<").removesuffix(">").removesuffix(".")
    try:
        parsed = parse_mailbox(bare)
    except AddressError as fault:
        raise TargetError(f"{text!r} is no mailbox: {fault}") from fault
    if parsed.domain.startswith("["):
        literal = parsed.domain[1:-1].removeprefix("IPv6:")
        return Target(text=text, given=Given.MAILBOX, name=literal, mailbox=bare, port=port)
    mailbox = format_mailbox(parsed.local_part, parsed.domain)
    return Target(text=text, given=Given.MAILBOX, name=parsed.domain, mailbox=mailbox, port=port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How far a check goes."""

    hostname: str = ""
    """What we call ourselves in EHLO; empty: by the address from which we speak, as a literal, which nobody can call wrong."""
    sender: str | None = None
    """The envelope sender of the mailbox probe; None: the null reverse-path."""
    account: str | None = None
    """Who to log in as; None: no login is tried."""
    password: str = field(default="", repr=False)
    intrusive: bool = False
    """Whether probes that a stranger would resent may run, on ``own`` alone."""
    own: frozenset[str] = frozenset()
    """Hosts that the caller names as his own: names and addresses, lower case."""
    selectors: tuple[str, ...] = ()
    """DKIM selectors to look for, beside common ones."""
    authorities: Path | None = None
    """Certificates of authorities to believe, in PEM; None: those of the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one check: seconds, numbers and octets."""

    dns: float = 3.0
    connect: float = 5.0
    greeting: float = 10.0
    reply: float = 5.0
    """Seconds for each reply behind the greeting."""
    mistake: float = 9.0
    """Seconds for the reply to a command that a server may take for a mistake, and punish by letting one wait (Courier: 8)."""
    late: float = 3.0
    """Seconds from which on such a reply is a punishment: nothing more of the kind is said then."""
    suspicion: float = 1.5
    """Seconds of silence from which on other protocols are thought of."""
    whole: float = 14.5
    """Seconds of the whole check: what is still under way then is cut short."""
    hosts: int = 5
    """Exchangers that are tried, the best first."""
    addresses: int = 8
    """Addresses that are tried in all."""
    talks: int = 6
    """Servers (address and port) that are talked to at length."""
    reply_octets: int = 65_536
    reply_lines: int = 100
