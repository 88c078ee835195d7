"""The one relay decision: may this client send to that domain through us? Knows no mailbox (RFC 5321 sections 3.6.2 and 7.1).

Mail is taken for local and relay domains from anybody, for all others from authenticated accounts and trusted networks alone.
What stands left of the last ``@`` means nothing here: ``%`` and ``!`` are letters like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Reject
from waypost.replies.keys import Key
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from waypost.policy.subject import Subject
    from waypost.policy.verdict import Verdict


class Realm(Protocol):
    """What relay control asks of the directory."""

    def is_local(self, domain: str) -> bool:
        """Whether mailboxes of ``domain`` are here; address literals only where they are named."""

    def is_relay(self, domain: str) -> bool:
        """Whether mail for ``domain`` is passed on."""


class Relay:
    """Relay control. ``anyone``: mail for everywhere is taken from everybody, legal only where none of it can leave."""

    __slots__ = ("_anyone", "_realm")

    name = "relay"
    phase = Phase.RCPT
    waits = False

    def __init__(self, realm: Realm, *, anyone: bool = False) -> None:
        self._realm = realm
        self._anyone = anyone

    def judge(self, subject: Subject) -> Verdict:
        """Accept, ``relay-denied``, ``literal-refused`` or ``recipient-domain-missing``."""
        mailbox = subject.recipient
        if mailbox is None:
            raise ValueError("there is no recipient to judge")
        domain = mailbox.domain
        if not domain:
            # 5321#4.5.1: <Postmaster> alone goes without a domain.
            return ACCEPT if mailbox.is_postmaster else Reject(Key.RECIPIENT_DOMAIN_MISSING)
        if self._anyone or self._realm.is_local(domain) or self._realm.is_relay(domain):
            return ACCEPT
        if mailbox.is_literal:
            return Reject(Key.LITERAL_REFUSED)
        # LMTP is final delivery (2033#1): there is no passing on, whoever asks.
        if (subject.account or subject.trusted) and subject.role is not Role.LMTP:
            return ACCEPT
        return Reject(Key.RELAY_DENIED, {"forward_path": mailbox.text})
