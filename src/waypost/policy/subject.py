"""What is judged: a session and its transaction as far as they are known at the moment. Knows neither network nor spool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from waypost.mail.envelope import Recipient
    from waypost.mail.path import Mailbox, ReversePath


@dataclass(slots=True, kw_only=True)
class Subject:
    """One per session, kept up to date by the session; a check reads it and changes nothing."""

    client: str
    """IP address; empty on a UNIX socket."""
    role: Role = Role.RELAY
    trusted: bool = False
    """The client is in ``relay.networks``."""
    session: str = ""
    helo: str = ""
    tls: str = ""
    """Version and cipher, or empty."""
    account: str = ""
    """The authenticated account, or empty."""
    reverse_path: ReversePath = None
    """Of the open transaction."""
    size: int | None = None
    """Octets declared with MAIL, or None; in the phase ``content``, those that came."""
    recipient: Mailbox | None = None
    """In the phase ``rcpt``: the one that is asked for."""
    recipients: list[Recipient] = field(default_factory=list)
    """Those that were accepted."""
    head: bytes = b""
    """In the phase ``content``: the header section as it came."""
