"""When a notice is owed, to whom, and when never: the rules of RFC 3461 section 5.2 as one table, and RFC 5321 section 6.1.

Pure: knows neither spool nor network; whoever settles recipients asks, and queues what comes back with the same settlement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from waypost.mail import header, identifier
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Body, Envelope, Notify, Recipient
from waypost.mail.outcome import Action
from waypost.replies.keys import Key
from waypost.report import dsn
from waypost.report.facts import Kind, Report, Told
from waypost.report.settings import NoticeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from waypost.mail.outcome import Outcome

_DEFAULT = NoticeSettings()
_BY_WEIGHT = (Kind.FAILED, Kind.DELAYED, Kind.EXPANDED, Kind.RELAYED, Kind.DELIVERED)
"""A notice that tells several things is named by the first of these that it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of one recipient, as far as its sender may care."""

    recipient: Recipient
    outcome: Outcome
    final: bool
    """Whether that is the end of it; False: deferred or held, more attempts come."""
    attempts: int
    """Made so far, this one included."""
    last_attempt: float
    """Wall-clock seconds."""
    next_attempt: float | None = None
    """Wall-clock seconds, when deferred."""
    expires: float | None = None
    """Wall-clock seconds at which it is given up, when deferred."""
    delayed_notice_due: bool = False
    """Whether it has waited so long that its sender may be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of ours that is owed."""

    kind: Kind
    envelope: Envelope
    content: MemoryContent


def notices(  # noqa: PLR0913 - facts, not choices: every one of them stands in the text
    envelope: Envelope,
    settled: Sequence[Settled],
    *,
    head: bytes,
    whole: bytes | None,
    hostname: str,
    postmaster: str,
    now: float,
    delay_notified: bool,
    settings: NoticeSettings = _DEFAULT,
    new_id: Callable[[float], str] = identifier.new,
) -> Sequence[Notice]:
    """The notices that this settlement of a message owes: none, or one that tells of every recipient concerned.

    ``head``: header section of the message; ``whole``: all of it when it is at hand, wanted only by RET=FULL;
    ``postmaster``: address of the human in charge; ``delay_notified``: the sender was told once already that it is late.
    """
    to = envelope.reverse_path
    if to is None:  # 5321#6.1, 3461#5.2: never about mail from the null reverse-path
        return ()
    quiet = _is_automatic(head)
    told = []
    for each in settled:
        kind = owed(each, delay_notified=delay_notified, quiet=quiet)
        if kind is not None:
            told.append(_told(kind, each))
    if not told:
        return ()
    kind = min((each.kind for each in told), key=_BY_WEIGHT.index)
    report = Report(
        id=new_id(now),
        kind=kind,
        about=envelope,
        to=to,
        told=tuple(told),
        head=head,
        whole=whole,
        hostname=hostname,
        postmaster=postmaster,
        now=now,
    )
    octets = dsn.compose(report, settings)
    return (Notice(kind=kind, envelope=_envelope(report, octets), content=MemoryContent(octets)),)


def owed(settled: Settled, *, delay_notified: bool, quiet: bool = False) -> Kind | None:
    """What the sender is to be told of this recipient, or None. ``quiet``: nothing that is at our discretion."""
    asked = settled.recipient.notify
    if Notify.NEVER in asked:  # 3461#4.1, 3461#5.2.2(d)
        return None
    action = settled.outcome.action
    match action:
        case Action.FAILED:
            return Kind.FAILED if not asked or Notify.FAILURE in asked else None  # 3461#5.2.6
        case Action.DELIVERED:
            if Notify.SUCCESS not in asked:  # 3461#5.2.3
                return None
            return Kind.EXPANDED if settled.outcome.key == Key.EXPANDED else Kind.DELIVERED  # 3461#5.2.7.3(c)
        case Action.RELAYED:
            passed_on = settled.outcome.supports_dsn  # 3461#5.2.1: the next hop took over the request
            return Kind.RELAYED if Notify.SUCCESS in asked and not passed_on else None  # 3461#5.2.2(b)
        case Action.DEFERRED:
            late = settled.delayed_notice_due and not delay_notified and not settled.final
            wanted = Notify.DELAY in asked or (not asked and not quiet)  # 3461#5.2.5
            return Kind.DELAYED if late and wanted else None
        case _:
            assert_never(action)


def _told(kind: Kind, settled: Settled) -> Told:
    return Told(
        kind=kind,
        recipient=settled.recipient,
        outcome=settled.outcome,
        attempts=settled.attempts,
        last_attempt=settled.last_attempt,
        next_attempt=settled.next_attempt if kind is Kind.DELAYED else None,
        expires=settled.expires if kind is Kind.DELAYED else None,
    )


def _envelope(report: Report, octets: bytes) -> Envelope:
    """3461#6.1: null reverse-path, back along the way it came, asking for nothing in return."""
    return Envelope(
        id=report.id,
        reverse_path=None,
        recipients=(Recipient(report.to, frozenset({Notify.NEVER})),),
        arrived=report.now,
        size=len(octets),
        body=Body.SEVEN_BIT if octets.isascii() else Body.EIGHT_BIT,
        smtputf8=report.international,
    )


def _is_automatic(head: bytes) -> bool:
    """Whether a program sent it: then we are silent where we may be (3834#2)."""
    value = header.first(head, "Auto-Submitted")
    return value is not None and value.split(b";")[0].split(b"(")[0].strip().lower() != b"no"
