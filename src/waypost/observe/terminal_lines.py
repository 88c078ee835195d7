"""Events for people at a terminal: the time, what happened, and what matters of it; colour only where it is wanted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, assert_never

from waypost.mail.outcome import Action
from waypost.observe.escape import printable
from waypost.observe.events import (
    AttemptBegan,
    AttemptMade,
    Authenticated,
    MessageAccepted,
    MessageAltered,
    MessageFinished,
    NoticeQueued,
    Refused,
    ServerChanged,
    SessionClosed,
    SessionOpened,
    SessionSecured,
    Spoken,
)

if TYPE_CHECKING:
    from waypost.observe.events import Event

_COLOURS = {"debug": "2", "info": "0", "warning": "33", "error": "31"}
_DIM, _RESET = "\x1b[2m", "\x1b[0m"


class TerminalLines:
    """Writes events."""

    __slots__ = ("_colour",)

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def write(self, event: Event, level: str, wall: float) -> bytes:
        """The line of ``event`` with its LF; empty for what is not logged."""
        told = _told(event)
        if told is None:
            return b""
        at = time.localtime(int(wall))
        moment = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
        what, text = told[0], printable(told[1])
        if not self._colour:
            return f"{moment} {what:<10} {text}\n".encode()
        bad = isinstance(event, Refused) or (isinstance(event, AttemptMade) and event.outcome.action in _TROUBLE)
        colour = "33" if bad and level == "info" else _COLOURS[level]
        return f"{_DIM}{moment}{_RESET} \x1b[{colour}m{what:<10}{_RESET} {text}\n".encode()


_TROUBLE = {Action.DEFERRED, Action.FAILED}


def _told(event: Event) -> tuple[str, str] | None:  # noqa: C901, PLR0911, PLR0912 - one case per event, each flat
    match event:
        case AttemptMade():
            return event.outcome.action.value, _attempt(event)
        case MessageAccepted():
            return "accepted", _accepted(event)
        case Refused():
            return "refused", _refused(event)
        case SessionOpened():
            return "connect", f"{event.client} to {event.role} {event.local}{_tail(event.key, event.session)}"
        case SessionClosed():
            counts = f"{event.accepted} accepted, {event.refused} refused, {event.seconds:.1f} s"
            return "disconnect", f"{event.client} ({counts}){_tail(event.key, event.session)}"
        case SessionSecured():
            return "tls", (event.tls or f"handshake failed: {event.error}") + _tail("", event.session)
        case Authenticated():
            return "auth", f"{event.account} by {event.mechanism} from {event.client}{_tail(event.key, event.session)}"
        case NoticeQueued():
            return "notice", f"{event.kind}: to <{event.to}> about {event.about}, as {event.id}"
        case MessageFinished():
            return "removed", event.id
        case MessageAltered():
            return "altered", f"{event.id}: {event.change}"
        case ServerChanged():
            return event.severity if event.severity != "info" else "server", f"{event.what}: {event.detail}".removesuffix(": ")
        case Spoken() | AttemptBegan():
            return None
        case _:
            assert_never(event)


def _accepted(event: MessageAccepted) -> str:
    envelope = event.envelope
    path = envelope.reverse_path
    to = f"<{envelope.recipients[0].mailbox}>" if len(envelope.recipients) == 1 else f"{len(envelope.recipients)} recipients"
    return f"{envelope.id} from <{path or ''}> to {to}, {envelope.size} octets{_tail(event.key, event.session)}"


def _refused(event: Refused) -> str:
    status = f"{event.status} " if event.status else ""
    path = event.forward_path or event.reverse_path
    about = f" <{path}>" if path else ""
    return f"{event.command}{about} from {event.client}: {event.code} {status}{event.text}{_tail(event.key, event.session)}"


def _attempt(event: AttemptMade) -> str:
    outcome = event.outcome
    said = outcome.heard.text if outcome.heard is not None else outcome.detail
    by = f" by {outcome.next_hop}" if outcome.next_hop else ""
    return f"{event.id} to <{event.recipient}>{by}: {said or outcome.status}{_tail(outcome.key, event.session)}"


def _tail(key: str, session: str) -> str:
    named = " ".join(each for each in (key, session) if each)
    return f" ({named})" if named else ""
