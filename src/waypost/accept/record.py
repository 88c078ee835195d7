"""What was said in one session, for history and for whoever follows it live. Knows no socket and judges nothing.

Most sessions end well and are forgotten, so a session only gathers references as it goes; lines are told apart, and AUTH is redacted,
when it turns out that the conversation is kept. Where conversations are followed live that happens at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from waypost.clock import Clock
from waypost.history.recorder import Recorder
from waypost.history.transcript import BOUND
from waypost.observe.events import Spoken
from waypost.smtp.events import ChunkEnded, Content, ContentEnded, Event, Fault, Violation

if TYPE_CHECKING:
    from waypost.history.transcript import Transcript
    from waypost.observe.events import Observers

CONTENT: frozenset[type[Event]] = frozenset({Content, ContentEnded, ChunkEnded})
"""Events whose octets are content, but for the command line that they may begin with."""
_CLIENT = "<"
"""In the place of a key: the client said it."""
_CONTENT = "<content"
_SECURED = "<tls"


def commands_alone(octets: bytes) -> bool:
    """Whether ``octets``, which begin a command, are surely commands alone: no content can follow one among them."""
    upper = octets.upper()
    return b"BDAT" not in upper and (b"DATA" not in upper or upper.endswith(b"DATA\r\n"))


class Apart:
    """What one read brought, told apart event by event, because content may be among it."""

    __slots__ = ("_octets", "_record", "_start")

    def __init__(self, record: Record, octets: bytes) -> None:
        self._record = record
        self._octets = octets
        self._start = 0

    def part(self, event: Event, unread: int, *, within: bool) -> None:
        """``event`` used all but the last ``unread`` octets; ``within``: it is content from its first octet on."""
        start, self._start = self._start, max(len(self._octets) - unread, self._start)
        if within:
            return
        octets = self._octets[start : self._start]
        chunk = type(event) in CONTENT or (isinstance(event, Fault | Violation) and octets[:4].upper() == b"BDAT")
        if chunk or (isinstance(event, Fault) and event.command == "BDAT"):
            octets = octets[: octets.find(b"\n") + 1]
        if octets:
            self._record.heard(octets)

    def rest(self, *, content: bool) -> None:
        """No event came of the rest yet; ``content``: of a chunk that is thrown away."""
        octets = self._octets[self._start :]
        if octets:
            self._record.heard(octets[: octets.find(b"\n") + 1] if content else octets)


class Record:
    """One conversation as it goes on."""

    __slots__ = ("_began", "_clock", "_live", "_observers", "_parts", "_room", "at", "session")

    def __init__(self, session: str, clock: Clock, observers: Observers) -> None:
        self.session = session
        self.at = clock.monotonic()
        """Monotonic seconds of what is said next; whoever drives the session keeps it."""
        self._clock = clock
        self._observers = observers
        self._parts: list[float | str | bytes] = []
        """When, what key, which octets; and again: flat, for thousands of idle sessions hold one each."""
        self._room = BOUND
        self._began = 0.0
        self._live: Recorder | None = None
        if observers.live:
            self._live = Recorder(session, clock)
        else:
            self._began = clock.wall()

    def heard(self, octets: bytes) -> None:
        """The client said ``octets``."""
        if self._live is not None:
            self._speak(self._live.heard(octets), from_client=True, key="")
        elif self._room > 0:  # as in _keep: these two are said with every command
            self._room -= len(octets) + 1
            self._parts += (self.at, _CLIENT, octets)

    def said(self, octets: bytes, key: str) -> None:
        """The server answered ``octets``, whose key is ``key``."""
        if self._live is not None:
            self._speak(self._live.said(octets, key), from_client=False, key=key)
        elif self._room > 0:
            self._room -= len(octets) + 1
            self._parts += (self.at, key, octets)

    def content(self, size: int) -> None:
        """So many octets of content went by."""
        if self._live is not None:
            self._live.content(size)
            self._speak(b"<content: %d octets>\r\n" % size, from_client=True, key="")
        else:
            self._keep(_CONTENT, b"%d" % size)

    def secured(self, tls: str) -> None:
        """A handshake ended well."""
        if self._live is not None:
            self._live.secured(tls)
        else:
            self._keep(_SECURED, tls.encode("ascii", "replace"))

    def transcript(self, *, peer: str, helo: str, tls: str, account: str, messages: list[str]) -> Transcript:
        """The conversation as it is kept."""
        recorder = self._live if self._live is not None else self._replayed()
        recorder.peer, recorder.helo, recorder.tls, recorder.account = peer, helo, tls, account
        recorder.messages.extend(messages)
        return recorder.transcript()

    def _keep(self, key: str, octets: bytes) -> None:
        # What passes the bound is still handed on, cut: the recorder counts it.
        if self._room > 0:
            self._room -= len(octets) + 1
            self._parts += (self.at, key, octets)

    def _speak(self, octets: bytes, *, from_client: bool, key: str) -> None:
        if octets:
            at = self._clock.wall()
            self._observers.tell(Spoken(session=self.session, at=at, from_client=from_client, octets=octets, key=key))

    def _replayed(self) -> Recorder:
        parts = iter(self._parts)
        said = cast("list[tuple[float, str, bytes]]", list(zip(parts, parts, parts, strict=True)))
        hands = [said[0][0] if said else 0.0]
        recorder = Recorder(self.session, Clock(wall=lambda: self._began, monotonic=lambda: hands[0]))
        for at, key, octets in said:
            hands[0] = at
            match key:
                case "<":
                    recorder.heard(octets)
                case "<content":
                    recorder.content(int(octets))
                case "<tls":
                    recorder.secured(octets.decode("ascii"))
                case _:
                    recorder.said(octets, key)
        return recorder
