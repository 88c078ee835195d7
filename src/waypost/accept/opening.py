"""How a session begins: the connection, where it must the handshake, and what the client hears first. Knows no command.

RFC 5321 section 3.1, RFC 8314 section 3.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.accept import telling
from waypost.accept.house import Turn
from waypost.policy.phase import Phase
from waypost.policy.verdict import Defer, Reject
from waypost.replies import Key, say
from waypost.smtp.terms import Role, TlsMode
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from waypost.accept.session import Session
    from waypost.net.listen import Arrival


CLOSING = frozenset({Key.GREETING_EARLY, Key.GREETING_UNAVAILABLE, Key.GREETING_SHUTDOWN})
"""Greetings with which the connection ends; 554 to a client that is refused leaves it QUIT (5321#3.1)."""


async def let_in(session: Session, arrival: Arrival) -> bool:
    """Open the connection; whether the client spoke first. Raises HandshakeError, ClosedError, or TimeoutError: its turn did not come."""
    loop = asyncio.get_running_loop()
    seconds = float(session.rules.limits.handshake_seconds)
    if session.rules.listener.tls is not TlsMode.IMPLICIT:
        early = arrival.spoke_first()
        session.stream = await arrival.open(loop, seconds=seconds)
        return early
    turn = Turn(session.house.handshakes)
    try:
        await turn.come(seconds)
    except (TimeoutError, asyncio.CancelledError):
        arrival.turn_away()
        raise
    with turn:
        session.stream = await arrival.open(loop, session.rules.plan.context, seconds=seconds)
    session.subject.tls = session.stream.tls
    telling.secured(session)
    return False


async def greet(session: Session, *, early: bool) -> None:
    """Say what the client hears first; ``early``: it spoke before."""
    key = await greeting(session, early=early)
    telling.opened(session, key)
    if key in CLOSING:
        session.say_last(key)
    else:
        plan = session.rules.plan
        session.greet(say(key, hostname=plan.hostname, software=plan.software))


async def greeting(session: Session, *, early: bool) -> Key:
    """What the client hears first; ``early``: it spoke before.

    A spool that cannot be written is told here, for nothing else of a session would be of use, and the client goes to the next
    server of its list at once. A disk without room is told at MAIL (452): it may hold a smaller message, or be emptied meanwhile.
    Checks refuse by 554 or put off by 421, whatever their own keys are: there are no other greetings.
    """
    if early:
        return Key.GREETING_EARLY
    if (refusal := await _refusal(session)) is not None:
        return refusal
    if session.house.draining:
        return Key.GREETING_SHUTDOWN
    try:
        session.services.spool.draft().discard()
    except SpoolFullError:
        pass
    except SpoolUnavailableError:
        return Key.GREETING_UNAVAILABLE
    return Key.GREETING_LMTP if session.subject.role is Role.LMTP else Key.GREETING


async def _refusal(session: Session) -> Key | None:
    """Why this client is not served, or not now, if so."""
    rules, subject = session.rules, session.subject
    if not subject.trusted and rules.refuses(subject.client):
        return Key.GREETING_REFUSED
    if Phase.CONNECT in rules.pipeline.idle:
        return None
    match await rules.pipeline.judge_waiting(Phase.CONNECT, subject):
        case Reject():
            return Key.GREETING_REFUSED
        case Defer():
            return Key.GREETING_UNAVAILABLE
        case _:
            return None
