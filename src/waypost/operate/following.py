"""Conversations for whoever follows them from another process for a while: events gather here and are fetched. Knows no socket.

Nobody follows: nothing is made and nothing is kept. Whoever stops fetching is forgotten after half a minute; whoever is too slow misses
events and is told how many. ``Sieve`` lets through what was asked for; it is pure.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import OrderedDict, deque
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from waypost.mail import identifier
from waypost.observe.events import (
    AttemptBegan,
    AttemptMade,
    MessageAccepted,
    NoticeQueued,
    ServerChanged,
    SessionClosed,
    SessionOpened,
    Spoken,
)
from waypost.operate.verbs import OperatorError
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_domain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from waypost.clock import Clock
    from waypost.observe.events import Event, Observers

_MOST = 4000
"""Events that wait for one follower."""
_FOLLOWERS = 8
_FORGOTTEN = 30.0
"""Seconds after which whoever fetches nothing is gone."""
_WAIT = 20.0
_SESSIONS, _HELD = 1000, 200
"""Sessions that are remembered, and events of each that wait for a sign that it is the right one."""
_ENCODE = msgspec.json.Encoder().encode
_TO = re.compile(rb"RCPT\s+TO:\s*<[^>]*@([^>@]*)>", re.IGNORECASE)


class Following:
    """The followers of one process."""

    def __init__(self, observers: Observers, clock: Clock) -> None:
        self._observers = observers
        self._clock = clock
        self._followers: dict[str, _Follower] = {}
        self._looking = False
        """Whether the timer runs that lets go of those who are gone."""

    async def call(self, args: dict[str, Any]) -> dict[str, Any]:
        """Begin to follow (no ``follow`` among ``args``; ``client`` and ``to`` choose), or fetch what came since. Raises OperatorError."""
        self._forget()
        name = args.get("follow")
        if name is None:
            return {"follow": self._begin(args), "events": [], "lost": 0}
        follower = self._followers.get(str(name))
        if follower is None:
            raise OperatorError("what was not fetched for half a minute is forgotten: begin anew")
        follower.fetched = self._clock.monotonic() + _WAIT
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(float(args.get("seconds", _WAIT)), _WAIT)):
                await follower.came.wait()
        follower.fetched = self._clock.monotonic()
        events, lost = follower.fetch()
        return {"follow": name, "events": events, "lost": lost}

    def _begin(self, args: dict[str, Any]) -> str:
        if len(self._followers) >= _FOLLOWERS:
            raise OperatorError(f"{_FOLLOWERS} follow already: end one of them, or wait half a minute")
        try:
            sieve = Sieve(client=str(args.get("client") or ""), to=str(args.get("to") or ""))
        except ValueError as error:
            raise OperatorError(f"{args['client']!r} is no address and no network: {error}") from error
        name = identifier.new(self._clock.wall())
        self._followers[name] = follower = _Follower(sieve, self._clock)
        self._observers.follow(follower.tell)
        if not self._looking:
            self._look()
        return name

    def _look(self) -> None:
        """Let go of those who are gone, and look again while there are others."""
        self._forget()
        self._looking = bool(self._followers)
        if self._looking:
            asyncio.get_running_loop().call_later(_FORGOTTEN, self._look)

    def _forget(self) -> None:
        """Let go of those who are gone."""
        now = self._clock.monotonic()
        for name, follower in tuple(self._followers.items()):
            if now - follower.fetched >= _FORGOTTEN:
                self._observers.leave(follower.tell)
                del self._followers[name]


class _Follower:
    """One of them."""

    def __init__(self, sieve: Sieve, clock: Clock) -> None:
        self.came = asyncio.Event()
        self.fetched = clock.monotonic()
        self._sieve = sieve
        self._clock = clock
        self._events: deque[msgspec.Raw] = deque()
        self._lost = 0
        self.tell = self._take  # one bound method, by which it is known

    def _take(self, event: Event) -> None:
        for one in self._sieve.pass_on(event):
            if len(self._events) >= _MOST:
                self._lost += 1
                continue
            try:
                row = _ENCODE({"kind": type(one).__name__, "at": self._clock.wall(), "event": one})
            except UnicodeEncodeError:  # a lone surrogate in what a stranger said
                self._lost += 1
                continue
            self._events.append(msgspec.Raw(row))
        if self._events:
            self.came.set()

    def fetch(self) -> tuple[list[msgspec.Raw], int]:
        """What waits, and how many were lost before it."""
        events, lost = list(self._events), self._lost
        self._events.clear()
        self._lost = 0
        self.came.clear()
        return events, lost


class Sieve:
    """Lets through events of conversations with ``client`` (an address or a network) and about mail to the domain ``to``; empty: all.

    What a client handed over is its own on the way out too: the attempts at it pass with the session that brought it.
    A conversation shows only in its course to whom it sends: until then its events are held, a bounded number of them.
    """

    def __init__(self, *, client: str = "", to: str = "") -> None:
        """Raises ValueError for what is no address and no network."""
        self._network = ip_network(client, strict=False) if client else None
        self._to = _canonical(to.lstrip("@")) if to else ""
        self._sessions: OrderedDict[str, list[Event] | None] = OrderedDict()
        """What is held of each session; None: it is one of those that pass."""
        self._messages: OrderedDict[str, None] = OrderedDict()
        """Messages that came by a session which passes."""

    def pass_on(self, event: Event) -> Iterable[Event]:
        """The events that go on now that ``event`` came."""
        if self._network is None and not self._to:
            return (event,)
        if isinstance(event, ServerChanged):
            return ()
        session = str(getattr(event, "session", ""))
        if isinstance(event, SessionOpened) and not self._is_client(event.client):
            return ()
        if isinstance(event, AttemptBegan):
            return self._of_attempt(event)
        if not session or (self._network is not None and session not in self._sessions and not isinstance(event, SessionOpened)):
            return self._alone(event)
        passing = self._of_session(session, event)
        self._remember(passing)
        return passing

    def _is_client(self, address: str) -> bool:
        if self._network is None:
            return True
        try:
            return ip_address(address) in self._network
        except ValueError:
            return False

    def _of_attempt(self, event: AttemptBegan) -> Iterable[Event]:
        """A conversation of ours begins: it passes as a whole, for the domain stands in it, or not at all."""
        if (self._network is not None and event.id not in self._messages) or (self._to and not self._is_domain(f"@{event.domain}")):
            return ()
        self._sessions[event.session] = None
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        return (event,)

    def _remember(self, passing: Iterable[Event]) -> None:
        for event in passing:
            if isinstance(event, MessageAccepted):
                self._messages[event.envelope.id] = None
        while len(self._messages) > _SESSIONS:
            self._messages.popitem(last=False)

    def _alone(self, event: Event) -> Iterable[Event]:
        """Of no conversation that is known: it passes if it names the domain, and is about mail of the client where one was asked for."""
        about = event.about if isinstance(event, NoticeQueued) else str(getattr(event, "id", ""))
        if self._network is not None and about not in self._messages:
            return ()
        named = self._names(event) or (self._network is not None and not self._to)
        return (event,) if named else ()

    def _of_session(self, session: str, event: Event) -> Iterable[Event]:
        held = self._sessions.get(session, [] if self._to else None)
        if held is not None and self._names(event):
            passing: Iterable[Event] = (*held, event)
            held = None
        elif held is None:
            passing = (event,)
        else:
            passing = ()
            if len(held) < _HELD:
                held = [*held, event]
        self._sessions[session] = held
        self._sessions.move_to_end(session)
        if isinstance(event, SessionClosed) or len(self._sessions) > _SESSIONS:
            self._sessions.pop(session if isinstance(event, SessionClosed) else next(iter(self._sessions)))
        return passing

    def _names(self, event: Event) -> bool:
        """Whether ``event`` tells of mail to the domain."""
        match event:
            case Spoken(from_client=True):
                return any(_canonical(found.decode("utf-8", "replace")) == self._to for found in _TO.findall(event.octets))
            case AttemptMade():
                return self._is_domain(event.recipient)
            case MessageAccepted():
                return any(self._is_domain(one.mailbox.text) for one in event.envelope.recipients)
            case _:
                return False

    def _is_domain(self, address: str) -> bool:
        return _canonical(address.rpartition("@")[2]) == self._to


def _canonical(domain: str) -> str:
    """However it is spelt, in A-labels and lower case; what is no domain stays as it is."""
    try:
        return parse_domain(domain)
    except AddressError:
        return domain.lower()
