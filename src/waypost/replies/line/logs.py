"""Lines of mail servers' logs: which server's, and the reply, recipient and host in them. Knows no meaning.

Postfix, Exim, Sendmail, Exchange, OpenSMTPD, qmail, KumoMTA and our own.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from waypost.replies.line.split import Parts, split

if TYPE_CHECKING:
    from collections.abc import Mapping

_POSTFIX = re.compile(
    r"\bstatus=(sent|bounced|deferred|expired|undeliverable|deliverable|SOFTBOUNCE)\b(?:,? *(?:\((.*)\)|(.*)))?\s*\Z", re.S
)


def read_log(text: str) -> Parts | None:
    """The parts of a log line, or None for what is none."""
    if "status=" in text and (found := _POSTFIX.search(text)):
        return _postfix(text, found)
    return None


def _field(text: str, name: str) -> str | None:
    found = re.search(rf"\b{name}=<?([^>,\s\[\]]+)", text)
    return found[1] if found else None


def _postfix(text: str, found: re.Match[str]) -> Parts:
    head = text[: found.start()]
    parts = split(found[2] or found[3] or "")
    relay = _field(head, "relay")
    return replace(
        parts,
        recipient=_field(head, "to") or parts.recipient,
        host=parts.host or (relay if relay and relay not in ("none", "local", "virtual", "dovecot", "lmtp") else None),
        status=parts.status or _field(head, "dsn"),
    )
