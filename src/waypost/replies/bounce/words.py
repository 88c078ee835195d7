"""Choosing, from what a report says of a recipient, the texts that may tell why: the reply first, then prose. Judges none of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import same
from waypost.replies.bounce.returned import is_rule
from waypost.replies.bounce.signs import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from waypost.replies.bounce.narrative import Account, Story
    from waypost.replies.bounce.signs import Signs

MOST = 1200
"""Characters of a text that is handed on."""

_LED = 3
"""Characters that are too few for a text."""
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -]\S|: \S|\s+#?[245]\.|\n)")
_ANNOUNCED = re.compile(
    r"(?:^|\n|<<<|(?:said|says|returned|responded|responded with|replied|response|reason|error|code|status|smtp):?"
    r"|[:\[(\"'>;=,]|\(\d+\))[\s\"'\[(<]{0,4}$",
    re.IGNORECASE,
)
"""What stands before a number that is a reply code, and not a count of seconds or a street number."""
_COLON = re.compile(r":(?=\s|$)|：")
_DIALOGUE = re.compile(
    r"^(?:>>>|<<<|\.\.\. while talking|while talking|giving up on |i'm not going to try again|i'm giving up)", re.IGNORECASE
)
_NOISE = re.compile(r"^[\s>\]\"'`)}:：,;.…|-]+")
_HOST = re.compile(
    r"(?:\bhost|while talking to|connected to|remote (?:smtp )?(?:mail )?(?:host|server)(?: at)?|receiving server:?"
    r"|(?:server|domain \S+) (?:at|by)|by the server for the recipient domain \S+ by|remote system: \w+;|reporting server:?"
    r"|server:|\bmta)\s+<?([A-Za-z0-9](?:[A-Za-z0-9_-]*\.)+[A-Za-z0-9-]{2,}|\[?\d{1,3}(?:\.\d{1,3}){3}\]?)",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9_-]*\.)+[A-Za-z]{2,})\.?\s?\[[0-9A-Fa-f.:]+\](?: said| did not like| responded|:)", re.IGNORECASE
)


def near_texts(account: Account, story: Story, signs: Signs) -> Iterator[str]:
    """What is said of ``account`` itself, the most telling first."""
    yield from replies([account.whole if account.rank > 1 else account.rest, *account.section])
    yield from _mentioning(story.lines, account.recipient)
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
    yield from replies(story.lines)
    yield from reasons(story.lines, signs)
    if account is not None and len(_paragraph([account.rest, *account.section])) <= _LED:
        yield _before(account, story)


def whole_text(story: Story) -> str:
    """The prose of the report without its rules and headings, for want of anything better."""
    return " ".join(line.strip() for line in story.lines if line.strip() and not is_rule(line))[: MOST * 2]


def reasons(lines: Sequence[str], signs: Signs) -> list[str]:
    """What follows words that announce a reason and a colon: on their line, or in the next paragraph."""
    found = []
    for number, line in enumerate(lines):
        place = _colon(line)
        if place < 0 or not signs.reason.found(fold(line[max(0, place - 60) : place])):
            continue
        rest = [line[place + 1 :], *lines[number + 1 : number + 8]]
        text = _paragraph(rest)
        if len(text) > 3 and not text.startswith("http"):
            found.append(text)
    return found


def _colon(line: str) -> int:
    """The place of the first colon that may announce something: not one of an address, a time or a link."""
    found = _COLON.search(line)
    return found.start() if found else -1


def replies(lines: Iterable[str]) -> list[str]:
    """The SMTP replies in ``lines``, each with its wrapped or following lines up to a blank one."""
    block = "\n".join(line.rstrip() for line in lines)
    if not any(digit in block for digit in "45"):
        return []
    found: list[str] = []
    place = 0
    while code := _CODE.search(block, place):
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
        if not following or _DIALOGUE.match(following):
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


def _paragraph(lines: Sequence[str]) -> str:
    """The first paragraph, with the next if it is only a few words or leads on."""
    kept: list[str] = []
    for line in lines:
        text = line.strip()
        if not text and len(" ".join(kept)) > 12 and not kept[-1].endswith((":", "：")):
            break
        if text and not _DIALOGUE.match(text):
            kept.append(text)
    return _clean(" ".join(kept))


def _mentioning(lines: Sequence[str], address: str) -> list[str]:
    """The replies of the report that name the address."""
    key = same(address)
    if not any(key in line.lower() for line in lines):
        return []
    return [reply for reply in replies(lines) if key in reply.lower()]


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
        found = (_SAID.search(text) if "[" in text else None) or _HOST.search(text)
        if found:
            return found[1].strip("[]").rstrip(".")
    return None
