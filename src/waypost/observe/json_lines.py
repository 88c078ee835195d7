"""Events as JSON lines: one object, one line, empty fields left out. The fields are a contract: docs/logs.md lists them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from waypost.observe.escape import printable
from waypost.observe.events import (
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
_FIRST = ("ts", "level", "event")
"""What each line begins with; of the rest, empty and absent say the same."""


class JsonLines:
    """Writes events; keeps the second that was written last, because dates cost more than all the rest."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def write(self, event: Event, level: str, wall: float) -> bytes:
        """The line of ``event`` with its LF; empty for what is not logged."""
        fields = _fields(event)
        if not fields:
            return b""
        fields |= {"ts": self._moment(wall), "level": level}
        row = {name: fields[name] for name in _FIRST} | {name: value for name, value in fields.items() if value or value == 0}
        try:
            line = _ENCODE(row)
        except UnicodeEncodeError:  # a lone surrogate
            line = _ENCODE({name: printable(value) if isinstance(value, str) else value for name, value in row.items()})
        if line.isascii() and b"\x7f" not in line:
            return line + b"\n"
        return _visible(line.decode()).encode() + b"\n"

    def _moment(self, wall: float) -> str:
        second = int(wall)
        if second != self._second:
            self._text = datetime.fromtimestamp(second, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._text}.{int((wall - second) * 1000):03d}Z"


def _fields(event: Event) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912 - one case per event, each flat
    match event:
        case AttemptMade():
            return _attempt(event)
        case MessageAccepted():
            return _accepted(event)
        case SessionClosed():
            return {
                "event": "disconnect",
                "session": event.session,
                "role": event.role,
                "client": event.client,
                "helo": event.helo,
                "tls": event.tls,
                "account": event.account,
                "seconds": round(event.seconds, 3),
                "accepted": event.accepted,
                "refused": event.refused,
                "key": event.key,
            }
        case SessionOpened():
            return {
                "event": "connect",
                "session": event.session,
                "role": event.role,
                "client": event.client,
                "port": event.port,
                "local": event.local,
                "key": event.key,
            }
        case Refused():
            return _refused(event)
        case SessionSecured():
            return {"event": "tls", "session": event.session, "tls": event.tls, "error": event.error}
        case Authenticated():
            return {
                "event": "auth",
                "session": event.session,
                "client": event.client,
                "account": event.account,
                "mechanism": event.mechanism,
                "key": event.key,
            }
        case NoticeQueued():
            return {"event": "notice", "qid": event.id, "about": event.about, "to": event.to, "kind": event.kind}
        case MessageFinished():
            return {"event": "removed", "qid": event.id}
        case MessageAltered():
            return {"event": "altered", "qid": event.id, "change": event.change}
        case ServerChanged():
            return {"event": "server", "what": event.what, "detail": event.detail}
        case Spoken():
            return {}
        case _:
            assert_never(event)


def _accepted(event: MessageAccepted) -> dict[str, Any]:
    envelope = event.envelope
    origin = envelope.origin
    path = envelope.reverse_path
    return {
        "event": "accepted",
        "session": event.session,
        "qid": envelope.id,
        "from": "<>" if path is None else path.text,
        "nrcpt": len(envelope.recipients),
        "size": envelope.size,
        "message_id": event.message_id,
        "client": origin.client,
        "helo": origin.helo,
        "protocol": origin.protocol,
        "tls": origin.tls,
        "account": origin.account,
        "key": event.key,
    }


def _attempt(event: AttemptMade) -> dict[str, Any]:
    outcome = event.outcome
    heard = outcome.heard
    delays = event.seconds
    return {
        "event": "delivery",
        "session": event.session,
        "qid": event.id,
        "from": event.reverse_path or "<>",
        "to": event.recipient,
        "relay": outcome.next_hop,
        "delay": round(sum(delays), 3),
        "delays": [round(delay, 3) for delay in delays],
        "dsn": outcome.status,
        "status": outcome.action.value,
        "key": outcome.key,
        "code": heard.code if heard is not None else None,
        "text": heard.text if heard is not None else None,
        "detail": outcome.detail,
        "attempts": event.attempts,
        "next": _rfc3339(event.next_attempt) if event.next_attempt is not None else None,
    }


def _refused(event: Refused) -> dict[str, Any]:
    return {
        "event": "refused",
        "session": event.session,
        "client": event.client,
        "helo": event.helo,
        "account": event.account,
        "command": event.command,
        "from": event.reverse_path,
        "to": event.forward_path,
        "dsn": event.status,
        "key": event.key,
        "code": event.code,
        "text": event.text,
    }


def _visible(line: str) -> str:
    """``line`` with what JSON leaves as it is and a terminal obeys, or nobody sees, escaped as JSON escapes."""
    return line if line.isprintable() else "".join(letter if letter.isprintable() else _escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    return json.dumps(letter)[1:-1] if letter != "\x7f" else "\\u007f"


def _rfc3339(wall: float) -> str:
    return datetime.fromtimestamp(int(wall), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
