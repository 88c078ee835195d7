"""What kind of message it is: a report of failure, of delay, of success, a complaint, somebody's automatic answer, or ordinary mail.

A message is taken for a report only if a mailer sent it, as far as one can tell, and it says so in more than one way: mail of people about
bounces says the same words. RFC 6522 (multipart/report), RFC 3834 section 5 (Auto-Submitted), RFC 8098 and RFC 5965 (other reports).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import same
from waypost.replies.bounce.decoding import header_text
from waypost.replies.bounce.letter import ENCLOSED
from waypost.replies.bounce.signs import fold
from waypost.replies.explanation import Kind

if TYPE_CHECKING:
    from waypost.replies.bounce.letter import Letter
    from waypost.replies.bounce.narrative import Story

_RECEIPT = ("message/disposition-notification", "message/global-disposition-notification")
_COMPLAINT = ("message/feedback-report",)
_COMPLAINT_SUBJECT = (
    "complaint about message from",
    "abuse report",
    "spam report",
    "email abuse report",
    "email feedback report",
    "abuse complaint",
    "feedback report",
    "[abuse",
    "spam complaint",
)
_COMPLAINT_FROM = (
    "staff@hotmail.com",
    "scomp@aol.net",
    "fbl@",
    "feedback@",
    "feedbackloop@",
    "abuse-report",
    "complaints@",
    "fbl-",
    "arf@",
    "arf-",
)
_SYNOPSIS = re.compile(r"dmarc|tls report|tlsrpt|report domain:", re.IGNORECASE)
_REFUSED = re.compile(r"\breject|\brefus|quota|\bfull\b", re.IGNORECASE)
_SMTP = re.compile(r"(?:^|[\s(\[\"':<])[45]\d\d(?:[ ,-]| - )\s?#?(?:[45]\.\d{1,3}\.\d{1,3}\b|[A-Za-z<'\"(\[{*])")
_STATUS = re.compile(r"(?:^|[\s(\[#<])[45]\.\d\.\d{1,3}\b")
_LINE = re.compile(r"(?:[A-Za-z]{3} +\d+ \d\d:|\d{4}-\d\d-\d\d|[<\"'\[(]?[2-5]\d\d[ -]|[245]\.\d+\.\d+ |smtp)", re.IGNORECASE)
"""A reply, or a line of a log: no report, though it may be of many lines."""
_QUOTED = re.compile(r"^\s{0,4}(?:>|\|)\s?\S", re.MULTILINE)
_SALUTATION = 80
"""Characters of a line that may be a greeting."""
_SURELY = 2
_LIKELY = 4
_CERTAIN = 5
_QUOTES = 3
_STEM = 5
_NAME = 4
_OPENING = 1600
"""Characters in which a report says what it is."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The kind, and the words that it rests on."""

    kind: Kind
    words: str
    rule: str


def special(letter: Letter) -> Judgement | None:
    """Reports of other sorts, known by their form: complaints and receipts."""
    kinds = {part.kind for part in letter.mail.parts}
    report = letter.mail.parameters.get("report-type", "").lower()
    if report == "feedback-report" or kinds & {*_COMPLAINT}:
        return Judgement(Kind.FEEDBACK, "feedback-report", "form.feedback")
    if letter.head.first(b"x-arf") or letter.head.first(b"x-xarf") or letter.head.text(b"feedback-type"):
        return Judgement(Kind.FEEDBACK, "x-arf", "form.feedback")
    address, _ = letter.sender
    if any(letter.subject.startswith(word) for word in _COMPLAINT_SUBJECT) and address.startswith(_COMPLAINT_FROM) and letter.enclosed:
        return Judgement(Kind.FEEDBACK, letter.subject, "form.complaint")
    if report == "disposition-notification" or kinds & {*_RECEIPT}:
        return None if _refused_receipt(letter) else Judgement(Kind.DELIVERED, "disposition-notification", "form.receipt")
    return None


def _refused_receipt(letter: Letter) -> bool:
    """A refusal by the recipient's own filter comes in the form of a receipt (RFC 5429 section 2.1.2)."""
    return _REFUSED.search(letter.text[:600]) is not None and (
        "reject" in letter.subject
        or "reject" in letter.head.text(b"auto-submitted")
        or bool(letter.signs.failure.found(fold(letter.text[:600])))
    )


def is_report(letter: Letter, *, fields: bool) -> Judgement | None:
    """Whether fields of a delivery report may be believed: not where a person passes the report on, or talks about it."""
    if not fields:
        return None
    formal = letter.mail.parameters.get("report-type", "").lower() == "delivery-status" or letter.mail.kind == "multipart/report"
    if formal and not _by_person(letter):
        return Judgement(Kind.DSN, "report-type=delivery-status", "form.report")
    if letter.daemon == _SURELY or letter.null_path or letter.failed_header or letter.bare:
        return Judgement(Kind.DSN, letter.sender[0] or "<>", "sender.mailer")
    says = letter.signs.failure_subject.found(letter.subject) or letter.signs.delay_subject.found(letter.subject)
    if says and not _by_person(letter):
        return Judgement(Kind.DSN, says, "subject.failure")
    return None


def _by_person(letter: Letter) -> bool:
    """Signs that a person wrote it, or passed it on."""
    if letter.daemon == _SURELY or letter.null_path:
        return False
    return letter.answered or _pasted(letter)


def _pasted(letter: Letter) -> bool:
    """Whether whoever sends the message is who sent the one that is returned: a report comes from the mailer, to that person."""
    head = letter.returned_head
    if head is None:
        return False
    address = same(letter.sender[0])
    return bool(address) and address in {same(found) for found in _addresses(header_text(head.first(b"from")))}


def _to_the_author(letter: Letter) -> bool:
    """Whether the message that is enclosed is by whoever the notice is sent to: so do reports go, and hardly anything else."""
    head = letter.returned_head
    if head is None or letter.enclosed is None or letter.enclosed.kind not in ENCLOSED:
        return False
    return any(same(found) in letter.recipients for found in _addresses(header_text(head.first(b"from"))[:500]))


def _addresses(text: str) -> list[str]:
    from waypost.replies.bounce.addresses import mentions  # noqa: PLC0415 - only here

    return [mention.address for mention in mentions(text)]


def judge(letter: Letter, story: Story) -> Judgement:
    """The kind of a message that has no fields of a report: by its sender, its subject and its words."""
    opening = fold("\n".join(story.lines))[:_OPENING]
    if letter.signs.digest_subject.found(letter.subject):
        return Judgement(Kind.ORDINARY, "", "none")
    if success := _succeeds(letter, story):
        return success
    if not _plainly_reports(letter, story) and (answer := _answers(letter, opening)):
        return answer
    failure = letter.signs.failure.found(opening)
    delay = letter.signs.delay.found(opening)
    subject = letter.signs.failure_subject.found(letter.subject) or letter.signs.delay_subject.found(letter.subject)
    block = any(account.rank >= _SURELY for account in story.accounts) or (bool(story.to) and bool(failure or delay))
    if not _is_failure(letter, story, said=bool(failure or delay), subject=bool(subject), block=block):
        return _other(letter, opening)
    late = letter.signs.delay_subject.found(letter.subject)
    words = failure or subject or delay or ""
    if _is_delay(letter, opening, delay=delay, late=late):
        return Judgement(Kind.DELAYED, delay or late or words, "words.delay")
    return Judgement(Kind.BOUNCE, words, "words.failure")


def _succeeds(letter: Letter, story: Story) -> Judgement | None:
    """A mailer's report that all went well, without fields."""
    receipt = letter.signs.receipt_subject.found(letter.subject)
    if receipt and "success" in letter.subject and (letter.daemon or letter.null_path) and not _mechanical(story):
        return Judgement(Kind.DELIVERED, receipt, "subject.receipt")
    return None


def _plainly_reports(letter: Letter, story: Story) -> bool:
    """Whether a mailer names a recipient and a reply: whatever else it says, it answers for nobody."""
    if letter.signs.auto_subject.found(letter.subject) or letter.answered:
        return False
    block = any(account.rank >= _SURELY for account in story.accounts)
    if letter.daemon == _SURELY:
        return block and _mechanical(story)
    failing = letter.signs.failure_subject.found(letter.subject) is not None
    return failing and letter.null_path and (block or _mechanical(story)) and not _talks(letter, story) and not _thanks(letter, story)


def _thanks(letter: Letter, story: Story) -> bool:
    """Whether the report begins with the words of a desk that answers by itself."""
    return letter.signs.answer.found(fold("\n".join(story.lines[:12]))[:400]) is not None


def _is_delay(letter: Letter, opening: str, *, delay: str | None, late: str | None) -> bool:
    final = (
        "permanent error",
        "permanent failure",
        "failed permanently",
        "given up",
        "giving up",
        "gave up",
        "too long",
        "has expired",
        "permanently",
    )
    if any(word in opening for word in final):
        return False
    if delay:
        return bool(late) or not letter.signs.failure_subject.found(letter.subject) or _strong_delay(opening)
    return bool(late) and late != "deferred" and not letter.failed_header


def _strong_delay(opening: str) -> bool:
    strong = (
        "warning only",
        "warning message only",
        "do not need to resend",
        "not yet been delivered",
        "has been delayed",
        "will be retried",
        "not resend your original",
        "still being retried",
        "advisory-only",
        "will continue to be made",
        "will continue to try",
        "still trying",
        "do not need to re-send",
    )
    return any(word in opening for word in strong)


def _is_failure(letter: Letter, story: Story, *, said: bool, subject: bool, block: bool) -> bool:
    """Enough signs, the more the less sure it is that a mailer wrote the message."""
    if letter.failed_header and (said or subject or letter.daemon):
        return True
    returned = story.returned or letter.enclosed is not None
    if letter.daemon == _SURELY:
        if _by_postmaster(letter, story, formal=subject or returned) or _to_the_owner(letter, story, returned=returned):
            return False
        marked = letter.head.text(b"auto-submitted").lower().startswith("auto-")
        return _told_by_mailer(letter, story, said=said, subject=subject or marked, block=block, returned=returned)
    if letter.bare:
        return said and block and _LINE.match("\n".join(story.lines).lstrip()) is None
    if _looks_personal(letter, story):
        return False
    points = sum((said, subject, block, returned, letter.null_path, letter.daemon, _mechanical(story), _to_the_author(letter)))
    told = said or (subject and letter.null_path)
    return told and block and points >= (_LIKELY if letter.null_path or letter.daemon else _CERTAIN)


def _told_by_mailer(letter: Letter, story: Story, *, said: bool, subject: bool, block: bool, returned: bool) -> bool:
    if said and (block or returned or (subject and not letter.sender[0].startswith("postmaster"))):
        return True
    if subject and (block or returned or _mechanical(story)):
        return True
    if block and returned:
        return _mechanical(story) or letter.null_path
    return (block or (letter.empty_path and returned and bool(story.accounts))) and _mechanical(story)


def _by_postmaster(letter: Letter, story: Story, *, formal: bool) -> bool:
    """Whether the postmaster is a person this time, who answers somebody or writes to all."""
    if letter.empty_path:
        return False
    if letter.answered and (_talks(letter, story) or (letter.head.first(b"in-reply-to") and not _mechanical(story))):
        return True
    if not letter.sender[0].startswith("postmaster"):
        return False
    return not formal or (_talks(letter, story) and letter.enclosed is None and not _mechanical(story))


def _to_the_owner(letter: Letter, story: Story, *, returned: bool) -> bool:
    """Whether it tells the owner of a mailbox about that mailbox, as that it is nearly full: no message of its own has failed."""
    if returned or _mechanical(story):
        return False
    named = {same(account.recipient) for account in story.accounts if account.rank >= _SURELY}
    return bool(named) and named <= letter.recipients


def _mechanical(story: Story) -> bool:
    """Whether there is a reply or status in the report."""
    text = "\n".join(story.lines[:200])
    return _SMTP.search(text) is not None or _STATUS.search(text) is not None


def _looks_personal(letter: Letter, story: Story) -> bool:
    """Signs of a person's or a list's mail, in a message whose sender is not plainly a mailer."""
    if letter.answered or _pasted(letter) or _of_itself(letter, story):
        return True
    if letter.null_path or _to_the_author(letter):
        return False
    names = {name for name, _ in letter.head.fields}
    if names & letter.signs.list_headers and not letter.daemon:
        return True
    if b"in-reply-to" in names and not letter.daemon:
        return True
    if names & letter.signs.people_headers:
        return True
    return _talks(letter, story)


def _of_itself(letter: Letter, story: Story) -> bool:
    """Whether the sender speaks of its own address, or pastes what came back to itself."""
    address = same(letter.sender[0])
    named = {same(account.recipient) for account in story.accounts if account.rank >= _SURELY}
    if not address:
        return False
    written = {same(found) for line in story.after.split("\n") if line.lstrip(" \t>|")[:5].lower() == "from:" for found in _addresses(line)}
    return named == {address} or address in written


def _talks(letter: Letter, story: Story) -> bool:
    """Whether the text begins like a letter, or quotes before it says anything."""
    first = next((line.strip() for line in story.lines if line.strip()), "")
    if first.startswith((">", "|>")) or (len(first) < _SALUTATION and _greets(letter, fold(first))):
        return True
    return len(_QUOTED.findall("\n".join(story.lines[:60]))) >= _QUOTES


def _greets(letter: Letter, first: str) -> bool:
    """Whether a line is a salutation and nothing more: some mailers say hello too, and go on."""
    greeting = letter.signs.greeting.opens(first)
    if greeting is None:
        return False
    name = first[len(greeting) :].strip(" ,!.:，：！、")
    joined = greeting.isascii() and first[len(greeting) : len(greeting) + 1].isalpha() and len(greeting) < _STEM
    return not joined and len(name.split()) <= _NAME and ". " not in name


def _is_refused_here(letter: Letter, opening: str) -> bool:
    """Whether a mailer's own report is at hand, whatever else it is marked as."""
    signs = letter.signs
    failing = signs.failure_subject.found(letter.subject) is not None
    said = signs.failure.found(opening) is not None
    answering = signs.auto_subject.found(letter.subject) is not None
    if letter.failed_header or (letter.daemon == _SURELY and (failing or said) and not (answering and not failing)):
        return True
    return failing and said and not _answer_headers(letter)


def _answer_headers(letter: Letter) -> bool:
    return bool({name for name, _ in letter.head.fields} & letter.signs.reply_headers)


def _answers(letter: Letter, opening: str) -> Judgement | None:
    """An automatic answer of a person, a desk or a list, told from a mailer's report by its sender and its words."""
    if held := _held(letter, opening):
        return held
    if _is_refused_here(letter, opening):
        return None
    signs = letter.signs
    if subject := signs.auto_subject.found(letter.subject):
        return Judgement(Kind.AUTO_REPLY, subject, "subject.answer")
    body = signs.answer.found(opening)
    said = signs.failure.found(opening)
    marked = letter.head.text(b"auto-submitted").lower()
    precedence = letter.head.text(b"precedence").lower()
    header = _answer_headers(letter) or precedence in ("auto_reply", "auto-reply") or marked.startswith("auto-replied")
    header = header and letter.daemon < _SURELY and not (letter.daemon and said)
    if header and (body or not signs.failure_subject.found(letter.subject)):
        return Judgement(Kind.AUTO_REPLY, body or marked or precedence, "header.answer")
    return Judgement(Kind.AUTO_REPLY, body, "words.answer") if body and letter.null_path and not said else None


def _held(letter: Letter, opening: str) -> Judgement | None:
    """A list that refuses a message, or keeps it back until somebody has looked at it; not where a mailer returns such a notice."""
    signs = letter.signs
    held = signs.held.earliest(opening)
    if held is None and letter.daemon < _SURELY and "list" in opening:
        held = signs.refused.earliest(opening)
    if held is None:
        return None
    failure = signs.failure.earliest(opening)
    if signs.failure_subject.found(letter.subject) and failure and failure[0] < held[0] and letter.daemon:
        return None
    return Judgement(Kind.AUTO_REPLY, held[1], "words.held")


def _other(letter: Letter, opening: str) -> Judgement:
    """What is no report of failure: a receipt by its subject and sender, an answer, else ordinary mail."""
    receipt = letter.signs.receipt_subject.opens(letter.subject)
    if receipt and (letter.daemon or letter.null_path):
        return Judgement(Kind.DELIVERED, receipt, "subject.receipt")
    if letter.null_path and not letter.daemon and not _SYNOPSIS.search(letter.subject):
        words = letter.signs.answer.found(opening) or ("<>" if letter.head.text(b"auto-submitted") else "")
        if words:
            return Judgement(Kind.AUTO_REPLY, words, "words.answer")
    return Judgement(Kind.ORDINARY, "", "none")
