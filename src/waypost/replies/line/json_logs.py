"""Log records in JSON: KumoMTA's, and our own of ``log.format = "json"``. Knows their fields and no meaning."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from waypost.replies.line.split import Parts, split

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 200_000
"""Characters of a record that are parsed."""

_DONE = ("Delivery", "delivered", "relayed")
_GIVEN_UP = ("Expiration",)


def read_json(text: str) -> Parts | None:
    """The parts of a record, or None for JSON that is none, and for what is no JSON."""
    if len(text) > _MOST:
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("response"), dict):
        return _kumomta(record, record["response"])
    return _own(record) if record.get("event") in ("delivery", "refused") else None


def _kumomta(record: Mapping[str, Any], response: Mapping[str, Any]) -> Parts:
    finer = response.get("enhanced_code")
    status = None
    if isinstance(finer, dict):
        status = ".".join(str(finer.get(part, 0)) for part in ("class", "subject", "detail"))
    code, content = _code(response.get("code")), _text(response.get("content"))
    peer = record.get("peer_address")
    host = _text(peer.get("name")) if isinstance(peer, dict) else ""
    recipient = record.get("recipient")
    first = recipient[0] if isinstance(recipient, list) and recipient else recipient
    said = f"message expired {content}" if record.get("type") in _GIVEN_UP else content
    parts = replace(split(content), code=code, text=_joined(code, status, content), said=said)
    parts = replace(parts, status=status or parts.status, host=host.rstrip(".").lower() or None, recipient=_text(first) or None)
    return _done(parts) if record.get("type") in _DONE else parts


def _own(record: Mapping[str, Any]) -> Parts:
    relay = _text(record.get("relay")).split("[")[0].rstrip(".").lower()
    text, status = _text(record.get("text")), _text(record.get("dsn")) or None
    code = _code(record.get("code"))
    parts = split(text or _text(record.get("detail")))
    parts = replace(parts, code=code or parts.code, status=parts.status or status, text=_joined(code, None, text) or parts.text)
    parts = replace(parts, recipient=_text(record.get("to")) or None, host=relay if "." in relay else None)
    return _done(parts) if record.get("status") in _DONE else parts


def _done(parts: Parts) -> Parts:
    positive = str(parts.code or parts.status or "").startswith("2")
    return replace(parts, done=True) if positive else replace(parts, code=250, done=True)


def _joined(code: int | None, status: str | None, text: str) -> str:
    return " ".join(str(part) for part in (code, status, text) if part)


def _code(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
