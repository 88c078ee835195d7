"""What a script asks of whoever runs it, step by step, and what it is told: the seam between the order of things and the network."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from waypost.diagnose.talk import Said

if TYPE_CHECKING:
    from waypost.diagnose.finding import Finding


@dataclass(frozen=True, slots=True)
class Send:
    """Send octets. No answer."""

    octets: bytes
    shown: str = ""
    """What the transcript shows instead of the octets, where they hold a secret or cannot be read."""
    secret: bool = False
    content: bool = False
    """Whether these are the message itself."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for one reply; answered by ``Said``."""

    good: str = "2"
    """The first digits that are hoped for: others are marked."""
    of: str = ""
    """What it answers: for the transcript's readers."""


@dataclass(frozen=True, slots=True)
class Secure:
    """Begin TLS; answered by ``Shaken``."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell that nobody said. No answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong without a reply. No answer."""

    text: str
    finding: Finding | None = None
    """What explains it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaken:
    """How a handshake went."""

    fault: str = ""
    """Why it failed; empty where TLS stands."""
    distrusted: bool = False
    """Whether it failed because the certificate could not be verified."""
    verified: bool = False
    bindings: dict[str, bytes] = field(default_factory=dict)
    """Channel bindings by type, the best first: ``tls-exporter`` (RFC 9266), ``tls-server-end-point`` (RFC 5929 section 4)."""


Step: TypeAlias = Send | Listen | Secure | Note | Fault
Answer: TypeAlias = Said | Shaken | None
T = TypeVar("T")
Steps: TypeAlias = Generator[Step, Answer, T]
