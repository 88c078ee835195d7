"""Choosing, from what a report says of a recipient, the texts that may tell why: the reply first, then prose. Judges none of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import same
from waypost.replies.bounce.dialogue import DIALOGUE, MOST, replies
from waypost.replies.bounce.returned import is_rule
from waypost.replies.bounce.signs import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from waypost.replies.bounce.narrative import Account, Story
    from waypost.replies.bounce.signs import Signs

_LED = 3
"""Characters that are too few for a text."""
_ENHANCED = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")
_COLON = re.compile(r":(?=\s|$)|：")
_NOISE = re.compile(r"^[\s>\]\"'`)}:：,;.…|-]+")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}\.)+[A-Za-z0-9-]{2,63}"
_NUMBER = r"\[?\d{1,3}(?:\.\d{1,3}){3}\]?"
_HOST = re.compile(
    r"(?:(?<!at )\bhost:?|while talking to|connected to|remote (?:smtp )?(?:mail )?(?:host|server)(?: at)?|receiving server:?"
    r"|(?:server|domain \S+) (?:at|by)|by the server for the recipient domain \S+ by|remote system: \w+;|server:|\bmta)"
    rf"\s+<?({_NAME}|{_NUMBER})(?!\S*\s+(?:not found|unknown))",
    re.IGNORECASE,
)
"""A host that is said to have answered; not the one that writes the report, nor one that was looked for in vain."""
_DISLIKES = re.compile(rf"^({_NUMBER}) (?:does not like|failed after|said)", re.MULTILINE)
_SAID = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9_-]*\.)+[A-Za-z]{2,})\.?\s?\[[0-9A-Fa-f.:]+\](?: said| did not like| responded|:)", re.IGNORECASE
)


def near_texts(account: Account, story: Story, signs: Signs) -> Iterator[str]:
    """What is said of ``account`` itself, the most telling first."""
    yield from replies([account.whole if account.rank > 1 else account.rest, *account.section])
    yield from _mentioning(story, account.recipient)
    yield from reasons(account.section, signs)
    led = len(_clean(account.lead)) > _LED
    paragraph = _paragraph([account.whole if led else account.rest, *account.section])
    if len(paragraph) > _LED:
        yield paragraph
    if led:
        yield _clean(account.whole)
    yield " ".join(line.strip() for line in account.section if line.strip())


def far_texts(account: Account | None, story: Story, signs: Signs) -> Iterator[str]:
    """What the report says of nobody by name: its replies, the reasons that it announces, the paragraph before the recipient."""
    yield from story.replies
    yield from reasons(story.lines, signs)
    if account is not None and len(_paragraph([account.rest, *account.section])) <= _LED:
        yield _before(account, story)


def whole_text(story: Story) -> str:
    """The prose of the report without its rules and headings, for want of anything better."""
    return " ".join(line.strip() for line in story.lines if line.strip() and not is_rule(line))[: MOST * 2]


def reasons(lines: Sequence[str], signs: Signs) -> list[str]:
    """What follows words that announce a reason and a colon, on their line or in the next paragraph; what has a status first."""
    found = []
    for number, line in enumerate(lines):
        place = _colon(line)
        if place < 0 or not signs.reason.found(fold(line[max(0, place - 60) : place])):
            continue
        rest = [line[place + 1 :], *lines[number + 1 : number + 8]]
        text = _paragraph(rest)
        if len(text) > _LED and not text.startswith("http"):
            found.append(text)
    return sorted(found, key=lambda text: _ENHANCED.search(text) is None)


def _colon(line: str) -> int:
    """The place of the first colon that may announce something: not one of an address, a time or a link."""
    found = _COLON.search(line)
    return found.start() if found else -1


def _paragraph(lines: Sequence[str]) -> str:
    """The first paragraph, with the next if it is only a few words or leads on."""
    kept: list[str] = []
    for line in lines:
        text = line.strip()
        if not text and len(" ".join(kept)) > 12 and not kept[-1].endswith((":", "：")):
            break
        if text and not DIALOGUE.match(text):
            kept.append(text)
    return _clean(" ".join(kept))


def _mentioning(story: Story, address: str) -> list[str]:
    """The replies of the report that name the address."""
    key = same(address)
    return [reply for reply in story.replies if key in reply.lower()]


def _before(account: Account, story: Story) -> str:
    """The paragraph that leads to the recipient's line."""
    kept: list[str] = []
    for line in reversed(story.lines[max(0, account.line - 8) : account.line]):
        if (not line.strip() or is_rule(line)) and kept:
            break
        if line.strip() and not is_rule(line):
            kept.append(line.strip())
    return " ".join(reversed(kept))


def _clean(text: str) -> str:
    return _NOISE.sub("", text).strip()


def host_in(texts: Iterable[str]) -> str | None:
    """The host that is said to have replied, or None."""
    for text in texts:
        found = (_SAID.search(text) if "[" in text else None) or _HOST.search(text) or _DISLIKES.search(text)
        if found:
            return found[1].strip("[]").rstrip(".")
    return None
