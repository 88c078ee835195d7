"""Whether a positive reply means that a message was taken or delivered, and not merely that a command was in order. Knows no refusal.

RFC 5321 section 4.2.1 (a first digit of 2 is said of every command), RFC 3463 sections 3.2 and 3.7 (statuses of delivery).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.library import facts

if TYPE_CHECKING:
    from waypost.replies.line.split import Parts

_TAKEN = re.compile(
    r"""\b(?:en)?queued\b|
        \b(?:ok|message|mail|data|id)[ :]+(?:is\ |was\ |has\ been\ )?(?:accepted|received|delivered|stored|saved|taken|sent)\b|
        \baccepted\ (?:for\ delivery|message|mail|by)|\b(?:sent|delivered|saved|stored|received)(?:\ (?:ok|to|into|as|in)\b|\W{0,2}\Z)|
        \bok:?\ +(?:id[=: ]|dirdel|\d{9,11}\ (?:qp\ \d|[\w.-]{8,80}\ -\ gsmtp)|[\da-f]{16})|\bmessage\ (?:queued|accepted)|
        消息已|邮件已|已接收|已投递|delivery\ (?:ok|successful|complete)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words with which servers take a message over, or hand it into a mailbox."""


def is_taken(parts: Parts) -> bool:
    """Whether a reply of the second hundred says so: by a log that calls it done, by its words, or by a status that only delivery has."""
    if parts.done:
        return True
    if parts.code not in (None, 250):  # a greeting, a goodbye, a promise to forward: no message was there yet
        return False
    if parts.command:
        return parts.command == "DATA"
    if _TAKEN.search(parts.said):
        return True
    subject = (parts.status or "").partition(".")[2]
    if parts.code is None:
        row = facts("registry")["enhanced"].get(subject)
        return row is not None and row["category"] == "report.delivered"
    return subject == "6.0"  # content is spoken of, so it was there
