"""Does the recipient exist? Asked at RCPT, so that nothing is accepted only to bounce (RFC 5321 section 3.3). Knows no relaying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

from waypost.directory.resolution import Expanded, Known, TooWide, Unknown
from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Reject
from waypost.replies.keys import Key

if TYPE_CHECKING:
    from waypost.directory.resolution import Resolution
    from waypost.mail.path import Mailbox
    from waypost.policy.subject import Subject
    from waypost.policy.verdict import Verdict


class Residents(Protocol):
    """What is asked of the directory."""

    def resolve(self, mailbox: Mailbox) -> Resolution:
        """What ``mailbox`` stands for; of a domain that is not local every mailbox is Known."""


class Recipients:
    """The existence of local mailboxes, with aliases and the reserved postmaster."""

    __slots__ = ("_residents",)

    name = "recipients"
    phase = Phase.RCPT
    waits = False

    def __init__(self, residents: Residents) -> None:
        self._residents = residents

    def judge(self, subject: Subject) -> Verdict:
        """Accept, ``mailbox-unknown`` or ``alias-too-wide``."""
        mailbox = subject.recipient
        if mailbox is None:
            raise ValueError("there is no recipient to judge")
        resolution = self._residents.resolve(mailbox)
        match resolution:
            case Known() | Expanded():
                return ACCEPT
            case Unknown():
                return Reject(Key.MAILBOX_UNKNOWN, {"forward_path": mailbox.text})
            case TooWide():
                return Reject(Key.ALIAS_TOO_WIDE, {"forward_path": mailbox.text})
            case _:
                assert_never(resolution)
