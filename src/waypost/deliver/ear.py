"""Hears an outbound conversation: keeps it for history, and tells whoever follows conversations live. Knows no socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.history.recorder import Recorder
from waypost.mail import identifier
from waypost.observe.events import Spoken

if TYPE_CHECKING:
    from waypost.clock import Clock
    from waypost.observe.events import Observers


class Ear:
    """The conversation of one attempt. Secrets are redacted before anything is kept or told."""

    __slots__ = ("_clock", "_live", "recorder")

    def __init__(self, clock: Clock, observers: Observers, *, hostname: str, message: str) -> None:
        live = observers if observers and observers.live else None
        # Most conversations go well and are forgotten: an id is made when somebody wants to name this one.
        self.recorder = Recorder(identifier.new(clock.wall()) if live is not None else "", clock, outbound=True)
        self.recorder.helo = hostname
        self.recorder.messages.append(message)
        self._clock = clock
        self._live = live

    @property
    def session(self) -> str:
        """The id under which the conversation is kept."""
        if not self.recorder.session:
            self.recorder.session = identifier.new(self._clock.wall())
        return self.recorder.session

    def said(self, octets: bytes) -> None:
        """We said ``octets``."""
        self._tell(self.recorder.said(octets), from_client=True)

    def heard(self, octets: bytes) -> None:
        """The next hop said ``octets``."""
        self._tell(self.recorder.heard(octets), from_client=False)

    def content(self, size: int) -> None:
        """``size`` octets of content went out."""
        self.recorder.content(size)
        self._tell(b"<content: %d octets>\r\n" % size, from_client=True)

    def secured(self, tls: str) -> None:
        """TLS is active."""
        self.recorder.secured(tls)

    def _tell(self, shown: bytes, *, from_client: bool) -> None:
        if self._live is not None and shown:
            self._live.tell(Spoken(session=self.session, at=self._clock.wall(), from_client=from_client, octets=shown))
