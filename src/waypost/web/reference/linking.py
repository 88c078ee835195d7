"""Lines of replies with the pages that explain them: code, enhanced code, keyword of EHLO. Pure; knows no conversation.

RFC 5321 section 4.2 (replies), RFC 2034 (enhanced codes in them), RFC 5321 section 4.1.1.1 (keywords in the reply to EHLO).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from waypost.replies.records import RecordKind, lookup
from waypost.web.reference.names import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

REPLY = re.compile(r"([2-5]\d\d)([ -]?)(?:([245]\.\d{1,3}\.\d{1,3})(?= |$))?")
_KEYWORD = re.compile(r"\d\d\d[ -]([A-Z0-9][A-Z0-9-]{1,30})")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of text in a line, and the page that it links to; empty: none."""

    text: str
    page: str = ""
    message: str = ""
    """The id of the message that it names."""


@lru_cache(maxsize=2048)
def page(name: str) -> str:
    """The page of the reference that explains a code; of an unknown one empty."""
    record = lookup(name)
    if record is None or record.kind in (RecordKind.GLOSSARY, RecordKind.CATEGORY):
        return ""
    fragment = f"#class-{record.digit}" if record.kind is RecordKind.ENHANCED and record.asked != record.code else ""
    return page_of(record) + fragment


@lru_cache(maxsize=2048)
def extension(keyword: str) -> str:
    """The page of an extension; of an unknown one empty."""
    record = lookup(keyword)
    return page_of(record) if record is not None and record.kind is RecordKind.EXTENSION else ""


def reply(line: str, *, greets: bool) -> tuple[Sequence[Run], str]:
    """A reply's line: its code and enhanced code, or the keyword that EHLO lists, linked; and what stands behind, if anything does."""
    keyword = _KEYWORD.match(line) if greets else None
    if keyword:
        place = keyword.start(1)
        runs = [Run(line[:3], page(line[:3])), Run(line[3:place]), Run(keyword[1], extension(keyword[1]))]
        return runs, line[keyword.end() :]
    found = REPLY.match(line)
    if found is None:
        return [], line
    status = [Run(found[3], page(found[3]))] if found[3] else []
    return [Run(found[1], page(found[1])), Run(found[2]), *status], line[found.end() :]
