"""Where a report in prose ends and the message that it returns begins. Knows no recipient and no language but the phrases of ``signs``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.signs import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.replies.bounce.signs import Signs

_TRANSPORT = re.compile(
    r"^[ \t>|]{0,12}(?:received|return-path|dkim-signature|mime-version|arc-seal|delivered-to|x-received|authentication-results"
    r"|domainkey-signature|x-originating-ip)[ \t]*:[ \t]*\S",
    re.IGNORECASE | re.MULTILINE,
)
"""A field that only a message that travelled has; letters quote it in no other way."""
_FIELD_LIKE = re.compile(r"^[ \t>|]{0,12}[A-Za-z][A-Za-z0-9-]{1,40}[ \t]*:(?:[ \t]|$)")
_DECORATED = re.compile(r"^[ \t>]*(?:[-=*_|#~+<]{2,}|\*|[＝－─━═＊*■□◆]{2,})")
_RULED = re.compile(r"^\s*(?:[-=_*#~+|─━═]{3,})(?:.{0,100}[-=_*#~+|─━═:]{2,}\s*|\s*[^@<>]{0,80})$")
_LONGEST = 120
_WIDEST = 300


def returned_from(lines: Sequence[str], signs: Signs, *, headings: bool = True) -> int:
    """The number of the line with which the returned message begins; the number of lines where none is seen.

    Without ``headings``, only fields of a message that travelled are believed, not words that announce one.
    """
    for number, line in enumerate(lines):
        if ":" in line and _TRANSPORT.match(line) and _in_header(lines, number):
            return number
        if headings and _may_part(line) and signs.separator.found(fold(line)) and _parts(lines, number):
            return number
    return len(lines)


def is_rule(line: str) -> bool:
    """Whether a line only parts the report: a rule, or a heading drawn with one."""
    return len(line) < _WIDEST and _RULED.match(line) is not None


def _may_part(line: str) -> bool:
    text = line.strip()
    return (
        bool(text)
        and len(text) <= _LONGEST
        and (text[-1] in ":：.>-=*_|#。」】" or _DECORATED.match(line) is not None or not text.isascii() or len(text) < 40)
    )


def _parts(lines: Sequence[str], number: int) -> bool:
    """A separator is drawn as one, ends with a colon, or has fields after it; a sentence that only speaks of the message does not."""
    line = lines[number].strip()
    if _DECORATED.match(lines[number]):
        return True
    after = [following for following in lines[number + 1 : number + 5] if following.strip()][:2]
    if after and all(_FIELD_LIKE.match(following) for following in after):
        return True
    return line[-1] in ":：" and not any("@" in following for following in after)


def _in_header(lines: Sequence[str], number: int) -> bool:
    """Whether the lines after a field are fields or folds too."""
    after = lines[number + 1 : number + 3]
    return all(_FIELD_LIKE.match(line) or line[:1] in (" ", "\t", ">", "|") or not line.strip() for line in after)
