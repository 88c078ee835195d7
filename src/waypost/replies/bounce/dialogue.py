"""SMTP replies in the text of a report: found by their codes, each with its wrapped lines. Knows no recipient.

RFC 5321 section 4.2 (form of a reply).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 1200
"""Characters of a text that is handed on."""
_REPLIES = 1000
"""Replies of a report that are taken."""

_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -]\S|: \S|\s+#?[245]\.|\n)")
_ANNOUNCED = re.compile(
    r"(?:^|\n|<<<|(?:said|says|returned|responded|responded with|replied|response|reason|error|code|status|smtp):?"
    r"|[:\[(\"'>;=,]|\(\d+\))[\s\"'\[(<]{0,4}$",
    re.IGNORECASE,
)
"""What stands before a number that is a reply code, and not a count of seconds or a street number."""
_LABELLED = re.compile(r"error_?code\s*:\s*(\d[\d.]*),?\s*", re.IGNORECASE)
"""A code and a status that are labelled each, as one mailer writes them."""
DIALOGUE = re.compile(
    r"^(?:>>>|<<<|\.\.\. while talking|while talking|giving up on |i'm not going to try again|i'm giving up"
    r"|warning: message still undelivered|warning: could not send)",
    re.IGNORECASE,
)
"""Lines that belong to no reply: what was asked, and what the mailer says of itself after it."""


def replies(lines: Iterable[str]) -> list[str]:
    """The SMTP replies in ``lines``, each with its wrapped or following lines up to a blank one."""
    block = _LABELLED.sub(r"\1 ", "\n".join(line.rstrip() for line in lines))
    if not any(digit in block for digit in "45"):
        return []
    found: list[str] = []
    place = 0
    while len(found) < _REPLIES and (code := _CODE.search(block, place)):
        start = place = code.start(1)
        if _ANNOUNCED.search(block, max(0, start - 24), start):
            place = _end(block, start)
            found.append(joined(block[start:place]))
        else:
            place += 3
    return found


def _end(block: str, start: int) -> int:
    """Where the reply that begins at ``start`` ends: at a blank line, or where dialogue or another reply with another code begins."""
    place = start
    code = block[start : start + 3]
    while True:
        line = block.find("\n", place)
        if line < 0:
            return len(block)
        following = block[line + 1 : line + 200].split("\n", 1)[0].strip()
        if not following or DIALOGUE.match(following):
            return line
        if following[:3].isdigit() and following[3:4] in (" ", "-") and following[:3] != code:
            return line
        if line - start > MOST:
            return line
        place = line + 1


def joined(block: str) -> str:
    """Lines as one text; a line that begins with a reply code of its own stays a line."""
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    text = ""
    for line in lines:
        coded = line[:3].isdigit() and line[3:4] in ("-", " ") and text[:3] == line[:3]
        text += ("\n" if coded else " " if text else "") + line
    return text
