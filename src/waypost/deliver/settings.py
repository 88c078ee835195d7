"""The settings of delivery; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings:
    """``[outbound]``: how next hops are spoken to."""

    connections: Annotated[
        int, Setting(says="Connections to all next hops together, per host.", unit="connections", least=1, most=10_000)
    ] = 500
    destination_connections: Annotated[
        int,
        Setting(
            says="Connections to one destination (a recipient domain or a named next hop), per host.",
            unit="connections",
            least=1,
            most=1000,
        ),
    ] = 20
    connection_messages: Annotated[
        int, Setting(says="Messages per connection before it is closed.", unit="messages", least=1, most=100_000)
    ] = 100
    reuse_seconds: Annotated[
        int,
        Setting(says="How long an idle connection is kept for the next message.", unit="seconds", least=0, most=300),
    ] = 5
    recipients: Annotated[int, Setting(says="Recipients per transaction.", unit="recipients", least=1, most=1000)] = 50
    hosts: Annotated[int, Setting(says="Exchangers tried in one attempt.", unit="hosts", least=1, most=50)] = 5
    addresses: Annotated[int, Setting(says="Addresses tried in one attempt.", unit="addresses", least=1, most=100)] = 10
    ipv6: Annotated[bool, Setting(says="Whether IPv6 addresses of next hops are used.")] = True
    connect_seconds: Annotated[int, Setting(says="Wait for a connection, per address.", unit="seconds", least=1, most=300)] = 30
    greeting_seconds: Annotated[int, Setting(says="Wait for the greeting (5321#4.5.3.2.1).", unit="seconds", least=1, most=3600)] = 300
    command_seconds: Annotated[int, Setting(says="Wait for the answers to EHLO, MAIL and RCPT.", unit="seconds", least=1, most=3600)] = 300
    data_seconds: Annotated[int, Setting(says="Wait for 354.", unit="seconds", least=1, most=3600)] = 120
    block_seconds: Annotated[int, Setting(says="Wait for each piece of content to be taken.", unit="seconds", least=1, most=3600)] = 180
    final_seconds: Annotated[int, Setting(says="Wait for the answer to the end of data.", unit="seconds", least=1, most=3600)] = 600
    quit_seconds: Annotated[int, Setting(says="Wait for 221; nothing depends on it.", unit="seconds", least=1, most=300)] = 5
    handshake_seconds: Annotated[int, Setting(says="Wait for a TLS handshake.", unit="seconds", least=1, most=300)] = 30
    chunking: Annotated[bool, Setting(says="Whether BDAT is used where offered.")] = True
