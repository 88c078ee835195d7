"""The envelope of a message: who sends, to whom, with which promises; knows neither content nor its whereabouts."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from waypost.mail.path import Mailbox, ReversePath


class Notify(StrEnum):
    """When the sender wants to hear of a recipient (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    """Say nothing, whatever happens; stands alone."""
    SUCCESS = "SUCCESS"
    """On delivery, relay or expansion."""
    FAILURE = "FAILURE"
    """When it cannot be delivered."""
    DELAY = "DELAY"
    """When it is late but not yet given up."""


class Return(StrEnum):
    """How much of the message a failure notice returns (RFC 3461 section 4.3)."""

    FULL = "FULL"
    """The whole message."""
    HDRS = "HDRS"
    """Its header section."""


class Body(StrEnum):
    """What the content may hold (RFC 6152)."""

    SEVEN_BIT = "7BIT"
    """US-ASCII only."""
    EIGHT_BIT = "8BITMIME"
    """Octets above 127 within text lines."""


class Recipient(Struct, frozen=True):
    """One forward-path with what was asked for it."""

    mailbox: Mailbox
    notify: frozenset[Notify] = frozenset()
    """Empty: not asked, which means FAILURE and perhaps DELAY (3461#4.1)."""
    orcpt: str | None = None
    """``type;xtext`` exactly as given, passed on untouched (3461#4.2)."""


class Origin(Struct, frozen=True, kw_only=True):
    """Where a message came from: for trace fields, logs and the journal; never a decision."""

    client: str = ""
    """IP address of the client; empty for notices that we wrote."""
    port: int = 0
    """Port of the client."""
    helo: str = ""
    """The name it gave."""
    protocol: str = ""
    """SMTP, ESMTP, ESMTPS, ESMTPSA, LMTP, UTF8SMTP, ... (3848, 6531#4.3)."""
    tls: str = ""
    """Protocol version and cipher, or empty."""
    account: str = ""
    """The authenticated account, or empty."""
    session: str = ""
    """The id under which the conversation is kept."""


class Envelope(Struct, frozen=True, kw_only=True):
    """Everything about a message that is not its content."""

    id: str
    """26 Crockford base32 characters of a UUIDv7: the queue id, made before anything is stored."""
    reverse_path: ReversePath
    recipients: tuple[Recipient, ...]
    arrived: float
    """Wall-clock seconds."""
    size: int = 0
    """Octets of content, CRLFs counted, dot-stuffing not (1870#5)."""
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    """The SMTPUTF8 parameter was given (6531#3.4)."""
    ret: Return | None = None
    envid: str | None = None
    """xtext exactly as given (3461#4.4)."""
    origin: Origin = Origin()
