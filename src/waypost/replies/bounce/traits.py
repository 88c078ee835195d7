"""By what hand a message is written: a person's, a program's, a list's. Gives single traits and judges no kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import mentions, same
from waypost.replies.bounce.decoding import header_text
from waypost.replies.bounce.judgement import SURELY
from waypost.replies.bounce.letter import ENCLOSED
from waypost.replies.bounce.signs import fold

if TYPE_CHECKING:
    from waypost.replies.bounce.letter import Letter
    from waypost.replies.bounce.narrative import Story

_SMTP = re.compile(r"(?:^|[\s(\[\"':<])[45]\d\d(?:[ ,-]| - )\s?#?(?:[45]\.\d{1,3}\.\d{1,3}\b|[A-Za-z<'\"(\[{*])")
_STATUS = re.compile(r"(?:^|[\s(\[#<])[45]\.\d\.\d{1,3}\b")
_QUOTED = re.compile(r"^\s{0,4}(?:>|\|)\s?\S", re.MULTILINE)
_SALUTATION = 80
"""Characters of a line that may be a greeting."""
_QUOTES = 3
_STEM = 5
_NAME = 4


def is_mechanical(story: Story) -> bool:
    """Whether there is a reply or status in the report."""
    text = "\n".join(story.lines[:200])
    return _SMTP.search(text) is not None or _STATUS.search(text) is not None


def looks_personal(letter: Letter, story: Story) -> bool:
    """Signs of a person's or a list's mail, in a message whose sender is not plainly a mailer."""
    if letter.answered or is_pasted(letter) or is_of_itself(letter, story):
        return True
    if letter.null_path or goes_to_author(letter):
        return False
    if letter.own_path and (not letter.daemon or letter.sender[0].partition("@")[0] in letter.signs.daemon_shared):
        return True
    return _is_marked(letter) or talks(letter, story)


def _is_marked(letter: Letter) -> bool:
    """Whether the header is one of people's programs, of a list, or of an answer to somebody."""
    names = {name for name, _ in letter.head.fields}
    if names & letter.signs.people_headers:
        return True
    return not letter.daemon and bool(names & (letter.signs.list_headers | {b"in-reply-to"}))


def is_pasted(letter: Letter) -> bool:
    """Whether whoever sends the message is who sent the one that is returned: a report comes from the mailer, to that person."""
    head = letter.returned_head
    if head is None:
        return False
    address = same(letter.sender[0])
    return bool(address) and address in {same(found) for found in addresses_in(header_text(head.first(b"from")))}


def goes_to_author(letter: Letter) -> bool:
    """Whether the message that is enclosed is by whoever the notice is sent to: so do reports go, and hardly anything else."""
    head = letter.returned_head
    if head is None or letter.enclosed is None or letter.enclosed.kind not in ENCLOSED:
        return False
    return any(same(found) in letter.recipients for found in addresses_in(header_text(head.first(b"from"))[:500]))


def is_of_itself(letter: Letter, story: Story) -> bool:
    """Whether the sender speaks of its own address, or pastes what came back to itself."""
    address = same(letter.sender[0])
    named = {same(account.recipient) for account in story.accounts if account.rank >= SURELY}
    if not address:
        return False
    written = {
        same(found) for line in story.after.split("\n") if line.lstrip(" \t>|")[:5].lower() == "from:" for found in addresses_in(line)
    }
    return named == {address} or address in written


def talks(letter: Letter, story: Story) -> bool:
    """Whether the text begins like a letter, or quotes before it says anything."""
    first = next((line.strip() for line in story.lines if line.strip()), "")
    if first.startswith((">", "|>")) or (len(first) < _SALUTATION and greets(letter, fold(first))):
        return True
    return len(_QUOTED.findall("\n".join(story.lines[:60]))) >= _QUOTES


def greets(letter: Letter, first: str) -> bool:
    """Whether a line is a salutation and nothing more: some mailers say hello too, and go on."""
    greeting = letter.signs.greeting.opens(first)
    if greeting is None:
        return False
    name = first[len(greeting) :].strip(" ,!.:，：！、")
    joined = greeting.isascii() and first[len(greeting) : len(greeting) + 1].isalpha() and len(greeting) < _STEM
    return not joined and len(name.split()) <= _NAME and ". " not in name


def addresses_in(text: str) -> list[str]:
    """The addresses in a header value or a line."""
    return [mention.address for mention in mentions(text)]
