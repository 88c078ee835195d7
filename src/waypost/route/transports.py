"""Transports as they are used: settings read once into values, with their hosts and matches understood. Knows no DNS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.net.dns import is_address
from waypost.route.settings import Kind, OutboundTls
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_domain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.route.settings import TransportSettings

_NETWORK = frozenset({Kind.SMTP, Kind.LMTP})
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:\s/]+))(?::([0-9]{1,5}))?")
_PORTS = {Kind.SMTP: 25, Kind.LMTP: 24}


class TransportError(ValueError):
    """A transport that cannot work; the text names the setting and says what to write instead."""


@dataclass(frozen=True, slots=True)
class NextHop:
    """One configured next hop."""

    host: str
    """A name, an IP address, or the path of a UNIX socket."""
    port: int
    """0: a UNIX socket."""

    def __str__(self) -> str:
        if not self.port:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """One way out."""

    name: str
    """For outcomes and logs: its kind, and its hosts if it has any."""
    kind: Kind
    match: tuple[str, ...]
    """Lower-case A-labels: ``name``, ``.name`` (it and all below it) or ``*``."""
    hosts: tuple[NextHop, ...] = ()
    tls: OutboundTls = OutboundTls.OPPORTUNISTIC
    username: str | None = None
    password: str = ""
    path: str = ""
    ca: str | None = None

    def takes(self, domain: str) -> bool:
        """Whether recipients at ``domain`` (lower-case A-labels) go this way."""
        return any(matches(pattern, domain) for pattern in self.match)


def matches(pattern: str, domain: str) -> bool:
    """``*`` matches all, ``.name`` that name and everything below it, ``name`` itself alone."""
    return pattern in ("*", domain) or (pattern[:1] == "." and (domain == pattern[1:] or domain.endswith(pattern)))


def read_transports(settings: Sequence[TransportSettings]) -> tuple[Transport, ...]:
    """All transports, in order. Raises TransportError for the first that cannot work."""
    return tuple(read_transport(setting, f"transports[{number}]") for number, setting in enumerate(settings))


def read_transport(setting: TransportSettings, where: str) -> Transport:
    """One transport; ``where`` names it in errors. Raises TransportError."""
    kind = setting.kind
    hosts = tuple(_next_hop(text, kind, f"{where}.hosts") for text in setting.hosts)
    _check(setting, where)
    patterns = (setting.match,) if isinstance(setting.match, str) else setting.match
    if not patterns:
        raise TransportError(f"{where}.match is empty: write a domain, .domain or *")
    return Transport(
        name=f"{kind}:{','.join(map(str, hosts))}" if hosts else str(kind),
        kind=kind,
        match=tuple(_pattern(text, f"{where}.match") for text in patterns),
        hosts=hosts,
        tls=setting.tls,
        username=setting.username,
        password=setting.password or "",
        path=setting.path or "",
        ca=setting.ca,
    )


def _check(setting: TransportSettings, where: str) -> None:
    """What one setting demands of another."""
    kind = setting.kind
    if setting.hosts and kind not in _NETWORK:
        raise TransportError(f"{where}.hosts has no meaning for kind {kind}: remove it")
    if kind is Kind.LMTP and not setting.hosts:
        raise TransportError(f"{where}.hosts is needed for kind lmtp: MX records never lead to LMTP")  # 2033#5
    if kind is Kind.MAILDIR and not setting.path:
        raise TransportError(f"{where}.path is needed for kind maildir: write the folder, with {{local_part}} and {{domain}}")
    if (setting.username is None) != (setting.password is None):
        raise TransportError(f"{where}: username and password go together: give both or neither")
    if setting.username is not None and (kind is not Kind.SMTP or not setting.hosts):
        raise TransportError(f"{where}.username needs kind smtp with hosts: a password is not for whoever the DNS names")
    if setting.username is not None and setting.tls is OutboundTls.NONE:
        raise TransportError(f"{where}.tls is none, and a password is never sent in the clear: write required or implicit")
    if setting.tls is OutboundTls.IMPLICIT and not setting.hosts and kind is Kind.SMTP:
        raise TransportError(f"{where}.tls = implicit needs hosts: exchangers found by MX do not speak it")


def _pattern(text: str, where: str) -> str:
    if text == "*":
        return text
    dot, name = ("." if text.startswith(".") else ""), text.removeprefix(".")
    if name.startswith("[") and not dot:
        return name
    try:
        return dot + parse_domain(name)
    except AddressError as error:
        raise TransportError(f"{where} has {text!r}, which is no domain: {error}") from error


def _next_hop(text: str, kind: Kind, where: str) -> NextHop:
    """``host``, ``host:port``, ``[address]:port``, a bare IPv6 address, or ``unix:/path`` for LMTP."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if kind is not Kind.LMTP or not path.startswith("/"):
            raise TransportError(f"{where} has {text!r}: a UNIX socket is for kind lmtp alone, as unix:/path")
        return NextHop(path, 0)
    if text.count(":") > 1 and is_address(text):
        return NextHop(text, _PORTS.get(kind, 25))
    found = _HOST.fullmatch(text)
    if found is None or (found[1] and not is_address(found[1])):
        raise TransportError(f"{where} has {text!r}: write host, host:port or [address]:port")
    port = int(found[3]) if found[3] else _PORTS.get(kind, 25)
    if not 0 < port < 65_536:
        raise TransportError(f"{where} has {text!r}: a port is a number from 1 to 65535")
    return NextHop((found[1] or found[2]).lower(), port)
