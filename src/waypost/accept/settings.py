"""The settings of acceptance; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting
from waypost.smtp.terms import Role, TlsMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """``[[listeners]]``: where and how clients are listened to."""

    role: Annotated[Role, Setting(says="relay (port 25), submission (587, 465) or lmtp.", restart=True)]
    bind: Annotated[str, Setting(says="address:port, [IPv6]:port, or unix:/path for lmtp.", restart=True)]
    tls: Annotated[TlsMode, Setting(says="none, starttls (relay: offered; submission: needed for AUTH) or implicit.", restart=True)] = (
        TlsMode.NONE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """``[limits]``: what one session, client or message may ask of this server."""

    message_size: Annotated[
        int, Setting(says="Largest message, CRLFs counted (SIZE).", unit="octets", least=65_536, most=2_147_483_648)
    ] = 52_428_800
    recipients: Annotated[
        int,
        Setting(
            says="Recipients of one message; one more is answered 452 4.5.3.",
            unit="recipients",
            least=100,
            most=100_000,
        ),
    ] = 1000
    header_size: Annotated[int, Setting(says="Largest header section.", unit="octets", least=65_536, most=16_777_216)] = 262_144
    header_fields: Annotated[int, Setting(says="Header fields of one message.", unit="fields", least=100, most=100_000)] = 1000
    header_field_size: Annotated[int, Setting(says="Largest single header field.", unit="octets", least=1000, most=1_048_576)] = 65_536
    hops: Annotated[
        int,
        Setting(
            says="Received fields from which a message is taken to go in circles (5321#6.3).",
            unit="hops",
            least=10,
            most=1000,
        ),
    ] = 100
    command_line: Annotated[
        int, Setting(says="Longest command line before what extensions add.", unit="octets", least=512, most=16_384)
    ] = 512
    connections: Annotated[
        int,
        Setting(
            says="Connections in all, per host; 0: as many as file descriptors allow, less a reserve.",
            unit="connections",
            least=0,
            most=1_000_000,
        ),
    ] = 0
    client_connections: Annotated[
        int,
        Setting(says="Connections from one address at the same time, per host.", unit="connections", least=1, most=100_000),
    ] = 50
    network_connections: Annotated[
        int,
        Setting(
            says="Connections from one network (IPv4 /24, IPv6 /56) at the same time, per host.",
            unit="connections",
            least=1,
            most=100_000,
        ),
    ] = 150
    client_rate: Annotated[
        int,
        Setting(
            says="New connections from one address in a minute, per host.",
            unit="connections per minute",
            least=1,
            most=1_000_000,
        ),
    ] = 600
    session_messages: Annotated[int, Setting(says="Messages in one session.", unit="messages", least=1, most=1_000_000)] = 100
    soft_errors: Annotated[
        int,
        Setting(
            says="Errors after which each further one is answered a second later than the one before.",
            unit="errors",
            least=1,
            most=1000,
        ),
    ] = 5
    hard_errors: Annotated[int, Setting(says="Errors that end a session (421).", unit="errors", least=1, most=10_000)] = 15
    junk_commands: Annotated[
        int,
        Setting(
            says="Commands that carry no mail (NOOP, RSET, VRFY, HELP...) before one that does.",
            unit="commands",
            least=5,
            most=100_000,
        ),
    ] = 50
    auth_failures: Annotated[int, Setting(says="Failed AUTH in one session.", unit="failures", least=1, most=100)] = 3
    auth_network_failures: Annotated[
        int,
        Setting(
            says="Failed AUTH from one network (IPv4 /24, IPv6 /56) within ten minutes, per host; more from there is answered 421,"
            " but for accounts that were opened from there before.",
            unit="failures",
            least=1,
            most=1_000_000,
        ),
    ] = 10
    auth_account_failures: Annotated[
        int,
        Setting(
            says="Failed AUTH of one account within ten minutes, per host, from which each further try waits 1, 2, 4 ... 32 seconds,"
            " but for networks that opened it before. No account is ever locked.",
            unit="failures",
            least=1,
            most=1_000_000,
        ),
    ] = 10
    command_seconds: Annotated[int, Setting(says="Wait for a whole command line.", unit="seconds", least=1, most=3600)] = 300
    command_seconds_busy: Annotated[
        int,
        Setting(
            says="The same while more than four fifths of all connections are taken.",
            unit="seconds",
            least=1,
            most=3600,
        ),
    ] = 10
    session_seconds: Annotated[
        int,
        Setting(
            says="Longest session, plus the time its content needs at the lowest rate.",
            unit="seconds",
            least=60,
            most=86_400,
        ),
    ] = 1800
    content_rate: Annotated[
        int,
        Setting(
            says="Slowest content that is waited for, after the first half minute.",
            unit="octets per second",
            least=1,
            most=1_048_576,
        ),
    ] = 500
    handshake_seconds: Annotated[int, Setting(says="Wait for a TLS handshake.", unit="seconds", least=1, most=300)] = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSettings:
    """``[drop]``: mail that programs of this machine hand over by ``sendmail``."""

    everyone: Annotated[
        bool,
        Setting(
            says="Whether every account of this machine may hand over mail by sendmail, as programs expect; false: root and the server's"
            " own account alone. true lets others pass through the data directory (mode 711), and write into DATA/drop, without"
            " reading there."
        ),
    ] = False
    domain: Annotated[
        str,
        Setting(says="The domain of addresses that name none, such as root; empty: the hostname."),
    ] = ""
