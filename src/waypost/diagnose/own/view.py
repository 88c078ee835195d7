"""What the probes of the own server share: the facts that were told, and what each found for those behind it. Knows no probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.diagnose.lookup import Answer, Outcome
from waypost.diagnose.talk import NOTHING, Said

if TYPE_CHECKING:
    from waypost.diagnose.certificate import Certificate
    from waypost.diagnose.own.facts import Door, Own
    from waypost.diagnose.scene import Contact
    from waypost.net.rehearsal import Rehearsal


@dataclass(slots=True, kw_only=True)
class Met:
    """What was met behind one listener."""

    door: Door
    contact: Contact
    tls_fault: str = ""
    """Why a handshake failed."""
    hello: Said = NOTHING
    """The answer to EHLO or LHLO, in the clear or behind TLS from the start."""
    secured: Said | None = None
    """The same behind STARTTLS."""
    certificate: bytes = b""
    """In DER, as it was shown."""

    @property
    def last(self) -> Said:
        """What is offered once everything is done that can be."""
        return self.secured if self.secured is not None else self.hello


@dataclass(slots=True, kw_only=True)
class View:
    """One check of the own server under way."""

    own: Own
    met: list[Met] = field(default_factory=list)
    """Written by ``doors``."""
    rehearsal: Rehearsal | None = None
    chain: tuple[Certificate, ...] = ()
    """Written by ``files``: the certificates on disk, the server's first."""
    unbelieved: bool = False
    """Written by ``files``: whether no sender that insists on a valid certificate would deliver."""
    four: Answer = field(default_factory=lambda: Answer(name="", kind="A", outcome=Outcome.EMPTY))
    six: Answer = field(default_factory=lambda: Answer(name="", kind="AAAA", outcome=Outcome.EMPTY))
    """Written by ``published``: the addresses of the hostname."""
    senders: tuple[str, ...] = ()
    """Written by ``published``: public addresses from which mail leaves, as far as can be known."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of the hostname."""
        return (*self.four.records, *self.six.records)
