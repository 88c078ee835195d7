"""The settings of routing; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from waypost.setting import Setting


class Kind(StrEnum):
    """The kinds of transport."""

    SMTP = "smtp"
    """To hosts, or by MX."""
    LMTP = "lmtp"
    """To a mailbox server, with an answer per recipient."""
    MAILDIR = "maildir"
    """Into a Maildir on this machine."""
    CAPTURE = "capture"
    """Into the inbox of the dev profile."""
    HOLD = "hold"
    """Nowhere, until an operator releases it to another transport."""
    DISCARD = "discard"
    """Nowhere, for ever."""


class OutboundTls(StrEnum):
    """How a next hop is spoken to."""

    OPPORTUNISTIC = "opportunistic"
    """STARTTLS where offered, certificate not verified, in the clear where not."""
    REQUIRED = "required"
    """STARTTLS with a certificate that verifies for the host's name, or defer."""
    IMPLICIT = "implicit"
    """TLS from the first octet, certificate verified."""
    NONE = "none"
    """In the clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """``[[transports]]``: where mail goes; the first match wins, by recipient domain."""

    match: Annotated[
        str | tuple[str, ...],
        Setting(says="Recipient domains: a name, `.name` for it and everything below, or `*` for all (local domains too)."),
    ] = "*"
    kind: Annotated[Kind, Setting(says="smtp, lmtp, maildir, capture, hold or discard.")] = Kind.SMTP
    hosts: Annotated[
        tuple[str, ...],
        Setting(says="smtp, lmtp: next hops as host, host:port, [IPv6]:port or unix:/path (lmtp); tried in order. Absent for smtp: by MX."),
    ] = ()
    tls: Annotated[OutboundTls, Setting(says="smtp, lmtp: opportunistic, required, implicit or none.")] = OutboundTls.OPPORTUNISTIC
    username: Annotated[str | None, Setting(says="smtp: the name to authenticate with at the next hop (over TLS alone).")] = None
    password: Annotated[str | None, Setting(says="smtp: its password, as file:PATH or cred:NAME.", secret=True)] = None
    path: Annotated[
        str | None,
        Setting(says="maildir: the folder; {local_part} and {domain} stand for the recipient's.", path=True),
    ] = None
    ca: Annotated[
        str | None, Setting(says="smtp, lmtp: a PEM file of certificate authorities to trust instead of the system's.", path=True)
    ] = None
