"""The facts of one notice, as its parts are written from them, and the writing of strangers' text so that it stays text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.replies.keys import Key

if TYPE_CHECKING:
    from waypost.mail.envelope import Envelope, Recipient
    from waypost.mail.outcome import Outcome
    from waypost.mail.path import Mailbox

LINE = 900
"""Characters of one line of a stranger's text; a line of a message holds 998 octets (5322#2.1.1)."""

_NEXT_HOP = re.compile(r"(?P<name>[A-Za-z0-9._-]{0,255})(?P<literal>\[[0-9A-Fa-f.:]{2,45}\])?(:\d{1,5})?")
_OURS = frozenset({Key.MAILBOX_UNWRITABLE, Key.MAILBOX_FULL, Key.CONTENT_UNREADABLE, Key.DELIVERY_INTERRUPTED, Key.HELD})
"""Outcomes whose detail is about this machine."""


class Kind(StrEnum):
    """What a notice tells; the words of the Action field (3464#2.3.3)."""

    FAILED = "failed"
    """It will not be delivered."""
    DELAYED = "delayed"
    """It is late, and is tried again."""
    DELIVERED = "delivered"
    """It rests in the mailbox."""
    RELAYED = "relayed"
    """It went on to a server that will not confirm the delivery."""
    EXPANDED = "expanded"
    """It went on to the members of an alias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One recipient that the notice speaks of."""

    kind: Kind
    recipient: Recipient
    outcome: Outcome
    attempts: int
    last_attempt: float
    next_attempt: float | None
    expires: float | None

    @property
    def detail(self) -> str:
        """What went wrong in our own words, where a stranger may read it: of trouble on this machine (paths, accounts) nothing."""
        outcome = self.outcome
        if self.kind not in {Kind.FAILED, Kind.DELAYED} or outcome.key in _OURS:
            return ""
        here = outcome.next_hop != "" and not remote_name(outcome.next_hop)  # a maildir, say
        return "" if here and not is_key(outcome.detail) else outcome.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One notice before it is written."""

    id: str
    """Queue id of the notice."""
    kind: Kind
    """The weightiest thing that it tells."""
    about: Envelope
    to: Mailbox
    """The reverse-path of the message."""
    told: tuple[Told, ...]
    head: bytes
    whole: bytes | None
    hostname: str
    postmaster: str
    now: float

    @property
    def international(self) -> bool:
        """Whether the notice itself needs SMTPUTF8; then its way is known to carry UTF-8 (6533#4.5)."""
        return not self.to.is_ascii


def remote_name(next_hop: str) -> str:
    """Name or address literal of ``name[address]:port``; empty for what is no host."""
    found = _NEXT_HOP.fullmatch(next_hop)
    if found is None or not (found["literal"] or found[3]):
        return ""
    name: str = found["name"]
    literal: str = found["literal"] or ""
    return literal if literal and literal == f"[{name}]" else name or literal


def is_key(text: str) -> bool:
    """Whether ``text`` names a reply or outcome of the catalogue."""
    return text in Key.__members__.values()


def inert(text: str, *, ascii_only: bool, most: int = LINE) -> str:
    r"""``text`` on one line, with nothing in it that ends lines, moves cursors or hides: such characters become ``\x{HEX}``.

    The form is that of RFC 6533 section 3, so that an address written by it can be read back. Cut after ``most`` octets.
    """
    plain = text if text.isprintable() and (text.isascii() or not ascii_only) else "".join(_shown(letter, ascii_only) for letter in text)
    if len(plain) <= most and (plain.isascii() or len(plain.encode()) <= most):
        return plain
    return plain.encode()[: most - 3].decode("utf-8", "ignore") + "..."


def _shown(letter: str, ascii_only: bool) -> str:  # noqa: FBT001 - private
    if " " <= letter <= "~" or (letter.isprintable() and not ascii_only):
        return letter
    return f"\\x{{{ord(letter):02X}}}"
