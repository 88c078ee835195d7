"""Values of the spool and the inbox as plain rows: one schema for JSON, terminal and web. Pure; knows no store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, assert_never

from waypost.mail.outcome import Action, Outcome
from waypost.replies import Key
from waypost.replies.gloss import gloss
from waypost.spool.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.history.render import Entry
    from waypost.inbox.inbox import Captured
    from waypost.mail.path import ReversePath
    from waypost.spool.settings import QueueSettings
    from waypost.spool.spool import Found, Standing

_HELD = Outcome(action=Action.DEFERRED, key=Key.HELD, status="2.0.0")
"""What is said of mail that was held from the first and never attempted."""
_OVER = {
    State.DELIVERED: "it was delivered; others of the message still wait",
    State.RELAYED: "the next hop took it; others of the message still wait",
    State.FAILED: "it was given up, and the sender was told where a notice is owed",
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def path(reverse_path: ReversePath) -> str:
    """How a reverse-path is shown: ``<>`` for the null one."""
    return "<>" if reverse_path is None else reverse_path.text


def shown(text: str) -> str:
    """Text from outside without control characters and direction marks: safe on a terminal."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def brief(found: Found) -> dict[str, Any]:
    """One message of the queue, as ``queue list`` shows it."""
    envelope = found.envelope
    return {
        "id": envelope.id,
        "arrived": envelope.arrived,
        "size": envelope.size,
        "from": path(envelope.reverse_path),
        "recipients": [standing(one) for one in found.recipients],
    }


def whole(found: Found, settings: QueueSettings, *, upcoming: Sequence[float], expires: float, lang: str) -> dict[str, Any]:
    """One message of the queue with the reasons why it waits."""
    envelope = found.envelope
    origin = envelope.origin
    return {
        **brief(found),
        "client": origin.client,
        "helo": shown(origin.helo),
        "protocol": origin.protocol,
        "account": origin.account,
        "session": origin.session,
        "envid": envelope.envid,
        "expires": expires,
        "plan": list(upcoming),
        "recipients": [explained(one, settings, lang) for one in found.recipients],
    }


def standing(one: Standing) -> dict[str, Any]:
    """One recipient as it stands."""
    last = one.last
    return {
        "address": one.recipient.mailbox.text,
        "domain": one.domain,
        "state": str(one.state),
        "attempts": one.attempts,
        "last_attempt": one.last_attempt,
        "next_attempt": one.next_attempt if one.state in (State.DEFERRED, State.QUEUED) else None,
        "key": last.key if last else None,
        "reply": shown(last.heard.text) if last and last.heard else None,
        "detail": shown(last.detail) if last and last.detail else None,
        "next_hop": last.next_hop if last else None,
    }


def explained(one: Standing, settings: QueueSettings, lang: str) -> dict[str, Any]:
    """One recipient with the explanation of its last reply and the rule that set its next attempt."""
    row = standing(one)
    row["explanation"] = explanation(one.last or _HELD, lang) if one.last or one.state is State.HELD else None
    row["why"] = why(one)
    row["rule"] = rule(settings, one)
    return row


def explanation(last: Outcome, lang: str) -> dict[str, str]:
    """What the end of the last attempt means and what to do: of the reply that was heard, else of our own key."""
    if last.heard:
        told = gloss(last.heard.code, last.heard.status, last.heard.text, lang=lang)  # who runs this server is the sender there
    else:
        told = gloss(0, last.status, key=last.key, lang=lang, reader="operator")
    return {"title": told.title, "meaning": told.meaning, "fix": told.fix}


def why(one: Standing) -> str:
    """Why this recipient waits, in a phrase."""
    match one.state:
        case State.QUEUED:
            return "it waits for its first attempt" if not one.attempts else "it waits for a deliverer"
        case State.LEASED:
            return "it is being attempted this moment"
        case State.DEFERRED:
            return f"attempt {one.attempts} ended without delivery; the next one is planned"
        case State.HELD:
            return "it is held until an operator releases it"
        case State.DELIVERED | State.RELAYED | State.FAILED:
            return _OVER[one.state]
        case _:
            assert_never(one.state)


def rule(settings: QueueSettings, one: Standing) -> str | None:
    """The setting that chose the wait after the last attempt."""
    if one.state is not State.DEFERRED or not one.attempts:
        return None
    place = min(one.attempts, len(settings.retry)) - 1
    return f"queue.retry[{place}] = {settings.retry[place]} s, varied by up to queue.jitter = {settings.jitter} %"


def entry(one: Entry) -> dict[str, Any]:
    """One thing said in a conversation."""
    told = one.gloss
    return {
        "after": round(one.after, 6),
        "who": str(one.who),
        "lines": list(one.lines),
        "code": one.code or None,
        "key": one.key or None,
        "explanation": {"title": told.title, "meaning": told.meaning, "fix": told.fix} if told else None,
    }


def captured(one: Captured) -> dict[str, Any]:
    """One message of the inbox, as ``inbox list`` shows it."""
    envelope = one.envelope
    return {
        "id": one.id,
        "captured": one.captured,
        "from": path(envelope.reverse_path),
        "to": [recipient.mailbox.text for recipient in envelope.recipients],
        "subject": shown(one.subject),
        "message_id": shown(one.message_id),
        "size": one.size,
        "client": envelope.origin.client,
        "helo": shown(envelope.origin.helo),
        "tls": envelope.origin.tls,
        "account": shown(envelope.origin.account),
        "session": envelope.origin.session,
    }
