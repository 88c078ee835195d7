"""What whoever starts a check of the own server tells of it: values, gathered where configuration and stores are known. Judges nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from waypost.net.listen import Place
    from waypost.route.transports import NextHop
    from waypost.smtp.terms import Role, TlsMode


class Presence(StrEnum):
    """Whether the server is there."""

    RUNNING = "running"
    STOPPED = "stopped"
    MUTE = "mute"
    """A process holds the data directory, and does not answer."""
    HIDDEN = "hidden"
    """A process holds the data directory, and this account may not ask it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What the running server says of itself."""

    process: int
    account: str
    root: bool
    """Whether it runs with all of root's rights."""
    places: tuple[str, ...]
    """Where it listens for mail."""
    descriptors: int
    """Open files that one of its processes may have."""
    connections: int
    """Connections that it lets in by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One listener of the configuration."""

    setting: str
    """``listeners.0.bind``."""
    place: Place
    role: Role
    tls: TlsMode
    bound: bool | None = None
    """Whether something listens there; None where the system does not tell."""
    ours: bool = False
    """Whether it is this server."""
    holder: str = ""
    """Who it is otherwise: ``nginx (process 812)``, ``account www-data``, or nothing where the system does not tell."""

    @property
    def shown(self) -> str:
        """``relay 127.0.0.1:25``."""
        return f"{self.role} {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A file or folder that the server needs."""

    path: Path
    exists: bool
    allowed: bool
    """Whether the server's account may do with it what it must: read a file, write into a folder."""
    mode: int = 0
    """Permission bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One transport that leads somewhere."""

    setting: str
    """``transports.0``."""
    match: str
    """The recipient domains that go there."""
    hosts: tuple[NextHop, ...] = ()
    implicit: bool = False
    """Whether TLS comes first."""
    folder: Access | None = None
    """Of a Maildir, the part of its path that is the same for all; or the folder in which that will be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Room where the data lies, in octets and files."""

    free: int
    total: int
    least: int
    """Below it no new mail is taken (``queue.free_space``)."""
    files_free: int = 0
    files_total: int = 0
    """0: this kind of file system does not count them."""
    kind: str = ""
    """Of the file system, as the system calls it: ``ext4``; empty where it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One message of the queue, by what a diagnosis needs of it."""

    arrived: float
    """Seconds of the epoch."""
    states: tuple[str, ...]
    """Of its recipients: ``queued``, ``deferred``, ``held`` ..."""
    domain: str = ""
    """Of the first recipient that waits."""
    reply: str = ""
    """What was last heard about it, or why there was no reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits."""

    messages: tuple[Waiting, ...] = ()
    more: bool = False
    """Whether there are others that were not looked at."""
    unread: str = ""
    """Why it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The clock of this machine."""

    synchronised: bool | None
    """By the kernel's word; None where it gives none."""
    newest: float = 0.0
    """When something in the data directory was last changed, seconds of the epoch; 0 where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What the configuration's own rules say."""

    setting: str
    says: str
    place: str
    grave: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Everything that is told of the own server."""

    hostname: str
    data: Path
    command: str
    """How it is started: ``waypost serve --config ...``."""
    dev: bool = False
    """Whether there is no configuration: then nothing of it is meant for the internet."""
    account: str = ""
    """The account whose rights it has, or would have."""
    presence: Presence = Presence.STOPPED
    holder: int = 0
    """The process that holds the data directory."""
    running: Running | None = None
    doors: tuple[Door, ...] = ()
    strange: tuple[str, ...] = ()
    """Places where the running server listens, and which the configuration does not name."""
    web: Door | None = None
    certificate: Access | None = None
    key: Access | None = None
    hops: tuple[Hop, ...] = ()
    """Where transports lead, but for those that go by MX or stay here."""
    local: tuple[str, ...] = ()
    """Local domains that are names: neither ``*`` nor address literals."""
    takes_all: bool = False
    """Whether every domain is local: mail is captured, and none leaves."""
    networks: tuple[str, ...] = ()
    """Clients that may send anywhere."""
    postmaster: str = ""
    folder: Access | None = None
    """The data directory."""
    shared: bool = False
    """Whether others may pass through it, by ``drop.everyone``."""
    disk: Disk | None = None
    queue: Queue = field(default_factory=Queue)
    patience: int = 14_400
    """Seconds after which mail that waits is late."""
    times: Times = field(default_factory=lambda: Times(synchronised=None))
    troubles: tuple[Trouble, ...] = ()
    wanted: int = 0
    """Connections that the configuration asks for; 0: as many as descriptors allow."""
