"""What a session by hand is told to do: to whom, how far, by which means. Values only; knows no network and no order of things."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Dialect(StrEnum):
    """Which hello is said."""

    ESMTP = "ESMTP"
    """EHLO, and HELO where that is refused."""
    SMTP = "SMTP"
    """HELO alone: no extension is used."""
    LMTP = "LMTP"
    """LHLO, and an answer for each recipient (RFC 2033)."""


class Security(StrEnum):
    """When TLS begins."""

    NONE = "none"
    OPTIONAL = "optional"
    """By STARTTLS where that is offered; the certificate is not verified."""
    REQUIRED = "required"
    """By STARTTLS or not at all; the certificate is verified."""
    IMPLICIT = "implicit"
    """From the first octet; the certificate is verified."""


class Stage(StrEnum):
    """The points at which one can stop or say something else, in order."""

    CONNECT = "connect"
    BANNER = "banner"
    FIRST_EHLO = "first-ehlo"
    """The EHLO in the clear, where another follows under TLS or after XCLIENT; else the only one."""
    TLS = "tls"
    XCLIENT = "xclient"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


class Leniency(StrEnum):
    """What may fail of a step that one asks for."""

    NONE = "none"
    """Nothing: the session ends."""
    ABSENT = "absent"
    """The server need not offer it; where it does, it must succeed."""
    ALL = "all"
    """The session goes on, whatever comes of it."""


class Way(StrEnum):
    """How a session stops early."""

    QUIT = "quit"
    """By QUIT, behind the reply. Once content was asked for, QUIT would be content: then the connection is closed."""
    DROP = "drop"
    """By closing the connection, behind the reply."""
    DROP_SENT = "drop-sent"
    """By closing it as soon as the command is out."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a session stops before its end."""

    way: Way
    after: Stage


@dataclass(frozen=True, slots=True)
class Raw:
    """A line that is said behind a stage, whether it makes sense there or not."""

    after: Stage
    octets: bytes
    """As they go out, line end included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """As whom to authenticate, and how."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    """For the mechanisms of OAuth, instead of a password."""
    identity: str = ""
    """The authorization identity: whom to act as (4422#3.4.1)."""
    mechanisms: tuple[str, ...] = ()
    """Upper case, in the order in which they are tried; empty: all that we know and have the means for, the strongest first."""
    aliases: tuple[tuple[str, str], ...] = ()
    """Names under which a server offers a mechanism, and the mechanism's own, upper case."""
    lenient: Leniency = Leniency.NONE
    """Whether the session goes on where nobody is logged in."""
    in_clear: bool = False
    """Whether a password may be sent where everybody on the way can read it."""
    host: str = ""
    """The server's name, and its port: OAUTHBEARER tells them (7628#3.1)."""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message, ready to go: its content ends with CRLF unless it was given otherwise on purpose."""

    sender: str
    """Empty: the null reverse-path."""
    recipients: tuple[str, ...]
    content: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """With which parameters and by which extensions a message is handed over. What is asked for is sent, offered or not."""

    size: int | None = None
    """SIZE to declare; -1: the true one."""
    body: str = ""
    """BODY=; empty: 8BITMIME where content needs it and it is offered."""
    smtputf8: bool = False
    requiretls: bool = False
    notify: str = ""
    ret: str = ""
    envid: str = ""
    """Not encoded yet (3461#4)."""
    orcpt: str = ""
    """``type;address``, for every recipient; the address not encoded yet."""
    pipelining: bool = False
    prdr: bool = False
    """Ask for an answer for each recipient (the PRDR of Exim), where it is offered."""
    chunk: int | None = None
    """Octets of each BDAT; 0: all in one; None: DATA."""
    end: bytes = b"\r\n.\r\n"
    """What ends the content of DATA: something else only against a host of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A whole session."""

    hello: str
    """Our name."""
    dialect: Dialect = Dialect.ESMTP
    no_hello: bool = False
    """Say none at all: MAIL comes first, which no server should take."""
    security: Security = Security.OPTIONAL
    login: Login | None = None
    xclient: tuple[str, ...] = ()
    """The arguments of each XCLIENT."""
    xclient_checked: bool = True
    """Whether each attribute must have been offered."""
    xclient_first: bool = False
    """Whether it is said before STARTTLS."""
    xclient_lenient: Leniency = Leniency.NONE
    proxy: bytes = b""
    """A PROXY header, sent before all else."""
    letters: tuple[Letter, ...] = ()
    posting: Posting = Posting()
    stop: Stop | None = None
    raw: tuple[Raw, ...] = ()
