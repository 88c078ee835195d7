"""One frozen struct per thing that happens in a message's or a session's life; knows neither log format nor database.

Whoever wants to know is an ``Observer``: a callable that takes an event, never blocks and never raises. ``Observers`` holds
those that daemon handed in; an event is made only where somebody listens (``if observers: observers.tell(...)``).
Every event names the session or queue id it belongs to, and the reply key where a reply was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from waypost.mail.envelope import Envelope
from waypost.mail.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class SessionOpened(Struct, frozen=True, kw_only=True):
    """A client was greeted, or turned away at the greeting."""

    session: str
    role: str
    client: str
    port: int
    local: str
    """``address:port`` it came to."""
    key: str
    """greeting, or why not."""


class SessionSecured(Struct, frozen=True, kw_only=True):
    """A TLS handshake ended."""

    session: str
    tls: str
    """``TLSv1.3 TLS_AES_256_GCM_SHA384``, or empty when it failed."""
    error: str = ""


class Spoken(Struct, frozen=True, kw_only=True):
    """One line group of a conversation, in or out; made only where someone follows conversations live."""

    session: str
    at: float
    """Wall-clock seconds."""
    from_client: bool
    """Whether the client of this conversation said it (for outbound attempts we are the client)."""
    octets: bytes
    """As on the wire; AUTH redacted, content left out."""
    key: str = ""
    """Reply key, where it is one of our replies."""


class Refused(Struct, frozen=True, kw_only=True):
    """A command or message of a client was answered with 4xx or 5xx."""

    session: str
    client: str
    helo: str
    command: str
    """MAIL, RCPT, end of data, ..."""
    key: str
    code: int
    status: str
    text: str
    reverse_path: str = ""
    forward_path: str = ""
    account: str = ""


class Authenticated(Struct, frozen=True, kw_only=True):
    """AUTH ended, well or badly."""

    session: str
    client: str
    account: str
    """The name that was given."""
    mechanism: str
    key: str
    """auth-succeeded, auth-failed or auth-unavailable."""


class MessageAccepted(Struct, frozen=True, kw_only=True):
    """A message is on disk and its 250 goes out."""

    session: str
    envelope: Envelope
    message_id: str
    """The Message-ID field, or empty."""
    key: str = "queued"


class SessionClosed(Struct, frozen=True, kw_only=True):
    """A connection ended."""

    session: str
    client: str
    helo: str
    seconds: float
    accepted: int
    """Messages."""
    refused: int
    """Replies of 4xx and 5xx."""
    key: str
    """closing, timeout, shutdown, ...; empty: the client hung up."""
    tls: str = ""
    account: str = ""
    role: str = ""


class AttemptBegan(Struct, frozen=True, kw_only=True):
    """A connection to a next hop stands, or is used again, for one message; made only where someone follows conversations live."""

    session: str
    """Id of the outbound conversation."""
    id: str
    """Queue id."""
    peer: str
    """``host[address]:port``."""
    domain: str
    """Of the recipients."""
    reused: bool = False
    """Whether other mail went over this connection before."""


class AttemptMade(Struct, frozen=True, kw_only=True):
    """One attempt at one recipient ended, and its outcome is durable."""

    id: str
    """Queue id."""
    reverse_path: str
    recipient: str
    outcome: Outcome
    arrived: float
    attempts: int
    """This one included."""
    seconds: tuple[float, float, float, float]
    """Before the queue manager, in the queue, connection set-up, transmission: Postfix's delays=a/b/c/d."""
    next_attempt: float | None = None
    """Wall-clock seconds, when deferred."""
    session: str = ""
    """Id of the outbound conversation."""


class NoticeQueued(Struct, frozen=True, kw_only=True):
    """A delivery status notice was queued with the settlement of its cause."""

    id: str
    """Queue id of the notice."""
    about: str
    """Queue id of the message it speaks of."""
    to: str
    kind: str
    """failed, delayed, delivered, relayed, expanded."""


class MessageFinished(Struct, frozen=True, kw_only=True):
    """Every recipient of a message is settled and it left the spool."""

    id: str


class MessageAltered(Struct, frozen=True, kw_only=True):
    """An operator held, released, retried, failed or deleted a message."""

    id: str
    change: str


class ServerChanged(Struct, frozen=True, kw_only=True):
    """The server as a whole: started, ready, reloaded, draining, stopped, worker-lost, disk-full, descriptors-low, loop-blocked..."""

    what: str
    detail: str = ""
    severity: str = "info"
    """info, warning or error."""


Event: TypeAlias = (
    SessionOpened
    | SessionSecured
    | Spoken
    | Refused
    | Authenticated
    | MessageAccepted
    | SessionClosed
    | AttemptBegan
    | AttemptMade
    | NoticeQueued
    | MessageFinished
    | MessageAltered
    | ServerChanged
)
Observer: TypeAlias = "Callable[[Event], None]"


class Observers:
    """Those who are told. Falsy when nobody listens, so that an event nobody wants is never made."""

    __slots__ = ("_followers", "_live", "_observers", "_openings", "_told", "_told_live", "_told_openings")

    def __init__(self, observers: Sequence[Observer] = (), *, live: bool = False, openings: bool = True) -> None:
        self._told = tuple(observers)
        """Those of the whole life of the process; with whoever follows for a while, ``_observers``."""
        self._told_live = live
        self._told_openings = openings and bool(observers)
        self._followers: tuple[Observer, ...] = ()
        self._reckon()

    def _reckon(self) -> None:
        """Know ahead what is asked for with every session."""
        self._observers = (*self._told, *self._followers)
        self._live = self._told_live or bool(self._followers)
        self._openings = self._told_openings or bool(self._followers)

    def __bool__(self) -> bool:
        return bool(self._observers)

    @property
    def live(self) -> bool:
        """Whether somebody follows conversations line by line (``Spoken`` is made only then)."""
        return self._live

    @property
    def always_live(self) -> bool:
        """Whether somebody follows them for the whole life of the process (the screen of the dev profile)."""
        return self._told_live

    @property
    def openings(self) -> bool:
        """Whether somebody wants to hear of sessions that were simply greeted: most logs tell of their end alone."""
        return self._openings

    def want_openings(self, *, wanted: bool) -> None:
        """Whether somebody wants to hear of them, from the next session on."""
        self._told_openings = wanted and bool(self._told)
        self._reckon()

    def follow(self, observer: Observer) -> None:
        """Tell ``observer`` too, and every line of the conversations that begin from now on, until ``leave``."""
        self._followers = (*self._followers, observer)
        self._reckon()

    def leave(self, observer: Observer) -> None:
        """Tell it nothing more; idempotent."""
        self._followers = tuple(one for one in self._followers if one is not observer)
        self._reckon()

    def tell(self, event: Event) -> None:
        """Hand ``event`` to each observer in turn."""
        for observer in self._observers:
            observer(event)


SILENT = Observers()
