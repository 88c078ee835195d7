"""Where a message comes from, as trace fields and logs show it. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.mail import trace
from waypost.mail.envelope import Origin
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from waypost.accept.session import Session


def origin_of(session: Session, *, smtputf8: bool) -> Origin:
    """The origin of a message that ``session`` brings now; ``smtputf8``: its MAIL had that parameter (6531#4.3)."""
    subject, ends = session.subject, session.ends
    return Origin(
        client=ends.remote,
        port=ends.remote_port,
        helo=subject.helo,
        protocol=trace.protocol(
            lmtp=subject.role is Role.LMTP,
            extended=session.extended,
            tls=bool(subject.tls),
            account=bool(subject.account),
            smtputf8=smtputf8,
        ),
        tls=subject.tls,
        account=subject.account,
        session=session.identify(),
    )
