"""Hears an outbound conversation: keeps it for history, and tells whoever follows conversations live. Knows no socket.

Most conversations go well and are forgotten, so what is heard is only noted, with its time; the recorder, which redacts and bounds,
goes over the notes when somebody wants the conversation, or when the notes grow long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.clock import Clock
from waypost.history.recorder import Recorder
from waypost.history.transcript import BOUND
from waypost.mail import identifier
from waypost.observe.events import AttemptBegan, Spoken

if TYPE_CHECKING:
    from waypost.history.transcript import Transcript
    from waypost.observe.events import Observers

_NOTES = 64
"""Notes after which the recorder takes over, which bounds what is held."""


class Ear:
    """The conversation of one attempt."""

    __slots__ = ("_at", "_began", "_clock", "_hostname", "_live", "_message", "_noted", "_notes", "_peer", "_recorder", "_session")

    def __init__(
        self, clock: Clock, observers: Observers, *, hostname: str, message: str, peer: str, domain: str = "", reused: bool = False
    ) -> None:
        """``domain``: that of the recipients; ``reused``: other mail went over this connection before."""
        self._clock = clock
        self._at = clock.monotonic()
        self._began = self._at
        self._hostname = hostname
        self._message = message
        self._peer = peer
        self._notes: list[tuple[float, str, bytes | int]] = []
        self._noted = 0
        self._session = ""
        self._recorder: Recorder | None = None
        self._live = observers if observers.live else None
        if self._live is not None:
            self._live.tell(AttemptBegan(session=self.session, id=message, peer=peer, domain=domain, reused=reused))

    @property
    def session(self) -> str:
        """The id under which the conversation is kept; made when it is first asked for."""
        if not self._session:
            self._session = identifier.new(self._clock.wall())
        return self._session

    def said(self, octets: bytes) -> None:
        """We said ``octets``."""
        self._note("said", octets)

    def heard(self, octets: bytes) -> None:
        """The next hop said ``octets``."""
        self._note("heard", octets)

    def content(self, size: int) -> None:
        """``size`` octets of content went out."""
        self._note("content", size)

    def secured(self, tls: str) -> None:
        """TLS is active."""
        self._note("secured", tls.encode())

    def transcript(self, *, refused: str) -> Transcript:
        """The conversation so far, AUTH redacted; ``refused``: the key of what went wrong, or empty."""
        recorder = self._recorded()
        recorder.refused = refused
        return recorder.transcript()

    def _note(self, kind: str, what: bytes | int) -> None:
        now = self._clock.monotonic()
        if self._recorder is None and self._live is None:
            self._notes.append((now, kind, what))
            self._noted += len(what) if isinstance(what, bytes) else 0
            if len(self._notes) < _NOTES and self._noted < BOUND:
                return
            self._recorded()
        else:
            self._record(self._recorded(), now, kind, what)

    def _recorded(self) -> Recorder:
        """The recorder, with everything noted so far."""
        recorder = self._recorder
        if recorder is None:
            began = self._clock.wall() - (self._clock.monotonic() - self._began)
            self._at = self._began
            clock = Clock(wall=lambda: began, monotonic=lambda: self._at)
            recorder = self._recorder = Recorder(self.session, clock, peer=self._peer, outbound=True)
            recorder.helo = self._hostname
            recorder.messages.append(self._message)
            notes, self._notes = self._notes, []
            for now, kind, what in notes:
                self._record(recorder, now, kind, what)
        return recorder

    def _record(self, recorder: Recorder, now: float, kind: str, what: bytes | int) -> None:
        self._at = now
        if isinstance(what, int):
            recorder.content(what)
            self._tell(b"<content: %d octets>\r\n" % what, from_client=True)
        elif kind == "secured":
            recorder.secured(what.decode())
        elif kind == "said":
            self._tell(recorder.said(what), from_client=True)
        else:
            self._tell(recorder.heard(what), from_client=False)

    def _tell(self, shown: bytes, *, from_client: bool) -> None:
        if self._live is not None and shown:
            self._live.tell(Spoken(session=self.session, at=self._clock.wall(), from_client=from_client, octets=shown))
