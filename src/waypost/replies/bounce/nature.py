"""What kind of message it is: a report of failure or of delay, or none.

A message is taken for a report only if a mailer sent it, as far as one can tell, and it says so in more than one way: mail of people about
bounces says the same words. RFC 6522 (multipart/report), RFC 3464.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import same
from waypost.replies.bounce.answers import answers, other_kind, succeeds, thanks
from waypost.replies.bounce.judgement import SURELY, Judgement
from waypost.replies.bounce.signs import fold
from waypost.replies.bounce.traits import goes_to_author, is_mechanical, is_pasted, looks_personal, talks
from waypost.replies.explanation import Kind

if TYPE_CHECKING:
    from waypost.replies.bounce.letter import Letter
    from waypost.replies.bounce.narrative import Story

_LINE = re.compile(r"(?:[A-Za-z]{3} +\d+ \d\d:|\d{4}-\d\d-\d\d|[<\"'\[(]?[2-5]\d\d[ -]|[245]\.\d+\.\d+ |smtp)", re.IGNORECASE)
"""A reply, or a line of a log: no report, though it may be of many lines."""
_LIKELY = 4
_CERTAIN = 5
_OPENING = 1600
"""Characters in which a report says what it is."""


def is_report(letter: Letter, *, fields: bool) -> Judgement | None:
    """Whether fields of a delivery report may be believed: not where a person passes the report on, or talks about it."""
    if not fields:
        return None
    formal = letter.mail.parameters.get("report-type", "").lower() == "delivery-status" or letter.mail.kind == "multipart/report"
    if formal and not _by_person(letter):
        return Judgement(Kind.DSN, "report-type=delivery-status", "form.report")
    if letter.daemon == SURELY or letter.null_path or letter.failed_header or letter.bare:
        return Judgement(Kind.DSN, letter.sender[0] or "<>", "sender.mailer")
    says = letter.signs.failure_subject.found(letter.subject) or letter.signs.delay_subject.found(letter.subject)
    if says and not _by_person(letter):
        return Judgement(Kind.DSN, says, "subject.failure")
    return None


def _by_person(letter: Letter) -> bool:
    """Signs that a person wrote it, or passed it on."""
    if letter.daemon == SURELY or letter.null_path:
        return False
    return letter.answered or is_pasted(letter)


def judge(letter: Letter, story: Story) -> Judgement:
    """The kind of a message that has no fields of a report: by its sender, its subject and its words."""
    opening = fold("\n".join(story.lines))[:_OPENING]
    if letter.signs.digest_subject.found(letter.subject):
        return Judgement(Kind.ORDINARY, "", "none")
    if success := succeeds(letter, story):
        return success
    if not _plainly_reports(letter, story) and (answer := answers(letter, opening)):
        return answer
    failure = letter.signs.failure.found(opening)
    delay = letter.signs.delay.found(opening)
    subject = letter.signs.failure_subject.found(letter.subject) or letter.signs.delay_subject.found(letter.subject)
    block = any(account.rank >= SURELY for account in story.accounts) or (bool(story.to) and bool(failure or delay))
    if not _is_failure(letter, story, said=bool(failure or delay), subject=bool(subject), block=block):
        return other_kind(letter, opening)
    late = letter.signs.delay_subject.found(letter.subject)
    words = failure or subject or delay or ""
    if _is_delay(letter, opening, delay=delay, late=late):
        return Judgement(Kind.DELAYED, delay or late or words, "words.delay")
    return Judgement(Kind.BOUNCE, words, "words.failure")


def _plainly_reports(letter: Letter, story: Story) -> bool:
    """Whether a mailer names a recipient and a reply: whatever else it says, it answers for nobody."""
    if letter.signs.auto_subject.found(letter.subject) or letter.answered:
        return False
    block = any(account.rank >= SURELY for account in story.accounts)
    if letter.daemon == SURELY:
        return block and is_mechanical(story)
    failing = letter.signs.failure_subject.found(letter.subject) is not None
    return failing and letter.null_path and (block or is_mechanical(story)) and not talks(letter, story) and not thanks(letter, story)


def _is_delay(letter: Letter, opening: str, *, delay: str | None, late: str | None) -> bool:
    if letter.signs.final.found(opening):
        return False
    if delay:
        return bool(late) or not letter.signs.failure_subject.found(letter.subject) or letter.signs.surely_late.found(opening) is not None
    return bool(late) and late != "deferred" and not letter.failed_header


def _is_failure(letter: Letter, story: Story, *, said: bool, subject: bool, block: bool) -> bool:
    """Enough signs, the more the less sure it is that a mailer wrote the message."""
    if letter.failed_header and (said or subject or letter.daemon):
        return True
    returned = story.returned or letter.enclosed is not None
    if letter.daemon == SURELY:
        formal = subject or returned or _introduces_itself(letter, story)
        if _by_postmaster(letter, story, formal=formal) or _to_the_owner(letter, story, returned=returned):
            return False
        marked = letter.head.text(b"auto-submitted").lower().startswith("auto-")
        return _told_by_mailer(letter, story, said=said, subject=subject or marked, block=block, returned=returned)
    if letter.bare:
        return said and block and _LINE.match("\n".join(story.lines).lstrip()) is None
    if looks_personal(letter, story):
        return False
    points = sum((said, subject, block, returned, letter.null_path, letter.daemon, is_mechanical(story), goes_to_author(letter)))
    told = said or (subject and letter.null_path)
    return told and block and points >= (_LIKELY if letter.null_path or letter.daemon else _CERTAIN)


def _told_by_mailer(letter: Letter, story: Story, *, said: bool, subject: bool, block: bool, returned: bool) -> bool:
    if said and (block or returned or (subject and not letter.sender[0].startswith("postmaster"))):
        return True
    if subject and (block or returned or is_mechanical(story)):
        return True
    if block and returned:
        return is_mechanical(story) or letter.null_path
    return (block or (letter.empty_path and returned and bool(story.accounts))) and is_mechanical(story)


def _by_postmaster(letter: Letter, story: Story, *, formal: bool) -> bool:
    """Whether the postmaster is a person this time, who answers somebody or writes to all."""
    if letter.empty_path:
        return False
    if letter.answered and (talks(letter, story) or (letter.head.first(b"in-reply-to") and not is_mechanical(story))):
        return True
    if not letter.sender[0].startswith("postmaster"):
        return False
    return not formal or (talks(letter, story) and letter.enclosed is None and not is_mechanical(story))


def _introduces_itself(letter: Letter, story: Story) -> bool:
    """Whether the words of a mailer known by name stand in it, beside a reply."""
    opening = fold("\n".join(story.lines))[:_OPENING]
    return is_mechanical(story) and any(word in opening for mailer in letter.signs.mailers for word in mailer.words)


def _to_the_owner(letter: Letter, story: Story, *, returned: bool) -> bool:
    """Whether it tells the owner of a mailbox about that mailbox, as that it is nearly full: no message of its own has failed."""
    if returned or is_mechanical(story):
        return False
    named = {same(account.recipient) for account in story.accounts if account.rank >= SURELY}
    return bool(named) and named <= letter.recipients
