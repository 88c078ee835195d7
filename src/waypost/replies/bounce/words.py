"""Choosing, from what a report says of a recipient, the texts that may tell why: the reply first, then prose. Judges none of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from waypost.replies.bounce.narrative import Account, Story

MOST = 1200
"""Characters of a text that is handed on."""

_REPLY = re.compile(
    r"(?:^|<<<|said:?|says:?|returned:?|responded(?: with)?:?|replied:?|response:?|reason:?|error:?|code:?|status:?|smtp:?|[:\[(\"'>;=,]|\(\d+\))[\s\"'\[(<]{0,4}(?<![\d.])([245]\d\d)(?=[ -]\S|: \S|\s+#?[245]\.|\n)",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_DIALOGUE = re.compile(r"^(?:>>>|<<<|\.\.\. while talking|while talking)")
_NOISE = re.compile(r"^[\s>\]\"'`)}:：,;.…|-]+")
_HOST = re.compile(
    r"(?:\bhost|while talking to|connected to|remote (?:smtp )?(?:mail )?(?:host|server)(?: at)?|receiving server:?|(?:server|domain \S+) (?:at|by)|by the server for the recipient domain \S+ by|remote-mta: \w+;|remote system: \w+;|reporting server:?|server:|\bmta)\s+<?([A-Za-z0-9](?:[A-Za-z0-9_-]*\.)+[A-Za-z0-9-]{2,}|\[?\d{1,3}(?:\.\d{1,3}){3}\]?)",
    re.IGNORECASE,
)  # fmt: skip
_SAID = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9_-]*\.)+[A-Za-z]{2,})\.?\s?\[[0-9A-Fa-f.:]+\](?: said| did not like| responded|:)", re.IGNORECASE
)


def texts_of(account: Account, story: Story) -> list[str]:
    """The texts that may tell why ``account`` failed, the most telling first, without repeats."""
    own = [account.rest, *account.section]
    found = [*replies(own)]
    paragraph = _paragraph(own)
    found += [paragraph] if len(paragraph) > 3 else []
    found += _mentioning(story.lines, account.recipient)
    found += [_clean(account.lead)] if len(account.lead) > 6 else []
    found += [_before(account, story)]
    found += _second(account.section)
    return list(dict.fromkeys(text[:MOST] for text in found if text))


def shared_texts(story: Story) -> list[str]:
    """Texts of the whole report: every reply in it, then its prose."""
    whole = replies(story.lines)
    prose = " ".join(line.strip() for line in story.lines if line.strip())
    return list(dict.fromkeys([*(reply[:MOST] for reply in whole), prose[: MOST * 2]]))


def replies(lines: Iterable[str]) -> list[str]:
    """The SMTP replies in ``lines``, each with its wrapped or following lines up to a blank one."""
    block = "\n".join(line.rstrip() for line in lines)
    if not any(digit in block for digit in "45"):
        return []
    found: list[str] = []
    place = 0
    while reply := _REPLY.search(block, place):
        start = reply.start(1)
        end = _end(block, start)
        found.append(joined(block[start:end]))
        place = end
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


def _second(section: Sequence[str]) -> list[str]:
    """What comes after the first paragraph."""
    return [" ".join(line.strip() for line in section if line.strip())]


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
        if not line.strip() and kept:
            break
        if line.strip():
            kept.append(line.strip())
    return " ".join(reversed(kept))


def _clean(text: str) -> str:
    return _NOISE.sub("", text).strip()


def host_in(texts: Iterable[str]) -> str | None:
    """The host that is said to have replied, or None."""
    for text in texts:
        found = _SAID.search(text) or _HOST.search(text)
        if found:
            return found[1].strip("[]").rstrip(".")
    return None
