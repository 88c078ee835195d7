"""The whole configuration as one value: the settings of the process, and each room's own. Knows no file format and no server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from waypost.accept.settings import DropSettings, LimitSettings, ListenerSettings
from waypost.deliver.settings import OutboundSettings
from waypost.directory.settings import AuthSettings, DomainSettings
from waypost.history.settings import HistorySettings
from waypost.inbox.settings import InboxSettings
from waypost.net.settings import DnsSettings
from waypost.observe.settings import LogSettings
from waypost.policy.settings import RelaySettings
from waypost.report.settings import NoticeSettings
from waypost.route.settings import TransportSettings  # noqa: TC001 - the reader resolves annotations at run time
from waypost.setting import Setting
from waypost.spool.settings import QueueSettings
from waypost.web.settings import WebSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """``[tls]``: what listeners show to clients. Both files are read anew at each reload."""

    certificate: Annotated[Path | None, Setting(says="PEM file with the certificate and those that lead to its authority.", path=True)] = (
        None
    )
    key: Annotated[Path | None, Setting(says="PEM file with the certificate's private key, without a passphrase.", path=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set."""

    hostname: Annotated[
        str,
        Setting(says="The name in the greeting, in EHLO and in trace fields: a full domain name. Absent: the machine's own."),
    ] = ""
    data: Annotated[Path, Setting(says="The folder of spool, inbox, accounts and keys.", path=True, restart=True)] = field(
        default_factory=lambda: Path("/var/lib/waypost")
    )
    workers: Annotated[
        int,
        Setting(says="Processes; host-wide limits are shared out among them.", unit="processes", least=1, most=64, restart=True),
    ] = 1
    user: Annotated[str | None, Setting(says="The account to drop to after binding, when started as root.", restart=True)] = None
    software: Annotated[str, Setting(says="The name of the software in the greeting and in trace fields; no version is ever shown.")] = (
        "Waypost"
    )
    drain: Annotated[
        int,
        Setting(says="How long sessions and deliveries may go on after SIGTERM.", unit="seconds", least=0, most=600),
    ] = 10
    tls: TlsSettings = field(default_factory=TlsSettings)
    listeners: tuple[ListenerSettings, ...] = ()
    domains: DomainSettings = field(default_factory=DomainSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    transports: tuple[TransportSettings, ...] = ()
    limits: LimitSettings = field(default_factory=LimitSettings)
    drop: DropSettings = field(default_factory=DropSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    dns: DnsSettings = field(default_factory=DnsSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    inbox: InboxSettings = field(default_factory=InboxSettings)
    log: LogSettings = field(default_factory=LogSettings)
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    web: WebSettings = field(default_factory=WebSettings)
