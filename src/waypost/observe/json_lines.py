"""Events as JSON lines: one object, one line, empty fields left out. The fields are a contract: docs/logs.md lists them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

import msgspec

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

_ENCODE = msgspec.json.Encoder().encode


class Row(msgspec.Struct, omit_defaults=True, rename={"sender": "from"}, gc=False):
    """A line: each field once, in the order in which it stands; ``docs/logs.md`` says which event has which."""

    ts: str
    level: str
    event: str
    qid: str = ""
    session: str = ""
    key: str = ""
    role: str = ""
    client: str = ""
    port: int = 0
    local: str = ""
    helo: str = ""
    protocol: str = ""
    tls: str = ""
    account: str = ""
    mechanism: str = ""
    command: str = ""
    sender: str = ""
    to: str = ""
    nrcpt: int = 0
    size: int = -1
    message_id: str = ""
    relay: str = ""
    delay: float = -1.0
    delays: tuple[float, ...] = ()
    dsn: str = ""
    status: str = ""
    code: int = 0
    text: str = ""
    attempts: int = 0
    next: str = ""
    about: str = ""
    kind: str = ""
    change: str = ""
    seconds: float = -1.0
    accepted: int = -1
    refused: int = -1
    what: str = ""
    detail: str = ""
    error: str = ""


class JsonLines:
    """Writes events; keeps the second that was written last, because dates cost more than all the rest."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def write(self, event: Event, level: str, wall: float) -> bytes:
        """The line of ``event`` with its LF; empty for what is not logged."""
        row = _row(event, self._moment(wall), level)
        if row is None:
            return b""
        try:
            line = _ENCODE(row)
        except UnicodeEncodeError:  # a lone surrogate
            line = _ENCODE(_mended(row))
        if line.isascii() and b"\x7f" not in line:
            return line + b"\n"
        return _visible(line.decode()).encode() + b"\n"

    def _moment(self, wall: float) -> str:
        second = int(wall)
        if second != self._second:
            self._text = datetime.fromtimestamp(second, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._text}.{int((wall - second) * 1000):03d}Z"


def _row(event: Event, ts: str, level: str) -> Row | None:  # noqa: C901, PLR0911, PLR0912 - one case per event, each flat
    match event:
        case AttemptMade():
            return _attempt(event, ts, level)
        case MessageAccepted():
            return _accepted(event, ts, level)
        case MessageFinished():
            return Row(ts, level, "removed", event.id)
        case SessionClosed():
            return _closed(event, ts, level)
        case Refused():
            return _refused(event, ts, level)
        case SessionOpened():
            return Row(ts, level, "connect", "", event.session, event.key, event.role, event.client, event.port, event.local)
        case SessionSecured():
            return Row(ts, level, "tls", "", event.session, tls=event.tls, error=event.error)
        case Authenticated():
            who = event.account
            return Row(ts, level, "auth", "", event.session, event.key, client=event.client, account=who, mechanism=event.mechanism)
        case NoticeQueued():
            return Row(ts, level, "notice", event.id, to=event.to, about=event.about, kind=event.kind)
        case MessageAltered():
            return Row(ts, level, "altered", event.id, change=event.change)
        case ServerChanged():
            return Row(ts, level, "server", what=event.what, detail=event.detail)
        case Spoken() | AttemptBegan():
            return None
        case _:
            assert_never(event)


def _accepted(event: MessageAccepted, ts: str, level: str) -> Row:
    envelope = event.envelope
    origin = envelope.origin
    path = envelope.reverse_path
    return Row(
        ts,
        level,
        "accepted",
        envelope.id,
        event.session,
        event.key,
        client=origin.client,
        helo=origin.helo,
        protocol=origin.protocol,
        tls=origin.tls,
        account=origin.account,
        sender="<>" if path is None else path.text,
        nrcpt=len(envelope.recipients),
        size=envelope.size,
        message_id=event.message_id,
    )


def _attempt(event: AttemptMade, ts: str, level: str) -> Row:
    outcome = event.outcome
    heard = outcome.heard
    a, b, c, d = event.seconds
    return Row(
        ts,
        level,
        "delivery",
        event.id,
        event.session,
        outcome.key,
        sender=event.reverse_path or "<>",
        to=event.recipient,
        relay=outcome.next_hop,
        delay=round(a + b + c + d, 3),
        delays=(round(a, 3), round(b, 3), round(c, 3), round(d, 3)),
        dsn=outcome.status,
        status=outcome.action,
        code=0 if heard is None else heard.code,
        text="" if heard is None else heard.text,
        attempts=event.attempts,
        next="" if event.next_attempt is None else _rfc3339(event.next_attempt),
        detail=outcome.detail,
    )


def _refused(event: Refused, ts: str, level: str) -> Row:
    return Row(
        ts,
        level,
        "refused",
        session=event.session,
        key=event.key,
        client=event.client,
        helo=event.helo,
        account=event.account,
        command=event.command,
        sender=event.reverse_path,
        to=event.forward_path,
        dsn=event.status,
        code=event.code,
        text=event.text,
    )


def _closed(event: SessionClosed, ts: str, level: str) -> Row:
    return Row(
        ts,
        level,
        "disconnect",
        session=event.session,
        key=event.key,
        role=event.role,
        client=event.client,
        helo=event.helo,
        tls=event.tls,
        account=event.account,
        seconds=round(event.seconds, 3),
        accepted=event.accepted,
        refused=event.refused,
    )


def _mended(row: Row) -> Row:
    """``row`` with every text made printable."""
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, str):
            setattr(row, name, printable(value))
    return row


def _visible(line: str) -> str:
    """``line`` with what JSON leaves as it is and a terminal obeys, or nobody sees, escaped as JSON escapes."""
    return line if line.isprintable() else "".join(letter if letter.isprintable() else _escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    return json.dumps(letter)[1:-1] if letter != "\x7f" else "\\u007f"


def _rfc3339(wall: float) -> str:
    return datetime.fromtimestamp(int(wall), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
