"""From outcomes to what the spool records: when to try again, when to give up, which notices are owed. Knows no network.

RFC 5321 section 4.5.4.1, RFC 3461 section 5.2; the schedule is ``spool.schedule``, the rules of notices are ``report.notice``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from waypost.mail.envelope import Return
from waypost.mail.outcome import Action, Outcome
from waypost.replies.keys import Key
from waypost.report import notice as report
from waypost.spool import schedule
from waypost.spool.spool import Notice, Settlement, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from waypost.deliver.attempt import Attempted
    from waypost.mail.content import Content
    from waypost.report.settings import NoticeSettings
    from waypost.spool.settings import QueueSettings
    from waypost.spool.spool import Lease, Waiting

_DONE = (Action.RELAYED, Action.DELIVERED)
HEAD = 262_144
"""Octets of a message in which its header section is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What settling goes by."""

    queue: QueueSettings
    hostname: str
    postmaster: str
    notices: NoticeSettings


async def conclude(
    lease: Lease, attempted: Attempted, rules: Rules, *, now: float, random: Callable[[], float], fault: Callable[[Lease, Exception], None]
) -> tuple[list[Settlement], list[report.Notice]]:
    """What to record, and the notices that go with it. When a notice cannot be written, which ``fault`` is told, nobody is given up
    without one: those recipients wait, and what went well is recorded all the same.
    """
    settled = settlements(lease, attempted, rules, now=now, random=random)
    try:
        return settled, await notices(lease, settled, rules, now=now)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one notice must neither end all deliveries nor lose the message; it is told
        fault(lease, error)
        pairs = zip(lease.waiting, settled, strict=True)
        return [_kept(waiting, each, rules.queue, now=now, random=random) for waiting, each in pairs], []


def _kept(waiting: Waiting, settlement: Settlement, queue: QueueSettings, *, now: float, random: Callable[[], float]) -> Settlement:
    """The settlement without what a notice would have to tell."""
    outcome = settlement.outcome
    if outcome.action is not Action.FAILED:
        return replace(settlement, delay_notified=False)
    at = schedule.next_attempt(queue, attempts=waiting.attempts + 1, now=now, random=random)
    return Settlement(
        position=settlement.position,
        outcome=replace(
            outcome, action=Action.DEFERRED, key=Key.DELIVERY_INTERRUPTED, status="4.3.0", detail="its notice cannot be written"
        ),
        next_attempt=at,
    )


def settlements(lease: Lease, attempted: Attempted, rules: Rules, *, now: float, random: Callable[[], float]) -> list[Settlement]:
    """One for each waiting recipient."""
    pairs = zip(lease.waiting, attempted.outcomes, strict=True)
    settled = [_settlement(lease, waiting, outcome, rules.queue, attempted.hold, now, random) for waiting, outcome in pairs]
    return [replace(each, next_attempt=now) if each.position in attempted.soon and each.next_attempt else each for each in settled]


def _settlement(
    lease: Lease,
    waiting: Waiting,
    outcome: Outcome,
    queue: QueueSettings,
    hold: bool,  # noqa: FBT001 - private, one caller
    now: float,
    random: Callable[[], float],
) -> Settlement:
    if outcome.action is not Action.DEFERRED:
        return Settlement(position=waiting.position, outcome=outcome)
    if hold:
        return Settlement(position=waiting.position, outcome=outcome, hold=True)
    attempts = waiting.attempts + 1
    envelope = lease.envelope
    if schedule.expired(queue, arrived=envelope.arrived, attempts=attempts, now=now, null_path=envelope.reverse_path is None):
        given_up = replace(outcome, action=Action.FAILED, key=Key.EXPIRED, status="5.4.7", detail=outcome.detail or outcome.key)
        return Settlement(position=waiting.position, outcome=given_up)
    at = schedule.next_attempt(queue, attempts=attempts, now=now, random=random)
    return Settlement(position=waiting.position, outcome=outcome, next_attempt=at, delay_notified=_is_late(lease, waiting, queue, now))


def _is_late(lease: Lease, waiting: Waiting, queue: QueueSettings, now: float) -> bool:
    """Whether this is the moment to tell its sender that a recipient waits: it comes once, whether or not a notice is wanted then."""
    envelope = lease.envelope
    return schedule.delay_notice_due(
        queue, arrived=envelope.arrived, now=now, notified=waiting.delay_notified, null_path=envelope.reverse_path is None
    )


async def notices(lease: Lease, settled: Sequence[Settlement], rules: Rules, *, now: float) -> list[report.Notice]:
    """The notices that these settlements owe; the content is read only if one is."""
    envelope = lease.envelope
    if envelope.reverse_path is None:
        return []
    if all(each.outcome.action in _DONE and not waiting.recipient.notify for waiting, each in zip(lease.waiting, settled, strict=True)):
        return []  # almost all mail
    facts = [_fact(lease, waiting, each, rules.queue, now) for waiting, each in zip(lease.waiting, settled, strict=True)]
    if not any(report.owed(fact, delay_notified=False) for fact in facts):
        return []
    most = rules.notices.returned_size if envelope.ret is Return.FULL else 0
    head, whole = await _head(lease.content, most)
    return list(
        report.notices(
            envelope,
            facts,
            head=head,
            whole=whole,
            hostname=rules.hostname,
            postmaster=rules.postmaster,
            now=now,
            delay_notified=False,  # each recipient for itself: see ``_is_late``
            settings=rules.notices,
        )
    )


def queued(owed: Sequence[report.Notice]) -> list[Notice]:
    """Notices as the spool takes them."""
    return [Notice(envelope=each.envelope, content=each.content) for each in owed]


def _fact(lease: Lease, waiting: Waiting, settlement: Settlement, queue: QueueSettings, now: float) -> report.Settled:
    envelope, outcome = lease.envelope, settlement.outcome
    late = outcome.action is Action.DEFERRED and not settlement.hold
    return report.Settled(
        recipient=waiting.recipient,
        outcome=outcome,
        final=outcome.action is not Action.DEFERRED,
        attempts=waiting.attempts + 1,
        last_attempt=now,
        next_attempt=settlement.next_attempt,
        expires=envelope.arrived + schedule.lifetime(queue, null_path=False) if late else None,
        delayed_notice_due=late and settlement.delay_notified,
    )


async def _head(content: Content, most: int) -> tuple[bytes, bytes | None]:
    """The header section; and the whole where that is at hand, or wanted and of at most ``most`` octets."""
    octets = content.octets
    if octets is not None:
        return _header_section(octets), octets
    whole = content.size <= most
    read = bytearray()
    try:
        async for piece in content.chunks():
            read += piece
            if not whole and (b"\r\n\r\n" in read or len(read) >= HEAD):
                break
    except (SpoolUnavailableError, OSError):
        whole = False  # the notice is owed all the same, with what could be read
    return _header_section(bytes(read[:HEAD])), bytes(read) if whole else None


def _header_section(octets: bytes) -> bytes:
    if octets.startswith(b"\r\n"):
        return b""
    end = octets.find(b"\r\n\r\n")
    return octets if end < 0 else octets[: end + 2]
