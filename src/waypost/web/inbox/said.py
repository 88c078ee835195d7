"""A conversation as its page shows it: each reply with the pages of the reference that explain it. Knows no server.

RFC 5321 section 4.2 (replies), RFC 2034 (enhanced codes in them), RFC 5321 section 4.1.1.1 (keywords in the reply to EHLO).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from waypost.mail.identifier import is_identifier
from waypost.replies.records import RecordKind, lookup
from waypost.web.reference.names import page_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REPLY = re.compile(r"([2-5]\d\d)([ -]?)(?:([245]\.\d{1,3}\.\d{1,3})(?= |$))?")
_KEYWORD = re.compile(r"\d\d\d[ -]([A-Z0-9][A-Z0-9-]{1,30})")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of text in a line, and the page that it links to; empty: none."""

    text: str
    page: str = ""
    message: str = ""
    """The id of the message that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing said."""

    after: float
    """Seconds since the conversation began."""
    who: str
    """``client``, ``server`` or ``note``."""
    lines: Sequence[Sequence[Run]]
    digit: str
    """First digit of a reply's code; empty for everything else."""
    code: str
    page: str
    """Of the code, or of its enhanced code where that tells more."""
    explanation: Mapping[str, str] | None

    @property
    def message(self) -> str:
        """The message that the reply says was kept; empty for everything else."""
        return next((run.message for line in self.lines for run in line if run.message), "")

    @property
    def refuses(self) -> bool:
        """Whether it is a refusal."""
        return self.digit in ("4", "5")


def told(conversation: Mapping[str, Any]) -> list[Said]:
    """Everything that was said, in order."""
    return [said(entry) for entry in conversation["lines"]]


def said(entry: Mapping[str, Any]) -> Said:
    """One row of ``trace``, or the refusal of a row of ``refused``."""
    lines: Sequence[str] = entry["lines"]
    replies = entry["who"] == "server"
    found = _REPLY.match(lines[-1]) if replies and lines else None
    code, status = (found[1], found[3]) if found else ("", None)
    telling = status if status and not status.endswith(".0.0") and page(status) else code
    return Said(
        after=entry["after"],
        who=entry["who"],
        lines=[_runs(line, greets=entry["key"] == "ehlo" and number > 0) if replies else (Run(line),) for number, line in enumerate(lines)],
        digit=code[:1],
        code=telling,
        page=page(telling) if telling else "",
        explanation=entry["explanation"],
    )


@lru_cache(maxsize=2048)
def page(name: str) -> str:
    """The page of the reference that explains a code; of an unknown one empty."""
    record = lookup(name)
    if record is None or record.kind in (RecordKind.GLOSSARY, RecordKind.CATEGORY):
        return ""
    fragment = f"#class-{record.digit}" if record.kind is RecordKind.ENHANCED and record.asked != record.code else ""
    return page_of(record) + fragment


def _runs(line: str, *, greets: bool) -> Sequence[Run]:
    """A reply's line: its code and enhanced code, or the keyword that EHLO lists, linked."""
    keyword = _KEYWORD.match(line) if greets else None
    if keyword:
        place = keyword.start(1)
        return [Run(line[:3], page(line[:3])), Run(line[3:place]), Run(keyword[1], _extension(keyword[1])), Run(line[keyword.end() :])]
    found = _REPLY.match(line)
    if found is None:
        return [Run(line)]
    status = [Run(found[3], page(found[3]))] if found[3] else []
    return [Run(found[1], page(found[1])), Run(found[2]), *status, *_named(line[found.end() :])]


def _named(text: str) -> Sequence[Run]:
    """The rest of a reply of ours; the message that it names, linked."""
    before, queued, rest = text.partition("Queued as ")
    id_, blank, after = rest.partition(" ")
    if not queued or not is_identifier(id_):
        return [Run(text)]
    return [Run(before + queued), Run(id_, message=id_), Run(blank + after)]


def _extension(keyword: str) -> str:
    record = lookup(keyword)
    return page_of(record) if record is not None and record.kind is RecordKind.EXTENSION else ""
