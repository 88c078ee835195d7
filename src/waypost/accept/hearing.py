"""What a session does about each event of the language: one function per event, in one table. Knows no octets and no connection.

A function answers at once, or has the session wait for what takes time; until that is done nothing more is heard.
RFC 5321 section 3; RFCs 3030, 3207, 4954.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, assert_never

from waypost.accept import telling
from waypost.accept.house import Turn
from waypost.accept.transaction import Transaction
from waypost.directory.credentials import Busy, Verified, Wrong
from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Accept
from waypost.replies import Key, Reply, say
from waypost.smtp.events import (
    Asked,
    Challenge,
    ChunkAnnounced,
    ChunkEnded,
    Content,
    ContentEnded,
    Credentials,
    Data,
    Event,
    Fault,
    Hello,
    Mail,
    Quit,
    Rcpt,
    Reset,
    StartTls,
    Violation,
)
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.accept.session import Session
    from waypost.mail.envelope import Envelope
    from waypost.policy.verdict import Verdict
    from waypost.spool.spool import Draft


def _refusal(verdict: Verdict) -> Reply | None:
    return None if isinstance(verdict, Accept) else say(verdict.key, **verdict.facts)


def _judged(session: Session, phase: Phase, then: Callable[[Session, Reply | None], None]) -> None:
    """Judge ``phase`` and go on with its refusal, or None; at once where no check waits."""
    pipeline = session.rules.pipeline
    if pipeline.waits(phase):
        judging = asyncio.ensure_future(pipeline.judge_waiting(phase, session.subject))
        # Only when that is over: what follows may take time itself.
        session.wait(judging, lambda _: then(session, _refusal(judging.result())))
        return
    verdict = pipeline.judge(phase, session.subject)
    then(session, None if verdict is ACCEPT else _refusal(verdict))


# ---- who it is ------------------------------------------------------------------------------------------------


def _hello(session: Session, event: Hello) -> None:
    if session.junk():
        return
    session.subject.helo = event.name
    session.renew()
    _judged(session, Phase.HELLO, lambda session, refusal: _introduced(session, event, refusal))


def _introduced(session: Session, event: Hello, refusal: Reply | None) -> None:
    if refusal is None:  # 5321#4.1.4: EHLO resets like RSET; one that is refused changes nothing
        session.drop()
        session.extended = event.command != "HELO"
    session.answer(refusal or event.suggested)


def _start_tls(session: Session, event: StartTls) -> None:
    session.wait(_secure(session, event))


async def _secure(session: Session, event: StartTls) -> None:
    """Shake hands. Nothing is awaited between the 220 and the moment when reading stops, and what came before that moment in the clear
    ends the connection: in the session's own buffer it was a Violation, in the stream's it fails the handshake (3207#5).
    """
    context, stream = session.rules.plan.context, session.stream
    if stream is None:
        return
    if context is None:
        session.answer(say(Key.STARTTLS_UNAVAILABLE))
        return
    turn = Turn(session.house.handshakes)
    try:
        await turn.come(session.rules.limits.handshake_seconds)
    except TimeoutError:
        session.answer(say(Key.STARTTLS_UNAVAILABLE))
        return
    with turn:
        session.drop()
        session.answer(event.suggested)
        session.flush()
        stream.deadline(session.rules.limits.handshake_seconds)
        await stream.start_tls(context, server_side=True)
    session.protocol.secured(stream.tls)
    subject = session.subject
    subject.tls, subject.helo, subject.account = stream.tls, "", ""  # 3207#4.2
    session.renew()
    telling.secured(session)


def _credentials(session: Session, event: Credentials) -> None:
    session.wait(_authenticate(session, event))


async def _authenticate(session: Session, event: Credentials) -> None:
    guessing, client = session.house.guessing, session.subject.client
    if guessing.refuses(client, event.name):
        telling.authenticated(session, event.name, event.mechanism, Key.AUTH_TOO_MANY_FAILURES)
        session.say_last(Key.AUTH_TOO_MANY_FAILURES)
        return
    if delay := guessing.delay(client, event.name):
        await asyncio.sleep(delay)
    verdict = await session.services.credentials.verify(event.name, event.password)
    match verdict:
        case Verified(account) if event.authorization in ("", event.name, account):
            guessing.succeeded(client, event.name)
            session.subject.account = account
            session.renew()
            key = Key.AUTH_SUCCEEDED
        case Verified() | Wrong():  # nobody acts for another (4616#2)
            guessing.failed(client, event.name)
            session.auth_failures += 1
            await asyncio.sleep(session.auth_failures)  # guessing is made slow, and slower
            key = Key.AUTH_FAILED
        case Busy():
            key = Key.AUTH_UNAVAILABLE
        case _:
            assert_never(verdict)
    session.answer(say(key))
    telling.authenticated(session, event.name, event.mechanism, key)
    if session.auth_failures >= session.rules.limits.auth_failures:
        session.say_last(Key.AUTH_TOO_MANY_FAILURES)


def _challenge(session: Session, event: Challenge) -> None:
    if not session.junk():  # begun and cancelled for ever, it would be neither an error nor a failure
        session.answer(event.suggested)


# ---- the envelope ---------------------------------------------------------------------------------------------


def _mail(session: Session, event: Mail) -> None:
    session.drop()
    if session.house.draining:
        session.say_last(Key.SHUTDOWN)
        return
    limits, subject = session.rules.limits, session.subject
    if session.messages >= limits.session_messages and not subject.trusted:
        session.say_last(Key.TOO_MANY_MESSAGES, limit=limits.session_messages)
        return
    subject.reverse_path = event.reverse_path
    subject.size = event.size
    subject.recipients.clear()
    draft = _room(session, event.size or 0)
    if isinstance(draft, Reply):
        session.answer(draft)
    elif Phase.MAIL in session.rules.pipeline.idle:
        _open(session, event, draft, None)
    else:
        _judged(session, Phase.MAIL, lambda session, refusal: _open(session, event, draft, refusal))


def _room(session: Session, size: int) -> Draft | Reply:
    """A draft for a message of ``size`` octets, or why it cannot be kept now (1870#6.1)."""
    try:
        return session.services.spool.draft(expect=size)
    except SpoolFullError:
        return say(Key.STORAGE_LOW)
    except SpoolUnavailableError:
        return say(Key.SPOOL_UNAVAILABLE)


def _open(session: Session, event: Mail, draft: Draft, refusal: Reply | None) -> None:
    if refusal is not None:
        draft.discard()
        session.answer(refusal)
        return
    session.answer(event.suggested)
    session.transaction = Transaction(event, draft, session.rules, session.services)


def _rcpt(session: Session, event: Rcpt) -> None:
    if not event.suggested.accepts:
        session.answer(event.suggested)
        return
    session.subject.recipient = event.recipient.mailbox
    _judged(session, Phase.RCPT, lambda session, refusal: _recipient(session, event, refusal))


def _recipient(session: Session, event: Rcpt, refusal: Reply | None) -> None:
    if refusal is not None:
        session.answer(refusal)
        return
    session.answer(event.suggested)
    if session.transaction is not None:
        session.transaction.recipients.append(event.recipient)
        session.subject.recipients.append(event.recipient)


# ---- the content ----------------------------------------------------------------------------------------------


def _data(session: Session, event: Data) -> None:
    if Phase.DATA in session.rules.pipeline.idle:
        _begin_data(session, event, None)
    else:
        _judged(session, Phase.DATA, lambda session, refusal: _begin_data(session, event, refusal))


def _begin_data(session: Session, event: Data, refusal: Reply | None) -> None:
    transaction = session.transaction
    if refusal is not None or transaction is None:
        session.answer(refusal or say(Key.INTERNAL_ERROR))
        return
    if session.protocol.unread:  # content before 354 is what smuggled commands look like (2920#3.1)
        _out_of_step(session)
        return
    transaction.begin(session.origin(smtputf8=transaction.mail.smtputf8))
    session.answer(event.suggested)


def _chunk_announced(session: Session, event: ChunkAnnounced) -> None:  # noqa: ARG001 - the shape of a row
    _judged(session, Phase.DATA, _begin_chunks)


def _begin_chunks(session: Session, refusal: Reply | None) -> None:
    transaction = session.transaction
    if refusal is None and transaction is not None:
        transaction.begin(session.origin(smtputf8=transaction.mail.smtputf8))
    if refusal is not None:
        session.protocol.refuse_content(refusal)


def _content(session: Session, event: Content) -> None:
    transaction = session.transaction
    if transaction is None:
        return
    enough = transaction.write(event.octets)
    if transaction.refusal is not None:
        session.protocol.refuse_content(transaction.refusal)
    if not enough:
        session.wait(_drain(session, transaction))


async def _drain(session: Session, transaction: Transaction) -> None:
    await transaction.drain()
    if transaction.refusal is not None:
        session.protocol.refuse_content(transaction.refusal)


def _chunk_ended(session: Session, event: ChunkEnded) -> None:
    session.answer(event.suggested)


def _content_ended(session: Session, event: ContentEnded) -> None:
    session.record.content(event.size)
    session.messages += 1
    transaction, session.transaction = session.transaction, None
    fault = event.fault
    if transaction is None:
        session.answer(fault or say(Key.INTERNAL_ERROR))
        return
    if fault is None:
        transaction.complete()
        fault = transaction.refusal
    if fault is not None:
        transaction.discard()
        session.answer(fault)
    elif Phase.CONTENT in session.rules.pipeline.idle:
        _keep(session, transaction, event)
    else:
        session.subject.size, session.subject.head = event.size, transaction.head
        _judged(session, Phase.CONTENT, lambda session, refusal: _end(session, transaction, event, refusal))


def _end(session: Session, transaction: Transaction, event: ContentEnded, refusal: Reply | None) -> None:
    if refusal is None:
        _keep(session, transaction, event)
        return
    transaction.discard()
    session.answer(refusal)


def _keep(session: Session, transaction: Transaction, event: ContentEnded) -> None:
    """Put the message into the spool; 250 is said only when it is there (5321#6.1)."""
    envelope = transaction.envelope(eight_bit=event.eight_bit)
    try:
        keeping = transaction.keep(envelope)
    except (SpoolFullError, SpoolUnavailableError) as error:
        _kept(session, transaction, envelope, error)
    else:
        session.wait(keeping, lambda error: _kept(session, transaction, envelope, error))


def _kept(session: Session, transaction: Transaction, envelope: Envelope, error: BaseException | None) -> None:
    reply = transaction.kept(envelope, error)
    session.answer(reply)
    if reply.accepts:
        session.took(envelope.id)
        telling.accepted(session, envelope, transaction)
    if session.house.draining:
        session.say_last(Key.SHUTDOWN)


# ---- the rest -------------------------------------------------------------------------------------------------


def _reset(session: Session, event: Reset) -> None:
    session.drop()
    if not session.junk():
        session.answer(event.suggested)


def _asked(session: Session, event: Asked) -> None:
    if not session.junk():
        session.answer(event.suggested)


def _quit(session: Session, event: Quit) -> None:
    session.drop()
    session.answer(event.suggested)
    session.key = event.suggested.key


def _fault(session: Session, event: Fault) -> None:
    session.answer(event.suggested, blame=event.syntax)


def _violation(session: Session, event: Violation) -> None:
    session.end(event.reply)


def _out_of_step(session: Session) -> None:
    """The client spoke where it had to wait."""
    session.answer(say(Key.SYNCHRONISATION), blame=False)
    session.end()


# Each row takes its own kind of event, which the type of a dict cannot say: hence Any.
HEARD: dict[type[Event], Callable[[Session, Any], None]] = {
    Hello: _hello,
    StartTls: _start_tls,
    Credentials: _credentials,
    Challenge: _challenge,
    Mail: _mail,
    Rcpt: _rcpt,
    Data: _data,
    ChunkAnnounced: _chunk_announced,
    Content: _content,
    ChunkEnded: _chunk_ended,
    ContentEnded: _content_ended,
    Reset: _reset,
    Asked: _asked,
    Quit: _quit,
    Fault: _fault,
    Violation: _violation,
}
