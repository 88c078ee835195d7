"""What a search means and what a captured message shows: the same for every body of the inbox. Knows no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.inbox.inbox import Captured
from waypost.mail import header
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_domain, parse_mailbox

if TYPE_CHECKING:
    from waypost.inbox.inbox import Search
    from waypost.mail.envelope import Envelope
    from waypost.mail.path import Mailbox, ReversePath


def described(envelope: Envelope, head: bytes, size: int, wall: float) -> Captured:
    """What lists show of a message whose header section is in ``head``."""
    return Captured(
        id=envelope.id,
        captured=wall,
        envelope=envelope,
        subject=header.decoded(header.first(head, "Subject") or b""),
        message_id=header.decoded(header.first(head, "Message-ID") or b""),
        size=size,
    )


def matches(captured: Captured, wanted: Search) -> bool:
    """Whether every field of ``wanted`` that is given holds (its limit apart)."""
    envelope = captured.envelope
    return (
        (not wanted.ids or captured.id in wanted.ids)
        and (wanted.after is None or captured.captured > wanted.after)
        and (wanted.before is None or captured.captured <= wanted.before)
        and (wanted.subject is None or wanted.subject.casefold() in captured.subject.casefold())
        and (wanted.reverse_path is None or _meant(envelope.reverse_path, plain(wanted.reverse_path)))
        and (wanted.recipient is None or any(_meant(each.mailbox, plain(wanted.recipient)) for each in envelope.recipients))
    )


def _meant(path: ReversePath, wanted: str) -> bool:
    return domain(path) == wanted[1:] if wanted.startswith("@") else address(path) == wanted


def address(path: ReversePath) -> str:
    """The whole address in the form in which addresses are compared; empty for the null reverse-path."""
    if path is None:
        return ""
    return f"{path.local_part}@{path.domain}".casefold() if path.domain else path.local_part.casefold()


def domain(path: ReversePath) -> str:
    """Its domain in that form."""
    return "" if path is None else path.domain.casefold()


def plain(wanted: str) -> str:
    """What somebody typed, an address or ``@domain``, in the form in which addresses are compared; ``<>`` is empty."""
    text = wanted.strip().removeprefix("<").removesuffix(">")
    try:
        if text.startswith("@"):
            return f"@{parse_domain(text[1:])}"
        mailbox: Mailbox = parse_mailbox(text)
    except AddressError:
        return text.casefold()
    return address(mailbox)
