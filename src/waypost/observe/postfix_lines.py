"""Events in the form of Postfix's log, so that pflogsumm, fail2ban and dashboards that read it go on working. ASCII alone.

Where Postfix has no place for something (the reply key, the session) it stands at the end of a line's free text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, assert_never

from waypost.mail.outcome import Action
from waypost.observe.escape import ascii_only
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
    from collections.abc import Iterator

    from waypost.observe.events import Event

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STATUS = {Action.DELIVERED: "sent", Action.RELAYED: "sent", Action.DEFERRED: "deferred", Action.FAILED: "bounced"}
_NOTICE = {"failed": "non-delivery notification", "delayed": "delay notification"}
_SEVERITY = {"warning": "warning: ", "error": "error: "}


class PostfixLines:
    """Writes events; keeps the second that was written last."""

    __slots__ = ("_host", "_name", "_pid", "_second", "_text")

    def __init__(self, name: str, hostname: str, pid: int) -> None:
        self._name = ascii_only(name)
        self._host = ascii_only(hostname).split(".", 1)[0] or "localhost"
        self._pid = pid
        self._second = -1
        self._text = ""

    def write(self, event: Event, wall: float) -> bytes:
        """The lines of ``event``, each with its LF: a message accepted makes three; empty for what is not logged."""
        moment = self._moment(wall)
        return "".join(
            f"{moment} {self._host} {self._name}/{program}[{self._pid}]: {ascii_only(text)}\n" for program, text in _told(event)
        ).encode("ascii")

    def _moment(self, wall: float) -> str:
        second = int(wall)
        if second != self._second:
            at = time.localtime(second)
            self._text = f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
            self._second = second
        return self._text


def _told(event: Event) -> Iterator[tuple[str, str]]:  # noqa: C901, PLR0912 - one case per event, each flat
    """Program and text of each line."""
    match event:
        case AttemptMade():
            yield _agent(event), _attempt(event)
        case MessageAccepted():
            yield from _accepted(event)
        case SessionOpened():
            yield _server(event.role), f"connect from {_client(event.client)}{_note(event.key, 'greeting')}"
        case SessionClosed():
            counts = f"mail={event.accepted} refused={event.refused}"
            yield _server(event.role), f"disconnect from {_client(event.client)} {counts}{_note(event.key, 'closing')}"
        case Refused():
            yield "smtpd", _refused(event)
        case SessionSecured():
            yield "smtpd", f"TLS connection established: {event.tls}" if event.tls else f"TLS handshake failed: {event.error}"
        case Authenticated():
            yield "smtpd", _authenticated(event)
        case NoticeQueued():
            kind = _NOTICE.get(event.kind, "delivery status notification")
            yield "bounce", f"{event.about}: sender {kind}: {event.id}"
        case MessageFinished():
            yield "qmgr", f"{event.id}: removed"
        case MessageAltered():
            yield "postsuper", f"{event.id}: {event.change}"
        case ServerChanged():
            yield "master", f"{_SEVERITY.get(event.severity, '')}{event.what}: {event.detail}".removesuffix(": ")
        case Spoken() | AttemptBegan():
            return
        case _:
            assert_never(event)


def _accepted(event: MessageAccepted) -> Iterator[tuple[str, str]]:
    envelope = event.envelope
    account = envelope.origin.account
    sasl = f", sasl_username={_word(account)}" if account else ""
    path = envelope.reverse_path
    if envelope.origin.protocol == "local":
        yield "pickup", f"{envelope.id}: uid={_word(account)} from=<{_address('' if path is None else path.text)}>"
    else:
        yield "smtpd", f"{envelope.id}: client={_client(envelope.origin.client)}{sasl}"
    yield "cleanup", f"{envelope.id}: message-id={_word(event.message_id)}"
    count = len(envelope.recipients)
    yield "qmgr", f"{envelope.id}: from=<{_address('' if path is None else path.text)}>, size={envelope.size}, nrcpt={count} (queue active)"


def _attempt(event: AttemptMade) -> str:
    outcome = event.outcome
    delays = "/".join(_seconds(delay) for delay in event.seconds)
    return (
        f"{event.id}: to=<{_address(event.recipient)}>, relay={_word(outcome.next_hop) or 'none'}, delay={_seconds(sum(event.seconds))}, "
        f"delays={delays}, dsn={_word(outcome.status)}, status={_STATUS[outcome.action]} ({_comment(event)}; key={_word(outcome.key)})"
    )


def _comment(event: AttemptMade) -> str:
    outcome = event.outcome
    heard = outcome.heard
    if heard is None:
        return outcome.detail or outcome.key
    if outcome.action in {Action.DELIVERED, Action.RELAYED}:
        return heard.text
    command = f" (in reply to {heard.command} command)" if heard.command else ""
    return f"host {outcome.next_hop.rpartition(':')[0]} said: {heard.text}{command}"


def _refused(event: Refused) -> str:
    status = f"{event.status} " if event.status else ""
    to = f"<{_address(event.forward_path)}>: " if event.forward_path else ""
    account = f" sasl_username=<{_address(event.account)}>" if event.account else ""
    return (
        f"NOQUEUE: reject: {event.command} from {_client(event.client)}: {event.code} {status}{to}{event.text}; "
        f"from=<{_address(event.reverse_path)}> to=<{_address(event.forward_path)}> proto=ESMTP helo=<{_address(event.helo)}>"
        f"{account} key={_word(event.key)}"
    )


def _authenticated(event: Authenticated) -> str:
    who = f"{_client(event.client)}: SASL {_word(event.mechanism)} authentication"
    if event.key == "auth-succeeded":
        return f"{who} succeeded: sasl_username={_word(event.account)}"
    return f"warning: {who} failed: key={_word(event.key)}, sasl_username={_word(event.account)}"


def _agent(event: AttemptMade) -> str:
    """``smtp`` for what went to a host, ``local`` for what rests here."""
    return "smtp" if "[" in event.outcome.next_hop or event.outcome.heard is not None else "local"


def _server(role: str) -> str:
    return "submission/smtpd" if role == "submission" else "smtpd"


def _client(address: str) -> str:
    return f"unknown[{address or 'unknown'}]"


def _note(key: str, usual: str) -> str:
    return f" key={_word(key)}" if key and key != usual else ""


def _word(text: str) -> str:
    """A value that ends at a comma or blank, so it can hold none."""
    return text.replace(" ", "?").replace(",", "?")


def _address(text: str) -> str:
    """A value between angle brackets, so it can hold none."""
    return text.replace("<", "?").replace(">", "?")


def _seconds(value: float) -> str:
    """As Postfix rounds: two digits that mean something."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.01 else "0"
