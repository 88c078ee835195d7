"""What the directory answers when it is asked for a mailbox. Knows neither settings nor replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from waypost.mail.path import Mailbox


@dataclass(frozen=True, slots=True)
class Known:
    """The mailbox is here (or lies elsewhere, where not we but the next hop knows it)."""

    mailbox: Mailbox
    """As asked; for <Postmaster> and postmaster@ a local domain, the mailbox that stands for it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The domain is local and the mailbox is not here: ``mailbox-unknown``."""

    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class Expanded:
    """An alias: the message goes to each of these instead, at least one, in the order of the settings, none twice."""

    targets: tuple[Mailbox, ...]


@dataclass(frozen=True, slots=True)
class TooWide:
    """An alias that leads to too many mailboxes, or through too many aliases: nobody gets it."""

    mailbox: Mailbox


Resolution: TypeAlias = Known | Unknown | Expanded | TooWide
