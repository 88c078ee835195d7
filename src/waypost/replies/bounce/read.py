"""Read a whole message: what kind it is, and for each recipient that failed, why. Knows the order of the steps and nothing else.

RFC 3464 (fields of a report), RFC 6522 (its form); prose in any form.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import mentions, same
from waypost.replies.bounce.answers import special
from waypost.replies.bounce.decoding import header_text
from waypost.replies.bounce.fields import read_fields
from waypost.replies.bounce.judgement import SURELY
from waypost.replies.bounce.letter import open_letter, part_octets
from waypost.replies.bounce.narrative import read_story
from waypost.replies.bounce.nature import is_report, judge
from waypost.replies.bounce.notices import read_notice
from waypost.replies.bounce.signs import fold, signs
from waypost.replies.bounce.verdict import Case, evidence, readings
from waypost.replies.bounce.verp import recipient_of
from waypost.replies.bounce.words import far_texts, near_texts, whole_text
from waypost.replies.explanation import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from waypost.replies.bounce.fields import Outcome
    from waypost.replies.bounce.judgement import Judgement
    from waypost.replies.bounce.letter import Letter
    from waypost.replies.bounce.narrative import Account, Story
    from waypost.replies.bounce.signs import Signs
    from waypost.replies.explanation import Evidence, Reading

_FAILED = ("failed", "delayed")
_NESTED = 2
"""Reports inside reports that are opened."""
_FEW = 3
_BARE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+'-]{1,63}")


def read_message(octets: bytes) -> tuple[Kind, tuple[Reading, ...]]:
    """The kind of the message in ``octets`` and a reading of each recipient that failed or is delayed, in its order.

    Never raises, whatever the octets. What reports no failure has no readings.
    """
    return read_by(octets, signs())


def read_by(octets: bytes, known: Signs) -> tuple[Kind, tuple[Reading, ...]]:
    """As ``read_message``, by other signs than the usual."""
    return _read(octets, known, _NESTED)


def _read(octets: bytes, known: Signs, levels: int) -> tuple[Kind, tuple[Reading, ...]]:
    letter = open_letter(octets, known)
    other = special(letter)
    if other is not None:
        return other.kind, ()
    notice = read_notice(letter.text)
    if notice is not None:
        return _of_notice(*notice, known)
    story = read_story(letter.text, letter.signs, senders=_senders(letter))
    kind, found = _told(letter, story)
    if levels and (inner := _enclosed_report(letter, story, kind)):
        return _read(inner, known, levels - 1)
    return kind, found


def _enclosed_report(letter: Letter, story: Story, kind: Kind) -> bytes | None:
    """The message that is returned, where it is the report and what returns it names nobody."""
    part = letter.enclosed
    if part is None or part.kind not in ("message/rfc822", "message/global") or kind is Kind.DSN or letter.failed_header:
        return None
    if any(account.rank >= SURELY for account in story.accounts):
        return None
    machine = letter.daemon or letter.null_path
    silent = not letter.text.strip() and len(letter.mail.parts) <= _FEW
    if not machine and not (silent and kind is Kind.ORDINARY):
        return None
    octets = part_octets(part)
    inner = open_letter(octets, letter.signs)
    return octets if (inner.daemon == SURELY or inner.failed_header) and (inner.status_text or machine or silent) else None


def _of_notice(kind: Kind, outcomes: Sequence[Outcome], known: Signs) -> tuple[Kind, tuple[Reading, ...]]:
    """A notice in JSON: its own fields say all."""
    if kind not in (Kind.BOUNCE, Kind.DELAYED):
        return kind, ()
    trail = (evidence("form.notice", kind.value, source="vendor document: Amazon SES", sure=0.98),)
    cases = [Case(outcome.recipient, _said(outcome), status=outcome.status, delayed=outcome.action == "delayed") for outcome in outcomes]
    return kind, readings(_distinct(cases), trail, known)


def _said(outcome: Outcome) -> Callable[[], Iterable[str]]:
    return lambda: (outcome.diagnostic,)


def _told(letter: Letter, story: Story) -> tuple[Kind, tuple[Reading, ...]]:
    """What the message itself tells."""
    outcomes = read_fields(letter.status_text) if letter.status_text else ()
    if not outcomes and letter.loose_fields:
        outcomes = read_fields(letter.text)
    report = is_report(letter, fields=bool(outcomes))
    if report is not None:
        return _of_fields(letter, story, outcomes, report)
    if outcomes and not letter.daemon and not letter.null_path and not letter.bare:
        return Kind.ORDINARY, ()
    return _of_prose(letter, story)


def _senders(letter: Letter) -> frozenset[str]:
    """Whoever sent the message that failed, as far as known."""
    found = set(letter.recipients)
    head = letter.returned_head
    for name in (b"from", b"return-path", b"sender"):
        raw = head.first(name) if head else None
        found |= {same(mention.address) for mention in mentions(header_text(raw)[:500])}
    return frozenset(found)


def _of_fields(letter: Letter, story: Story, outcomes: Sequence[Outcome], report: Judgement) -> tuple[Kind, tuple[Reading, ...]]:
    """A report with fields: its actions tell the kind; where it has none, its words."""
    failed = [outcome for outcome in outcomes if outcome.action in _FAILED or (not outcome.action and not _is_success(outcome))]
    if not failed:
        return Kind.DELIVERED, ()
    late = {outcome.action for outcome in failed} == {"delayed"} or (not any(outcome.action for outcome in outcomes) and _only_late(letter))
    trail = (evidence(report.rule, report.words, source="rfc 3464", sure=0.98), *_mailer(letter, story))
    cases = [_case(letter, story, outcome, alone=len(failed) == 1) for outcome in failed]
    if not any(case.recipient for case in cases):
        cases = [replace(cases[0], recipient=recipient) for recipient in _named(letter, story)] or cases[:1]
    return Kind.DELAYED if late else Kind.DSN, readings(_distinct(cases), trail, letter.signs)


def _only_late(letter: Letter) -> bool:
    words = fold(letter.text[:4000])
    return letter.signs.failure.found(words) is None and letter.signs.delay.found(words) is not None


def _is_success(outcome: Outcome) -> bool:
    return bool(outcome.status) and (outcome.status or "").startswith("2")


def _case(letter: Letter, story: Story, outcome: Outcome, *, alone: bool) -> Case:
    """What fields and prose together say of a recipient."""
    key = same(outcome.recipient or "")
    account = next(
        (account for account in story.accounts if same(account.recipient) == key or (account.alias and same(account.alias) == key)), None
    )
    if account is None and alone and len(story.accounts) == 1:
        account = story.accounts[0]

    def near() -> Iterator[str]:
        if outcome.diagnostic:
            yield outcome.diagnostic
        if account is not None:
            yield from near_texts(account, story, letter.signs)

    def far() -> Iterator[str]:
        told = far_texts(account, story, letter.signs)
        return told if alone else (text for text in told if key and key in text.lower())

    return Case(
        outcome.recipient, near, far, outcome.status, outcome.host, delayed=outcome.action == "delayed", report=_around(account, story)
    )


def _of_prose(letter: Letter, story: Story) -> tuple[Kind, tuple[Reading, ...]]:
    """A message without fields."""
    judgement = judge(letter, story)
    if judgement.kind not in (Kind.BOUNCE, Kind.DELAYED):
        return judgement.kind, ()
    trail = (evidence(judgement.rule, judgement.words, source="observed", sure=0.9), *_mailer(letter, story))
    delayed = judgement.kind is Kind.DELAYED
    accounts = [account for account in story.accounts if account.rank >= 2] or list(story.accounts)
    named = [account.recipient for account in accounts] if any(account.rank >= SURELY for account in accounts) else _named(letter, story)
    if not named and not story.returned and letter.enclosed is None:
        return Kind.ORDINARY, ()
    by_key = {same(account.recipient): account for account in accounts}
    cases = [_prose_case(recipient, by_key.get(same(recipient)), letter, story, delayed=delayed) for recipient in named]
    cases = cases or [_prose_case(None, None, letter, story, delayed=delayed)]
    return judgement.kind, readings(_distinct(cases), trail, letter.signs)


def _prose_case(recipient: str | None, account: Account | None, letter: Letter, story: Story, *, delayed: bool) -> Case:
    """What prose alone says of a recipient."""
    shown = account.alias if recipient and account and account.alias and "." not in recipient.rpartition("@")[2] else recipient

    def near() -> Iterable[str]:
        return near_texts(account, story, letter.signs) if account else ()

    def far() -> Iterator[str]:
        yield from far_texts(account, story, letter.signs)
        yield whole_text(story)
        yield letter.subject

    return Case(shown, near, far, delayed=delayed, report=_around(account, story))


def _around(account: Account | None, story: Story) -> str:
    """The lines that a host may be named in: the recipient's own, and the whole report where there is but one."""
    own = [account.whole, *account.section] if account else []
    return "\n".join([*own[:12], *(story.lines[:40] if len(story.accounts) < SURELY else ())])[:2000]


def _named(letter: Letter, story: Story) -> list[str]:
    """Recipients by other means than the report's words, the surest first."""
    return next((found for found in map(list, _other_names(letter, story)) if found), [])


def _other_names(letter: Letter, story: Story) -> Iterator[Iterable[str]]:
    """Headers that name them, weak mentions, the returned message's only To, its echo, and the path that the report came back to."""
    yield letter.failed_header
    yield _only(list(dict.fromkeys(story.to)))
    top = max((account.rank for account in story.accounts), default=0)
    weak = [account.recipient for account in story.accounts if account.rank == top]
    head = letter.returned_head
    for name in (b"x-actual-recipient", b"x-rcpt-to", b"to"):
        written = [mention.address for mention in mentions(header_text(head.first(name))[:2000])] if head else []
        keys = {same(address) for address in written}
        yield [address for address in weak if same(address) in keys]
        yield _only(written)
    yield weak
    yield list(dict.fromkeys(story.to))[:1]
    yield _bare_names(letter, story)
    yield _only(
        [mention.address for line in story.after.split("\n") if line.lstrip(" \t>|")[:3].lower() == "to:" for mention in mentions(line)]
    )
    verp = recipient_of(header_text(letter.head.first(b"to")))
    yield [verp] if verp else []


def _only(addresses: list[str]) -> list[str]:
    """The addresses, if there is one: of several nobody knows which failed."""
    return addresses if len(addresses) == 1 else []


def _bare_names(letter: Letter, story: Story) -> list[str]:
    """Names without a domain, each on a line of its own after the sentence that says they failed: mailboxes of the mailer's own domain."""
    domain = letter.sender[0].rpartition("@")[2]
    lines = [line.strip() for line in story.lines if line.strip()]
    if letter.daemon < SURELY or "." not in domain:
        return []
    for number, line in enumerate(lines):
        if line.endswith(":") and letter.signs.failure.found(fold(" ".join(lines[max(0, number - 2) : number + 1]))):
            names = itertools.takewhile(_BARE_NAME.fullmatch, lines[number + 1 :])
            return [f"{name}@{domain}" for name in names]
    return []


def _distinct(cases: Sequence[Case]) -> list[Case]:
    """Each recipient once, at its first place, the report with a text kept."""
    kept: dict[str, Case] = {}
    for number, case in enumerate(cases):
        key = same(case.recipient) if case.recipient else f" {number}"
        if key not in kept:
            kept[key] = case
    return list(kept.values())


def _mailer(letter: Letter, story: Story) -> tuple[Evidence, ...]:
    """Which program wrote the report, if its words tell."""
    lead = fold("\n".join(story.lines[:60]))
    mark = letter.head.text(b"x-mailer").lower()
    for mailer in letter.signs.mailers:
        words = next((phrase for phrase in mailer.words if phrase in lead), None) or (
            mailer.header if mailer.header and mailer.header in mark else None
        )
        if words:
            return (evidence(f"mailer.{mailer.name}", words, source="observed", sure=0.8),)
    return ()
