"""What the parent and its workers tell one another, as values over a pair of sockets. Knows neither of them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from waypost.config.settings import Settings
    from waypost.net.control import Link


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to parent: it accepts."""


@dataclass(frozen=True, slots=True)
class Unable:
    """Worker to parent: it cannot start; ``says`` is for the operator, ``code`` for the shell."""

    says: str
    code: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Worker to parent: its loop turns."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Parent to worker: these settings from now on."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Drain:
    """Parent to worker: take no new session, finish what is open, end."""


Message: TypeAlias = Ready | Unable | Beat | Apply | Drain


def send(link: Link, message: Message) -> bool:
    """Send ``message``; False when the other end is gone."""
    return link.send(pickle.dumps(message))


def receive(link: Link) -> list[Message] | None:
    """What has come; None when the other end is gone. Both ends are our own processes of one ``serve``."""
    octets = link.receive()
    return None if octets is None else [pickle.loads(one) for one in octets]  # noqa: S301 - from our own fork alone
