"""Addresses in running text: where they stand on their line, and in which shape. Knows no mailer and no language.

RFC 5321 section 4.1.2 (Mailbox), RFC 6531 section 3.3, read as people and programs print them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

LONGEST = 2000
"""Characters of a line that are searched."""
_MENTIONS = 100

_LOCAL = r"(?<![A-Za-z0-9!#$%&'*+/=?^_`{|}~.-])[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}"
_DOMAIN = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})|\[[0-9A-Fa-f.:IPv]{3,45}\]"
_PLAIN = re.compile(rf"(?:\"(?:[^\"\\\n]|\\.){{1,64}}\"|{_LOCAL})@(?:{_DOMAIN})")
_ANGLED = re.compile(
    r"<(?:mailto:|smtp:|rfc822;)?([^<>\s\x00-\x1f]{1,200}@[^<>\s\x00-\x1f@]{1,200})>|<\"([^\"<>\n]{1,100})\"@([^<>\s]{1,200})>",
    re.IGNORECASE,
)
_WIDE = re.compile(r"[^\s<>()\[\]\"'`,;:@=|\\]{1,100}@(?:[^\s<>()\[\]\"'`,;:@=|\\./]{1,63}\.)+[^\s<>()\[\]\"'`,;:@=|\\./]{2,63}")
_PREFIX = re.compile(r"^(?:smtp=|rfc822=|mailto=|smtp:|mailto:|to=|[*'`=/|{}#&!]+(?!\?))", re.IGNORECASE)
_TRAIL = re.compile(r"[-_.'`*]+$")

_FILLER = re.compile(r"[\s<>＜＞\[\](){}\"'`*•·●○◆■□►▶→>|,;:.!=_~«»“”‘’「」『』【】〈〉（）：，。；、－—–-]+")
"""What may stand around an address that has its line to itself."""
_SHOWN_NAME = re.compile(r"[^@:<>]{0,80}<(?:mailto:|smtp:)?$", re.IGNORECASE)
_BULLET = re.compile(r"^[\s<>＜\[({\"'`*•·●○◆■□►▶→|#=~_«“‘「『【（–—-]*(?:\d{1,3}[.)]\s*)?[\s<\[({\"'`]*$")
_OPENS_REASON = re.compile(r"^[>\]\"'`)}\s]*(?::|\.\.\.|…|：|\(|\[|,\s|;|=|\s[-–—]|\s*$|\s+on\s|\s*（|\s*，|\s+\d{3}\b|\s{2,}|\t)")
_PACKED = re.compile(r"^\S{1,100}[:;=]<?$")
"""Words without a space before an address: queue names and counters that a program put there."""

_TYPED = re.compile(r"smtp=$", re.IGNORECASE)
"""The end of an X.400 name that carries an Internet address."""


class Place(IntEnum):
    """How an address stands on its line: the higher, the likelier the line is about it."""

    INSIDE = 1
    TAIL = 2
    """At the end, after words that lead to it."""
    HEAD = 3
    """At the beginning, its reason after it."""
    ALONE = 4


@dataclass(frozen=True, slots=True)
class Mention:
    """One address on one line."""

    address: str
    place: Place
    before: str
    after: str


def mentions(line: str) -> list[Mention]:
    """The addresses on ``line``, in order: as many as a line of a report may have."""
    line = line[:LONGEST]
    spans = _spans(line)[:_MENTIONS]
    found = []
    for address, start, end in spans:
        before, after = line[:start], line[end:]
        found.append(Mention(address, _place(address, before, after, len(spans)), before, after))
    return found


def _spans(line: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    if not line.isascii() or '"' in line:
        for angled in _ANGLED.finditer(line):
            address = angled[1] or f'"{angled[2]}"@{angled[3]}'
            if not address.isascii() or '"' in address:
                found.append((address, angled.start() + 1, angled.end() - 1))
    for plain in _PLAIN.finditer(line):
        if len(found) >= _MENTIONS:
            break
        if any(start < plain.end() and plain.start() < end for _, start, end in found):
            continue
        address, start, end = _trimmed(plain[0], plain.start())
        if address:
            found.append((address, start, end))
    if not found and not line.isascii():
        found = [(wide[0], wide.start(), wide.end()) for wide in _WIDE.finditer(line)]
    return sorted(found, key=lambda span: span[1])


def _trimmed(text: str, start: int) -> tuple[str, int, int]:
    """The address without what only clings to it."""
    end = start + len(text)
    if text.startswith("/") or "/." in text:
        return "", start, end
    while prefix := _PREFIX.match(text):
        text = text[prefix.end() :]
    if not text.endswith("]"):
        text, kept = _TRAIL.sub("", text), len(text)
        end -= kept - len(text)
    local, _, domain = text.rpartition("@")
    return (text, end - len(text), end) if local and domain else ("", start, end)


def _place(address: str, before: str, after: str, count: int) -> Place:
    if not _FILLER.sub("", before) and not _FILLER.sub("", after):
        return Place.ALONE
    if count > 1 and not _FILLER.sub("", (before + after).replace(address, "")):
        return Place.ALONE
    if _SHOWN_NAME.match(before) and not _FILLER.sub("", after) and before.rstrip().endswith(("<", ":")) and len(before.split()) <= 6:
        return Place.ALONE
    if _TYPED.search(before) and _OPENS_REASON.match(after):
        return Place.HEAD
    if (_BULLET.match(before) or _PACKED.match(before.strip())) and _OPENS_REASON.match(after):
        return Place.HEAD
    return Place.TAIL if not _FILLER.sub("", after) else Place.INSIDE


def same(address: str) -> str:
    """What two spellings of one mailbox have in common: letters of either case, a dot after the domain, brackets."""
    return address.strip("<>\"' ").rstrip(".").lower().replace('"', "")
