"""The door of one process: listeners, the count of who is in, drain and reload. Knows no command and no file format.

    gate = Gate(services, plan)
    gate.start([(socket, listener_settings), ...])
    gate.apply(new_plan)          # new sessions go by it; those that are there end by the old one
    await gate.drain(10.0)        # no new session; idle ones hear 421, transactions finish

Whoever cannot be let in is told so in one write, before anything is made for him.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.accept.house import House
from waypost.accept.rules import Rules, pipeline_of
from waypost.accept.session import Session
from waypost.net.listen import Acceptor, ListenError, Place, descriptor_cap, place_of
from waypost.observe.events import ServerChanged, SessionOpened
from waypost.policy.checks.guessing import Guessing
from waypost.policy.checks.rate import Clients, Networks
from waypost.replies import Key
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.accept.rules import Plan, Services
    from waypost.accept.settings import ListenerSettings
    from waypost.net.listen import Arrival, Listening

HANDSHAKES = 100
"""TLS handshakes at the same time in one process; others wait their turn, within the same deadline."""
_TOLD_EVERY = 10.0
"""Seconds between two reports of the same scarcity."""
_AWAY_EVERY = 1.0
"""Seconds between two reports that the same client was turned away."""
_AWAY_KEPT = 4096
"""Clients of whom that is remembered."""
_CUT_SECONDS = 1.0
"""How long sessions that are cut may take to end."""
_BUSY = 0.8
"""The share of all connections from which waits are shorter."""


class Gate:
    """Everything that one process lets in."""

    def __init__(self, services: Services, plan: Plan, *, descriptors: int | None = None) -> None:
        """``descriptors``: connections that file descriptors allow; None: as the system says."""
        self._services = services
        self._guessing = Guessing(network=1, account=1, now=services.clock.monotonic)
        self._house = House(services, HANDSHAKES, self._guessing, self._left)
        self._descriptors = descriptor_cap() if descriptors is None else descriptors
        self._doors: list[_Door] = []
        self._sessions: set[Session] = set()
        self._vacant: asyncio.Event | None = None
        """Set when the last session has left; there is one only while the gate drains."""
        self._told = -_TOLD_EVERY
        self._away: dict[str, float] = {}
        self._clients = Clients(address=1, network=1, rate=1, now=services.clock.monotonic)
        self._most = 1
        self._plan = plan
        self._adopt(plan)

    @property
    def sessions(self) -> int:
        """Sessions that are open."""
        return len(self._sessions)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it listens, in the order of ``start``."""
        return tuple(door.acceptor.place for door in self._doors)

    def start(self, listeners: Sequence[tuple[Listening, ListenerSettings]]) -> None:
        """Take connections on these listening sockets. Call it once, on a running loop. Raises ListenError."""
        loop = asyncio.get_running_loop()
        for listening, settings in listeners:
            _fits(place_of(listening), settings, self._plan)
        all_rules = self._rules(self._plan, [settings for _, settings in listeners])
        for (listening, settings), rules in zip(listeners, all_rules, strict=True):
            door = _Door(self, settings, rules)
            door.acceptor = Acceptor(loop, listening, door.take, self._scarce)
            self._doors.append(door)
            door.acceptor.start()

    def apply(self, plan: Plan) -> None:
        """Go by ``plan`` from now on. Listeners stay; sessions that are there end by the plan they began with."""
        rules = self._rules(plan, [door.settings for door in self._doors])  # before anything changes: it may raise
        self._adopt(plan)
        for door, new in zip(self._doors, rules, strict=True):
            door.rules = new

    async def drain(self, seconds: float) -> None:
        """Let nobody in any more, let transactions finish, and end what is left after ``seconds``."""
        self._house.draining = True
        for door in self._doors:
            door.acceptor.close()
        await asyncio.sleep(0)  # whoever was let in this moment has begun
        for session in tuple(self._sessions):
            session.retire()
        if not await self._empty(seconds):
            for session in tuple(self._sessions):
                session.cut()
            await self._empty(_CUT_SECONDS)

    # ---- within -----------------------------------------------------------------------------------------------

    def _rules(self, plan: Plan, listeners: Sequence[ListenerSettings]) -> list[Rules]:
        """``plan`` as each listener reads it."""
        relay = plan.relay
        pipeline, networks, refused = pipeline_of(plan, self._services.observers), Networks(relay.networks), Networks(relay.refused)
        return [Rules(plan, settings, pipeline, networks, refused) for settings in listeners]

    def _adopt(self, plan: Plan) -> None:
        limits = plan.limits
        self._plan = plan
        self._clients.limit(
            address=_part(limits.client_connections, plan.share),
            network=_part(limits.network_connections, plan.share),
            rate=_part(limits.client_rate, plan.share),
        )
        self._guessing.limit(
            network=_part(limits.auth_network_failures, plan.share), account=_part(limits.auth_account_failures, plan.share)
        )
        wanted = _part(limits.connections, plan.share) if limits.connections else self._descriptors
        self._most = min(wanted, self._descriptors)

    async def _empty(self, seconds: float) -> bool:
        """Wait until nobody is in; whether that came to pass within ``seconds``."""
        self._vacant = asyncio.Event()
        if not self._sessions:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._vacant.wait()
        except TimeoutError:
            return False
        return True

    def _enter(self, rules: Rules, arrival: Arrival) -> None:
        """Let a client in, or turn it away."""
        client = arrival.ends.remote
        trusted = not client or rules.trusts(client)
        key: Key | None = None
        if len(self._sessions) >= self._most:
            key = Key.GREETING_BUSY
        elif not trusted:
            key = self._clients.arrive(client)
        if key is not None:
            self._turn_away(rules, arrival, key)
            return
        session = Session(self._house, rules, arrival.ends, trusted=trusted)
        self._sessions.add(session)
        self._house.busy = len(self._sessions) > self._most * _BUSY
        session.begin(arrival)

    def _left(self, session: Session) -> None:
        self._sessions.discard(session)
        if self._vacant is not None and not self._sessions:
            self._vacant.set()
        self._house.busy = len(self._sessions) > self._most * _BUSY
        if not session.subject.trusted:
            self._clients.leave(session.ends.remote)

    def _turn_away(self, rules: Rules, arrival: Arrival, key: Key) -> None:
        # Who expects a handshake first could not read a reply.
        arrival.turn_away(b"" if rules.listener.tls is TlsMode.IMPLICIT else rules.greeting(key))
        observers = self._services.observers
        if observers and self._seldom(arrival.ends.remote):
            ends, role = arrival.ends, rules.listener.role
            local = f"{ends.local}:{ends.local_port}"
            observers.tell(SessionOpened(session="", role=role, client=ends.remote, port=ends.remote_port, local=local, key=key))

    def _seldom(self, client: str) -> bool:
        """Whether to tell that ``client`` was turned away: once a second for each, or the log would grow as fast as it can connect."""
        now = self._services.clock.monotonic()
        if now - self._away.get(client, -_AWAY_EVERY) < _AWAY_EVERY:
            return False
        if len(self._away) >= _AWAY_KEPT:
            self._away.clear()
        self._away[client] = now
        return True

    def _scarce(self, why: str) -> None:
        now = self._services.clock.monotonic()
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            detail = f"connections wait for a second: {why}; {len(self._sessions)} are open"
            self._services.observers.tell(ServerChanged(what="descriptors-low", detail=detail, severity="warning"))


class _Door:
    """One listener."""

    __slots__ = ("_gate", "acceptor", "rules", "settings")

    acceptor: Acceptor

    def __init__(self, gate: Gate, settings: ListenerSettings, rules: Rules) -> None:
        self._gate = gate
        self.settings = settings
        self.rules = rules

    def take(self, arrival: Arrival) -> None:
        """A client has come."""
        self._gate._enter(self.rules, arrival)  # noqa: SLF001 - a door is part of its gate


def _fits(place: Place, listener: ListenerSettings, plan: Plan) -> None:
    if listener.role is Role.LMTP and place.port == 25:  # 2033#5
        raise ListenError(f"LMTP is not for port 25: give the listener at {place} another port, or a path")
    if listener.tls is TlsMode.IMPLICIT and plan.context is None:
        raise ListenError(f"the listener at {place} needs a certificate: set tls.certificate and tls.key")


def _part(limit: int, share: int) -> int:
    """What one of ``share`` workers may use of a limit for the host."""
    return max(-(-limit // share), 1)
