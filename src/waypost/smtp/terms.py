"""What a session offers and demands, fixed when it begins: made once per listener, shared by its sessions. Knows no configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a listener is for."""

    RELAY = "relay"
    """Port 25: mail from other servers, for our domains."""
    SUBMISSION = "submission"
    """Ports 587 and 465: mail from our users, for anywhere (RFC 6409)."""
    LMTP = "lmtp"
    """Local delivery with an answer per recipient (RFC 2033)."""


class TlsMode(StrEnum):
    """How a listener does TLS."""

    NONE = "none"
    """Never."""
    STARTTLS = "starttls"
    """Offered after EHLO (RFC 3207)."""
    IMPLICIT = "implicit"
    """From the first octet (RFC 8314)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a session."""

    hostname: str
    software: str = "Waypost"
    role: Role = Role.RELAY
    tls: TlsMode = TlsMode.NONE
    mechanisms: tuple[str, ...] = ()
    """AUTH mechanisms, in order of preference; empty: AUTH is not offered."""
    auth_required: bool = False
    """MAIL needs AUTH first (530 exempts AUTH EHLO HELO NOOP RSET QUIT STARTTLS HELP)."""
    auth_in_clear: bool = False
    """Mechanisms that show the password are taken without TLS (dev profile alone)."""
    tls_required: bool = False
    """Everything but EHLO HELO NOOP RSET QUIT STARTTLS HELP needs TLS first."""
    message_size: int = 52_428_800
    """Octets (SIZE)."""
    recipients: int = 1000
    """Per message."""
    command_line: int = 512
    """Octets with CRLF, before what extensions add (5321#4.5.3.1.4)."""
    swallow: int = 52_428_800
    """Octets of content read past message_size before 421 ends the session."""
    normalize: bool = False
    """Mend bare CR and bare LF in content instead of refusing them (clients in relay.networks that need it)."""
