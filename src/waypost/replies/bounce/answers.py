"""Messages that report no failure though programs sent them: complaints, receipts, automatic answers, what a list holds back.

RFC 5965 (complaints), RFC 8098 (receipts), RFC 5429 section 2.1.2 (a refusal in a receipt's form), RFC 3834 section 5 (Auto-Submitted).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies.bounce.judgement import SURELY, Judgement
from waypost.replies.bounce.signs import fold
from waypost.replies.bounce.traits import is_mechanical
from waypost.replies.explanation import Kind

if TYPE_CHECKING:
    from waypost.replies.bounce.letter import Letter
    from waypost.replies.bounce.narrative import Story

_RECEIPT = ("message/disposition-notification", "message/global-disposition-notification")
_COMPLAINT = ("message/feedback-report",)
_SYNOPSIS = re.compile(r"dmarc|tls report|tlsrpt|report domain:", re.IGNORECASE)
_REFUSED = re.compile(r"\breject|\brefus|quota|\bfull\b", re.IGNORECASE)


def special(letter: Letter) -> Judgement | None:
    """Reports of other sorts, known by their form: complaints and receipts."""
    kinds = {part.kind for part in letter.mail.parts}
    report = letter.mail.parameters.get("report-type", "").lower()
    if report == "feedback-report" or kinds & {*_COMPLAINT}:
        return Judgement(Kind.FEEDBACK, "feedback-report", "form.feedback")
    if letter.head.first(b"x-arf") or letter.head.first(b"x-xarf") or letter.head.text(b"feedback-type"):
        return Judgement(Kind.FEEDBACK, "x-arf", "form.feedback")
    address, _ = letter.sender
    if letter.signs.complaint_subject.opens(letter.subject) and address.startswith(letter.signs.complaint_sender):
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


def answers(letter: Letter, opening: str) -> Judgement | None:
    """An automatic answer of a person, a desk or a list, told from a mailer's report by its sender and its words."""
    if held := is_held(letter, opening):
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
    header = header and letter.daemon < SURELY and not (letter.daemon and said)
    if header and (body or not signs.failure_subject.found(letter.subject)):
        return Judgement(Kind.AUTO_REPLY, body or marked or precedence, "header.answer")
    by_itself = letter.null_path or marked.startswith("auto-generated")
    return Judgement(Kind.AUTO_REPLY, body, "words.answer") if body and by_itself and not said else None


def _is_refused_here(letter: Letter, opening: str) -> bool:
    """Whether a mailer's own report is at hand, whatever else it is marked as."""
    signs = letter.signs
    failing = signs.failure_subject.found(letter.subject) is not None
    said = signs.failure.found(opening) is not None
    answering = signs.auto_subject.found(letter.subject) is not None
    if letter.failed_header or (letter.daemon == SURELY and (failing or said) and not (answering and not failing)):
        return True
    return failing and said and not _answer_headers(letter)


def _answer_headers(letter: Letter) -> bool:
    return bool({name for name, _ in letter.head.fields} & letter.signs.reply_headers)


def is_held(letter: Letter, opening: str) -> Judgement | None:
    """A list that refuses a message, or keeps it back until somebody has looked at it; not where a mailer returns such a notice."""
    signs = letter.signs
    held = signs.held.earliest(opening)
    if held is None and letter.daemon < SURELY and "list" in opening:
        held = signs.refused.earliest(opening)
    if held is None:
        return None
    failure = signs.failure.earliest(opening)
    if signs.failure_subject.found(letter.subject) and failure and failure[0] < held[0] and letter.daemon:
        return None
    return Judgement(Kind.AUTO_REPLY, held[1], "words.held")


def thanks(letter: Letter, story: Story) -> bool:
    """Whether the report begins with the words of a desk that answers by itself."""
    return letter.signs.answer.found(fold("\n".join(story.lines[:12]))[:400]) is not None


def succeeds(letter: Letter, story: Story) -> Judgement | None:
    """A mailer's report that all went well, without fields."""
    receipt = letter.signs.receipt_subject.found(letter.subject)
    if receipt and "success" in letter.subject and (letter.daemon or letter.null_path) and not is_mechanical(story):
        return Judgement(Kind.DELIVERED, receipt, "subject.receipt")
    return None


def other_kind(letter: Letter, opening: str) -> Judgement:
    """What is no report of failure: a receipt by its subject and sender, an answer, else ordinary mail."""
    receipt = letter.signs.receipt_subject.opens(letter.subject)
    if receipt and (letter.daemon or letter.null_path):
        return Judgement(Kind.DELIVERED, receipt, "subject.receipt")
    if letter.null_path and not letter.daemon and not _SYNOPSIS.search(letter.subject):
        words = letter.signs.answer.found(opening) or ("<>" if letter.head.text(b"auto-submitted") else "")
        if words:
            return Judgement(Kind.AUTO_REPLY, words, "words.answer")
    return Judgement(Kind.ORDINARY, "", "none")
