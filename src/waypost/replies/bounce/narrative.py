"""Reading the prose of a report: which recipients it names, and what it says of each. Knows no mailer by name and judges no reply.

It looks for lines on which an address has a place of its own, and takes what follows, or leads to it, for what is said of it: so layouts
that nobody described are read as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import Place, mentions, same
from waypost.replies.bounce.dialogue import replies
from waypost.replies.bounce.returned import is_rule, returned_from
from waypost.replies.bounce.signs import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from waypost.replies.bounce.addresses import Mention
    from waypost.replies.bounce.signs import Signs

LINES = 1500
"""Lines of a report that are read."""
_CHARACTERS = 256 * 1024
"""Characters of a report that are read."""
_SECTION = 40
"""Lines that are read after a recipient."""
_RECIPIENTS = 1000
"""Recipients that are taken from one report."""

_ECHO = re.compile(r"^[\s>*|•-]{0,8}([^\W\d_][^:：@<>]{0,30}?)\s*[:：=]\s*(?:[^:：]|$)")
_ENVELOPE = re.compile(r"(?:rcpt\s+to|recipient\s+to)\s*[:=]?\s*<?$", re.IGNORECASE)
_REPLY_LINE = re.compile(r"^\s*(?:<<<\s*)?[245]\d\d[ -]")
_ADDRESSED = re.compile(r"^\s*(?:<<<\s*)?[245]\d\d[ -](?:\d\.\d{1,3}\.\d{1,3}\s+)?<?$")
_CLAUSE = re.compile(r"[.;!?。；！？]\s+|。")
_TO = re.compile(r"(?:^|[\s(])(?:to|for|an|a|à|para|para o|till|til|aan|do|для|на)\s*$")
_ANSWERED = re.compile(r"[>\"'\])]*\s*[-:,(\[]{0,2}\s*[45]\d\d[ -]")
"""A reply code that stands right after an address."""
_QUOTED = re.compile(r"\s?>\s+[^\s@]*[^\s@<>]")
"""A line that somebody quotes: not one that only points at an address."""
_LISTED = re.compile(r"[>\"'\])\s]*(?:[,;、，；&]|\s(?:and|und|et|y|e|en|och|og|ja|i|a|и)\s)[<\"'\[(\s]*")
"""What stands between two addresses of a list."""
_LEAD = " <\"'([{:：=*-–—>\t「『【（"


@dataclass(slots=True)
class Account:
    """What the prose says of one recipient."""

    recipient: str
    line: int
    rank: int
    lead: str = ""
    """The words before the address on its line."""
    rest: str = ""
    """The words after it on its line."""
    whole: str = ""
    """Its line."""
    alias: str | None = None
    section: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Story:
    """A report in prose."""

    accounts: tuple[Account, ...]
    lines: tuple[str, ...]
    """Those of the report, without the returned message."""
    returned: bool
    """Whether the message or its header stands after the report in the same text."""
    to: tuple[str, ...]
    """Addresses in an echoed To field: those of last resort."""
    after: str
    """The beginning of what stands after the report."""

    @cached_property
    def replies(self) -> tuple[str, ...]:
        """Every SMTP reply of the report."""
        return tuple(replies(self.lines))


def read_story(text: str, signs: Signs, *, senders: Collection[str] = ()) -> Story:
    """The story that ``text`` tells; ``senders`` are the addresses (as ``same`` has them) of whoever sent the message that failed."""
    lines = text[:_CHARACTERS].split("\n", LINES)[:LINES]
    end = returned_from(lines, signs)
    story = _story(lines, end, signs, senders)
    if end < len(lines) and not any(account.rank > 1 for account in story.accounts):
        later = returned_from(lines, signs, headings=False)
        whole = _story(lines, later, signs, senders) if later > end else story
        return whole if any(account.rank > 1 for account in whole.accounts) else story
    return story


def _story(lines: Sequence[str], end: int, signs: Signs, senders: Collection[str]) -> Story:
    report = lines[:end]
    scene = _Scene(report, signs, senders)
    accounts = scene.accounts()
    _cut_sections(accounts, report)
    return Story(tuple(_merged(accounts)), tuple(report), end < len(lines), tuple(scene.to), "\n".join(lines[end : end + 80]))


class _Scene:
    """One pass over the lines of a report."""

    def __init__(self, lines: Sequence[str], signs: Signs, senders: Collection[str]) -> None:
        self.lines = lines
        self.signs = signs
        self.senders = senders
        self.to: list[str] = []
        self._aliases: list[tuple[int, str]] = []
        self._anchor: tuple[int, Place, str] | None = None
        """Indentation, place and first sign of the last line that is a recipient's own."""
        self._anchored = -2

    def accounts(self) -> list[Account]:
        """The recipients, in order; of several ranks only the highest."""
        found = [account for number, line in enumerate(self.lines) if "@" in line for account in self._on_line(number, line)]
        if not found:
            return [Account(address, number, 1) for number, address in self._aliases[:1]]
        found = self._before_signature(found)
        top = max(account.rank for account in found)
        best = [account for account in found if account.rank == top]
        others = [account for account in best if same(account.recipient) not in self.senders]
        chosen = [account for account in best if account in others or _has_reply(account.rest)] if others else best
        for account in chosen:
            account.alias = next((address for number, address in self._aliases if 0 <= number - account.line <= 3), None)
        return chosen

    def _before_signature(self, found: list[Account]) -> list[Account]:
        """``found`` without what stands in a signature, unless all does."""
        end = next((number for number, line in enumerate(self.lines) if line.rstrip() == "--"), len(self.lines))
        return [account for account in found if account.line < end] or found

    def _on_line(self, number: int, line: str) -> list[Account]:
        echo = self._echoed(line)
        if echo is not None:
            self.to += [mention.address for mention in mentions(line)] if echo else []
            return []
        found: list[Account] = []
        rank = 0
        for mention in mentions(line):
            listed = bool(found) and _goes_on(found[-1], mention)
            rank = rank if listed and rank > 1 else self._rank(mention, number, line)
            rank = min(rank, 1) if _QUOTED.match(line) else rank
            if rank:
                found.append(Account(mention.address, number, rank, mention.before, mention.after, line))
        return found

    def _echoed(self, line: str) -> bool | None:
        """Whether the line repeats a field of the message: True for its To, False for another, None for neither."""
        name = _ECHO.match(line)
        if not name:
            return None
        folded = fold(name[1]).strip()
        if folded in self.signs.echo:
            return False
        return True if folded in self.signs.echo_to else None

    def _rank(self, mention: Mention, number: int, line: str) -> int:  # noqa: PLR0911 - one way out for each sign, in their order
        """How likely the mention names a failed recipient: 3 it has the line, 2 it is said so, 1 it may, 0 no."""
        if _is_link(mention.before):
            return 0
        if _ENVELOPE.search(mention.before):
            return 2
        before = fold(mention.before[-160:])
        lead = _CLAUSE.split(before)[-1]
        if self.signs.alias.found(lead) or self._goes_on_as_alias(lead, number):
            self._aliases.append((number, mention.address))
            return 0
        if self.signs.contact.found(lead) or self._asks_to_write(mention, number):
            return 0
        elsewhere = self.signs.other.found(lead) is not None
        if mention.place in (Place.ALONE, Place.HEAD) and not (elsewhere and " " in lead.strip()):
            return min(self._own_line(mention, number, line), 1 if _is_directory_name(mention.address) else 3)
        tail = before.rstrip(_LEAD)
        named = self.signs.recipient.closes(tail)
        if not named and (elsewhere or same(mention.address) in self.senders):
            return 0
        if _REPLY_LINE.match(line):
            return 2 if _ADDRESSED.match(mention.before) else 1
        return self._told(mention, number, tail, named=named)

    def _goes_on_as_alias(self, lead: str, number: int) -> bool:
        """Whether the line before broke off where the address that this one was made from is named."""
        if not number or any(map(str.isalnum, lead)):
            return False
        return self.signs.alias.closes(fold(self.lines[number - 1][-60:]).rstrip(_LEAD))

    def _asks_to_write(self, mention: Mention, number: int) -> bool:
        """Whether what follows makes it the address of whoever helps, as languages have it whose verbs come last."""
        following = self.lines[number + 1].strip()[:40] if number + 1 < len(self.lines) else ""
        return self.signs.contact_after.found(fold(f"{mention.after[:60]} {following}")) is not None

    def _told(self, mention: Mention, number: int, tail: str, *, named: bool) -> int:
        """The rank of an address inside or at the end of a sentence."""
        around = fold(" ".join(self.lines[max(0, number - 1) : number + 3])[:600])
        fails = self.signs.failure.found(around) or self.signs.delay.found(around)
        if named:
            return 3 if fails or mention.place is Place.TAIL else 2
        answered = _ANSWERED.match(mention.after) is not None
        if answered or not fails:
            return 2 if answered else 1
        leads = mention.place is Place.TAIL and (mention.before.rstrip(" <\"'([").endswith((":", "：")) or _TO.search(tail))
        here = fold(self.lines[number][:600])
        return 3 if leads else 2 if _TO.search(tail) or self.signs.failure.found(here) or self.signs.delay.found(here) else 1

    def _own_line(self, mention: Mention, number: int, line: str) -> int:
        """The rank of an address that begins a line or has it alone: not where the line only goes on with another."""
        indent = len(line) - len(line.lstrip())
        before = self.lines[number - 1].strip() if number else ""
        if before and not before.startswith("-") and self._leads_elsewhere(before):
            return 0
        if not before and number > 1 and self._leads_elsewhere(self.lines[number - 2].strip()):
            return 0
        shape = (indent, mention.place, line.strip()[:1] if line.strip()[0] in "<*-•>" else "")
        fresh = not before or self._anchor is None or before[-1] in ":：-=*" or self._anchored == number - 1 or shape == self._anchor
        if not fresh:
            return 1
        self._anchor, self._anchored = shape, number
        return 3

    def _leads_elsewhere(self, before: str) -> bool:
        if before and fold(before).rstrip(" :：") in self.signs.other.words:
            return True
        if not before or before[-1] not in ":：":
            return False
        folded = fold(before[-100:])
        return (
            self.signs.other.found(folded) is not None
            and self.signs.failure.found(folded) is None
            and not self.signs.recipient.closes(folded.rstrip(" :："))
        )


def _goes_on(before: Account, mention: Mention) -> bool:
    """Whether a mention is the next of a list on one line."""
    between = before.rest[: len(before.rest) - len(mention.after) - len(mention.address)]
    return _LISTED.fullmatch(between) is not None


def _is_link(before: str) -> bool:
    token = before.rsplit(None, 1)[-1] if before.strip() else ""
    return "://" in token or token.lower().endswith("?subject=")


def _is_directory_name(address: str) -> bool:
    """A name of Notes, which has parts and a domain that are none of the Internet's."""
    local, _, domain = address.rpartition("@")
    return "/" in local and "." not in domain


def _has_reply(text: str) -> bool:
    return re.search(r"\b[45]\d\d\b", text) is not None


def _cut_sections(accounts: Sequence[Account], lines: Sequence[str]) -> None:
    """Give each recipient the lines after its own, up to the next recipient's or a rule."""
    starts = [account.line for account in accounts]
    for place, account in enumerate(accounts):
        if place + 1 < len(starts) and starts[place + 1] == account.line:
            continue
        following = starts[place + 1] if place + 1 < len(starts) else len(lines)
        for line in lines[account.line + 1 : min(following, account.line + _SECTION)]:
            if is_rule(line):
                break
            account.section.append(line)


def _merged(accounts: Sequence[Account]) -> list[Account]:
    """Each mailbox once, in the order of first mention, with all that is said of it."""
    kept: dict[str, Account] = {}
    for account in accounts:
        key = same(account.recipient)
        if key in kept:
            kept[key].section += [account.whole, *account.section]
        else:
            kept[key] = account
    return list(kept.values())[:_RECIPIENTS]
