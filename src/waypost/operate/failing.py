"""The notices that an operator's ``queue fail`` owes to senders: composed before, queued in the same transaction. Knows no store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.mail.header import end_of_header
from waypost.mail.outcome import Action, Outcome
from waypost.replies import Key
from waypost.report.notice import Settled, notices
from waypost.spool.spool import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.mail.content import Content
    from waypost.report.settings import NoticeSettings
    from waypost.spool.spool import Found, Standing

HEAD = 262_144
"""Octets read in search of the header section that a notice returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """In whose name notices are written."""

    hostname: str
    postmaster: str
    notices: NoticeSettings


async def failure_notices(found: Found, failing: Sequence[Standing], voice: Voice, *, now: float) -> Sequence[Notice]:
    """What the sender of ``found`` is to be told when the recipients ``failing`` are given up."""
    octets = await _beginning(found.content)
    composed = notices(
        found.envelope,
        [_settled(one, now) for one in failing],
        head=octets[: max(end_of_header(octets), 0)],
        whole=octets if len(octets) == found.content.size else None,
        hostname=voice.hostname,
        postmaster=voice.postmaster,
        now=now,
        delay_notified=True,
        settings=voice.notices,
    )
    return [Notice(envelope=one.envelope, content=one.content) for one in composed]


def _settled(one: Standing, now: float) -> Settled:
    outcome = Outcome(
        action=Action.FAILED,
        key=Key.FAILED_BY_OPERATOR,
        status="5.3.0",
        heard=one.last.heard if one.last else None,
        next_hop=one.last.next_hop if one.last else "",
        detail="given up by an operator",
    )
    return Settled(recipient=one.recipient, outcome=outcome, final=True, attempts=one.attempts, last_attempt=one.last_attempt or now)


async def _beginning(content: Content) -> bytes:
    if content.octets is not None:
        return content.octets
    gathered = bytearray()
    async for chunk in content.chunks():
        gathered += chunk
        if len(gathered) >= HEAD:
            break
    return bytes(gathered)
