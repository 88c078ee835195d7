"""Notices in JSON that Amazon SES sends by mail through SNS. Knows no other form.

Format: "Amazon SNS notification contents for Amazon SES" (vendor document): notificationType, bounce.bouncedRecipients, complaint,
delivery.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from waypost.replies.bounce.fields import Outcome
from waypost.replies.explanation import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {"bounce": Kind.BOUNCE, "complaint": Kind.FEEDBACK, "delivery": Kind.DELIVERED, "deliverydelay": Kind.DELAYED}
_RECIPIENTS = {Kind.BOUNCE: ("bounce", "bouncedRecipients"), Kind.DELAYED: ("deliveryDelay", "delayedRecipients")}


def read_notice(text: str) -> tuple[Kind, tuple[Outcome, ...]] | None:
    """The kind of a notice and its recipients; None for text that is no such notice."""
    if "otificationType" not in text and "eventType" not in text:
        return None
    notice = _notice(text)
    kind = _KINDS.get(str(notice.get("notificationType") or notice.get("eventType")).lower())
    if kind is None:
        return None
    section, name = _RECIPIENTS.get(kind, ("", ""))
    return kind, tuple(_outcomes(notice.get(section), name, delayed=kind is Kind.DELAYED))


def _notice(text: str) -> dict[str, Any]:
    """The innermost object: SNS wraps it as a string in its own."""
    start = text.find("{")
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text[start:]) if start >= 0 else ({}, 0)
        message = found.get("Message") if isinstance(found, dict) else None
        inner = json.loads(message, strict=False) if isinstance(message, str) else found
    except (ValueError, RecursionError):
        return {}
    return inner if isinstance(inner, dict) else {}


def _outcomes(section: object, name: str, *, delayed: bool) -> Iterator[Outcome]:
    recipients = section.get(name) if isinstance(section, dict) else None
    for row in recipients if isinstance(recipients, list) else ():
        if isinstance(row, dict) and isinstance(address := row.get("emailAddress"), str):
            diagnostic = str(row.get("diagnosticCode") or "")
            kind, _, rest = diagnostic.partition(";")
            status = row.get("status")
            yield Outcome(
                address.strip(),
                "delayed" if delayed else "failed",
                status if isinstance(status, str) else None,
                (rest if " " not in kind else diagnostic).strip(),
                None,
                smtp=True,
            )
