"""One message of the drop folder, from its envelope to the spool: judged as a submission of an account of this machine. Knows no file.

Its account is the one that owned the file, so it may send anywhere; recipients that policy or the directory refuse are told to the
sender by a notice that is queued behind the message (RFC 3461). Fields that are missing are added as for any submission (RFC 6409).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from waypost.accept.rules import Rules, pipeline_of
from waypost.accept.settings import ListenerSettings
from waypost.accept.transaction import Transaction
from waypost.mail import header
from waypost.mail.envelope import Body, Envelope, Notify, Origin, Recipient, Return
from waypost.mail.outcome import Action, Outcome
from waypost.observe.events import MessageAccepted, NoticeQueued
from waypost.policy.checks.rate import Networks
from waypost.policy.phase import Phase
from waypost.policy.subject import Subject
from waypost.policy.verdict import Accept, Defer, Reject
from waypost.replies import Key, say
from waypost.report.notice import Settled, notices
from waypost.smtp.errors import AddressError
from waypost.smtp.events import Mail
from waypost.smtp.grammar import is_xtext, parse_mailbox
from waypost.smtp.terms import Role
from waypost.smtp.wire import Intake
from waypost.spool.spool import Filter, SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.accept.dropped import Envelope as Asked
    from waypost.accept.dropped import Waiting
    from waypost.accept.rules import Plan, Services
    from waypost.mail.path import ReversePath
    from waypost.policy.verdict import Verdict
    from waypost.replies import Reply
    from waypost.report.notice import Notice

LOCAL = "local"
"""The word behind ``with`` in the trace field, as Exim has it for mail of its own machine's programs."""


class RefusedError(Exception):
    """The message can never be taken; the text says why."""


class NotNowError(Exception):
    """It cannot be kept now; the text says why."""


class Handing:
    """Makes messages of what was handed over, by one plan."""

    def __init__(self, services: Services, plan: Plan) -> None:
        self.services = services
        self.pipeline = pipeline_of(plan, services.observers)
        nobody = Networks(())
        self.rules = Rules(plan, ListenerSettings(role=Role.SUBMISSION, bind="drop"), self.pipeline, nobody, nobody)

    def begin(self, waiting: Waiting, account: str) -> Handed:
        """A message that waits for its content. Raises RefusedError, NotNowError."""
        return Handed(self, waiting, account)


class Handed:
    """One message in the making."""

    def __init__(self, handing: Handing, waiting: Waiting, account: str) -> None:
        given = waiting.envelope
        self._services, self._rules, self._pipeline = handing.services, handing.rules, handing.pipeline
        self._subject = Subject(client="", role=Role.SUBMISSION, account=account, helo=account)
        mail = _mail(waiting)
        self._subject.reverse_path = mail.reverse_path
        self._recipients = _recipients(given)
        self._intake = Intake(handing.rules.limits.message_size)
        try:
            draft = self._services.spool.draft()
        except (SpoolFullError, SpoolUnavailableError) as error:
            raise NotNowError(str(error)) from error
        self._transaction = Transaction(mail, draft, handing.rules, self._services)
        self._transaction.begin(Origin(helo=account, protocol=LOCAL, account=account))
        self._transaction.id = waiting.id  # what its sender was told

    def write(self, octets: bytes) -> bool:
        """Take content; False when ``drain`` must be awaited. Raises RefusedError, NotNowError."""
        taken = self._intake.read_chunk(octets, final=False)
        if self._intake.spoiled:
            raise RefusedError("its content has a line end that is not CRLF, or a NUL")
        if self._intake.size > self._rules.limits.message_size:
            raise RefusedError(f"it is larger than {self._rules.limits.message_size} octets (limits.message_size)")
        more = self._transaction.write(taken)
        self._demand()
        return more

    async def drain(self) -> None:
        """Wait for the disk. Raises NotNowError."""
        await self._transaction.drain()
        self._demand()

    async def keep(self) -> None:
        """The content is whole: judge it, and return when it is durable. Raises RefusedError, NotNowError."""
        self._intake.close_chunks()
        if self._intake.spoiled:
            raise RefusedError("its content ends with a bare CR")
        self._transaction.complete()
        self._demand()
        if await self._services.spool.find(Filter(ids=frozenset({self._transaction.id}))):
            return  # it was kept, and then the server ended before the file went
        refused = await self._judge_recipients()
        transaction = self._transaction
        if transaction.recipients:
            await self._judge_content()
            envelope = transaction.envelope(eight_bit=self._intake.eight_bit)
            reply = await transaction.put(envelope)
            if not reply.accepts:
                raise NotNowError(" ".join(reply.lines))
            self._tell(envelope)
        else:
            envelope = self._without_recipients()
        if refused:
            await self._tell_sender(envelope, refused)

    def discard(self) -> None:
        """Forget what was not kept; idempotent."""
        self._transaction.discard()

    # ---- judging

    def _demand(self) -> None:
        refusal = self._transaction.refusal
        if refusal is None:
            return
        said = " ".join(refusal.lines)
        raise RefusedError(said) if refusal.code >= 500 else NotNowError(said)

    async def _judge_recipients(self) -> list[tuple[Recipient, Reply]]:
        """Note those that are accepted; those that are not, each with the reply that a client would have heard."""
        await self._demand_accepted(Phase.MAIL)
        refused = []
        for recipient in self._recipients:
            self._subject.recipient = recipient.mailbox
            refusal = _refusal(await self._verdict(Phase.RCPT))
            if refusal is not None:
                refused.append((recipient, refusal))
            else:
                self._transaction.recipients.append(recipient)
                self._subject.recipients.append(recipient)
        return refused

    async def _judge_content(self) -> None:
        await self._demand_accepted(Phase.DATA)
        self._subject.size, self._subject.head = self._intake.size, self._transaction.head
        await self._demand_accepted(Phase.CONTENT)

    async def _demand_accepted(self, phase: Phase) -> None:
        refusal = _refusal(await self._verdict(phase))
        if refusal is not None:
            raise RefusedError(" ".join(refusal.lines))

    async def _verdict(self, phase: Phase) -> Verdict:
        if self._pipeline.waits(phase):
            return await self._pipeline.judge_waiting(phase, self._subject)
        return self._pipeline.judge(phase, self._subject)

    # ---- telling

    def _tell(self, envelope: Envelope) -> None:
        observers = self._services.observers
        if observers:
            found = header.first(self._transaction.head, "message-id")
            observers.tell(MessageAccepted(session="", envelope=envelope, message_id=header.decoded(found) if found is not None else ""))

    def _without_recipients(self) -> Envelope:
        mail = self._transaction.mail
        return Envelope(
            id=self._transaction.id,
            reverse_path=mail.reverse_path,
            recipients=self._recipients,
            arrived=self._services.clock.wall(),
            ret=mail.ret,
            envid=mail.envid,
            origin=Origin(helo=self._subject.account, protocol=LOCAL, account=self._subject.account),
        )

    async def _tell_sender(self, envelope: Envelope, refused: Sequence[tuple[Recipient, Reply]]) -> None:
        """Queue the notice about those that were refused. Raises NotNowError: then all of it is done again."""
        hostname = self._rules.plan.hostname
        now = self._services.clock.wall()
        owed = notices(
            envelope,
            [_failed(recipient, reply, now) for recipient, reply in refused],
            head=self._transaction.head,
            whole=None,
            hostname=hostname,
            postmaster=f"postmaster@{hostname}",
            now=now,
            delay_notified=True,
        )
        if not owed and not self._transaction.recipients:
            raise RefusedError("no recipient is taken, and nobody wants to hear of it: " + " ".join(refused[0][1].lines))
        for notice in owed:
            await self._queue(notice, envelope)

    async def _queue(self, notice: Notice, about: Envelope) -> None:
        spool = self._services.spool
        try:
            draft = spool.draft(expect=notice.content.size)
            draft.write(notice.content.octets)
            await spool.put(notice.envelope, draft)
        except (SpoolFullError, SpoolUnavailableError) as error:
            raise NotNowError(str(error)) from error
        to = about.reverse_path.text if about.reverse_path is not None else ""
        self._services.observers.tell(NoticeQueued(id=notice.envelope.id, about=about.id, to=to, kind=notice.kind.value))


def _failed(recipient: Recipient, reply: Reply, now: float) -> Settled:
    outcome = Outcome(action=Action.FAILED, key=reply.key, status=reply.status or "5.0.0", detail=" ".join(reply.lines))
    return Settled(recipient=recipient, outcome=outcome, final=True, attempts=0, last_attempt=now)


def _refusal(verdict: Verdict) -> Reply | None:
    """Why not, as a reply. Raises NotNowError for what may be taken later."""
    match verdict:
        case Accept():
            return None
        case Reject(key, facts):
            return say(key, **facts)
        case Defer(key, facts):
            raise NotNowError(" ".join(say(key, **facts).lines))
        case _:
            assert_never(verdict)


def _mail(waiting: Waiting) -> Mail:
    """What MAIL would have said. Raises RefusedError."""
    given = waiting.envelope
    if given.envid is not None and not is_xtext(given.envid):
        raise RefusedError("its ENVID is no xtext")
    try:
        path: ReversePath = parse_mailbox(given.sender) if given.sender else None
        ret = None if given.ret is None else Return(given.ret.upper())
    except (AddressError, ValueError) as error:
        raise RefusedError(f"its sender cannot be read: {error}") from error
    body = Body.EIGHT_BIT
    return Mail(path, None, body, given.smtputf8, ret, given.envid, None, say(Key.MAIL_ACCEPTED))


def _recipients(given: Asked) -> tuple[Recipient, ...]:
    """The recipients, each once. Raises RefusedError."""
    try:
        everybody = _notify(given.notify)
        return tuple(
            Recipient(
                parse_mailbox(text),
                _notify(given.wishes[text]) if text in given.wishes else everybody,
                _orcpt(given.orcpt.get(text)),
            )
            for text in dict.fromkeys(given.recipients)
        )
    except (AddressError, ValueError) as error:
        raise RefusedError(f"a recipient cannot be read: {error}") from error


def _notify(words: Sequence[str]) -> frozenset[Notify]:
    return frozenset(Notify(word.upper()) for word in words)


def _orcpt(text: str | None) -> str | None:
    """``type;xtext`` (3461#4.2). Raises ValueError."""
    if text is not None and not is_xtext(text.partition(";")[2]):
        raise ValueError("its ORCPT is no xtext")
    return text
