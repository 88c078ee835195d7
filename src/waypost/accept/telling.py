"""The events of a session, made only where somebody listens. Knows no log format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.mail import header
from waypost.observe.events import Authenticated, MessageAccepted, Refused, ServerChanged, SessionClosed, SessionOpened, SessionSecured
from waypost.replies import Key
from waypost.smtp.events import Asked, ChunkAnnounced, ChunkEnded, ContentEnded, Credentials, Data, Fault, Hello, Mail, Rcpt, StartTls

if TYPE_CHECKING:
    from waypost.accept.session import Session
    from waypost.accept.transaction import Transaction
    from waypost.mail.envelope import Envelope
    from waypost.replies import Reply
    from waypost.smtp.events import Event

_COMMANDS: dict[type, str] = {
    Mail: "MAIL",
    Rcpt: "RCPT",
    Data: "DATA",
    ChunkAnnounced: "BDAT",
    ChunkEnded: "BDAT",
    ContentEnded: "end of data",
    StartTls: "STARTTLS",
    Credentials: "AUTH",
}


def opened(session: Session, key: str) -> None:
    """The client was greeted, or turned away instead."""
    observers = session.services.observers
    if observers.openings:
        ends = session.ends
        observers.tell(
            SessionOpened(
                session=session.identify(),
                role=session.subject.role,
                client=ends.remote,
                port=ends.remote_port,
                local=f"{ends.local}:{ends.local_port}",
                key=key,
            )
        )


def secured(session: Session) -> None:
    """A handshake succeeded."""
    session.record.secured(session.subject.tls)
    observers = session.services.observers
    if observers:
        observers.tell(SessionSecured(session=session.identify(), tls=session.subject.tls))


def handshake_failed(session: Session, error: str) -> None:
    """A handshake failed."""
    observers = session.services.observers
    if observers:
        observers.tell(SessionSecured(session=session.identify(), tls="", error=error))


def authenticated(session: Session, name: str, mechanism: str, key: str) -> None:
    """AUTH ended."""
    observers = session.services.observers
    if observers:
        observers.tell(Authenticated(session=session.identify(), client=session.subject.client, account=name, mechanism=mechanism, key=key))


def refused(session: Session, event: Event | None, reply: Reply) -> None:
    """A reply of 4xx or 5xx was given to ``event``."""
    observers = session.services.observers
    if not observers or reply.key == Key.SHUTDOWN:
        return
    subject = session.subject
    observers.tell(
        Refused(
            session=session.identify(),
            client=subject.client,
            helo=subject.helo,
            command=_command(event),
            key=reply.key,
            code=reply.code,
            status=reply.status or "",
            text=" ".join(reply.lines),
            reverse_path=_reverse_path(session, event),
            forward_path=event.recipient.mailbox.text if isinstance(event, Rcpt) else "",
            account=subject.account,
        )
    )


def accepted(session: Session, envelope: Envelope, transaction: Transaction) -> None:
    """A message is durable."""
    observers = session.services.observers
    if observers:
        found = header.first(transaction.head, "message-id")
        observers.tell(
            MessageAccepted(session=session.identify(), envelope=envelope, message_id=header.decoded(found) if found is not None else "")
        )


def closed(session: Session, seconds: float) -> None:
    """The session is over."""
    observers = session.services.observers
    if observers:
        subject = session.subject
        observers.tell(
            SessionClosed(
                session=session.identify(),
                client=subject.client,
                helo=subject.helo,
                seconds=seconds,
                accepted=session.accepted,
                refused=session.refusals,
                key=session.key,
                tls=subject.tls,
                account=subject.account,
                role=subject.role,
            )
        )


def failed(session: Session, error: Exception) -> None:
    """A fault of ours ended the session."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f" ({where.tb_frame.f_code.co_filename}:{where.tb_lineno})" if where is not None else ""
    detail = f"{session.identify()}: {type(error).__name__}: {error}{place}"
    session.services.observers.tell(ServerChanged(what="session-failed", detail=detail, severity="error"))


def _command(event: Event | None) -> str:
    if isinstance(event, Hello | Asked | Fault):
        return event.command
    return _COMMANDS.get(type(event), "")


def _reverse_path(session: Session, event: Event | None) -> str:
    if isinstance(event, Mail):
        path = event.reverse_path
    else:
        path = session.subject.reverse_path if session.transaction is not None or isinstance(event, ContentEnded) else None
    return path.text if path is not None else ""
