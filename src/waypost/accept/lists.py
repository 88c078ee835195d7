"""What is owed to the sender of mail to an alias of several mailboxes: no SUCCESS from each, one ``expanded`` from us (RFC 3461 5.2.7.3).

The choice is (c) of that section: NOTIFY goes on without SUCCESS, and the alias itself is reported as expanded. Knows no session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.mail.envelope import Notify, Recipient
from waypost.mail.outcome import Action, Outcome
from waypost.observe.events import NoticeQueued, ServerChanged
from waypost.replies import Key
from waypost.report.notice import Settled, notices
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.accept.rules import Services
    from waypost.mail.envelope import Envelope
    from waypost.report.notice import Notice

_EXPANDED = Outcome(action=Action.DELIVERED, key=Key.EXPANDED, status="2.0.0")


def passed_on(alias: Recipient) -> Recipient:
    """``alias`` with what its mailboxes inherit: every wish but SUCCESS; who wished for nothing else is told nothing else."""
    if Notify.SUCCESS not in alias.notify:
        return alias
    return Recipient(alias.mailbox, alias.notify - {Notify.SUCCESS} or frozenset({Notify.NEVER}), alias.orcpt)


async def report(envelope: Envelope, aliases: Sequence[Recipient], head: bytes, hostname: str, services: Services) -> None:
    """Queue the notice about ``aliases``, if one is owed. The message is kept already: a notice that cannot be kept is only logged."""
    settled = [
        Settled(recipient=alias, outcome=_EXPANDED, final=True, attempts=0, last_attempt=envelope.arrived)
        for alias in aliases
        if Notify.SUCCESS in alias.notify
    ]
    if not settled or envelope.reverse_path is None:
        return
    now, postmaster = services.clock.wall(), f"postmaster@{hostname}"
    owed = notices(envelope, settled, head=head, whole=None, hostname=hostname, postmaster=postmaster, now=now, delay_notified=True)
    for notice in owed:
        try:
            await _queue(notice, services)
        except (SpoolFullError, SpoolUnavailableError) as error:
            detail = f"the notice that {envelope.id} was expanded: {error}"
            services.observers.tell(ServerChanged(what="notice-lost", detail=detail, severity="warning"))
            continue
        told = NoticeQueued(id=notice.envelope.id, about=envelope.id, to=envelope.reverse_path.text, kind=notice.kind.value)
        services.observers.tell(told)


async def _queue(notice: Notice, services: Services) -> None:
    draft = services.spool.draft(expect=notice.content.size)
    try:
        draft.write(notice.content.octets)
        await services.spool.put(notice.envelope, draft)
    except BaseException:
        draft.discard()
        raise
