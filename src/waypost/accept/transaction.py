"""One transaction, from MAIL to the answer to its content: the draft, the envelope, the trace fields. Knows no connection.

RFC 5321 sections 3.3, 3.9, 4.4 and 6.3. Content streams into the draft as it comes; only its header section is held back until it is
whole, so that the fields that are owed can stand above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.accept import lists
from waypost.accept.head import Head, fault, too_big
from waypost.accept.submission import completed
from waypost.directory.resolution import Expanded, Known
from waypost.mail import identifier, trace
from waypost.mail.envelope import Body, Envelope, Notify, Recipient
from waypost.replies import Key, say
from waypost.smtp.grammar import encode_xtext
from waypost.smtp.terms import Role
from waypost.spool.spool import SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from waypost.accept.rules import Rules, Services
    from waypost.mail.envelope import Origin
    from waypost.mail.path import Mailbox
    from waypost.replies import Reply
    from waypost.smtp.events import Mail
    from waypost.spool.spool import Draft


_SLACK = 65_536
"""Octets past the largest header section that are held back before it is refused without seeing its end."""


class Transaction:
    """One message in the making."""

    __slots__ = (
        "_aliases",
        "_draft",
        "_head",
        "_origin",
        "_rules",
        "_services",
        "_wall",
        "head",
        "id",
        "mail",
        "received",
        "recipients",
        "refusal",
    )

    def __init__(self, mail: Mail, draft: Draft, rules: Rules, services: Services) -> None:
        """``draft`` is an empty one, which it discards at its end."""
        self.mail = mail
        self.recipients: list[Recipient] = []
        """As accepted at RCPT, aliases not expanded."""
        self.received = 0
        """Octets of content so far."""
        self.refusal: Reply | None = None
        """What its content will be answered with, once that is certain."""
        self.id = ""
        self.head = b""
        """The header section as it came, once it is whole."""
        self._aliases: list[Recipient] = []
        """Those of the recipients that stand for several mailboxes."""
        self._rules = rules
        self._services = services
        self._draft: Draft | None = draft
        self._head: Head | None = None
        self._origin: Origin | None = None
        self._wall = 0.0

    def begin(self, origin: Origin) -> None:
        """Its content begins."""
        self._origin = origin
        self._wall = self._services.clock.wall()
        self.id = identifier.new(self._wall)
        self._head = Head()

    def write(self, octets: bytes) -> bool:
        """Take content; False when ``drain`` must be awaited before more. Look at ``refusal`` afterwards."""
        self.received += len(octets)
        if self._draft is None:
            return True
        head = self._head
        if head is None:
            return self._write(octets)
        whole = head.feed(octets)
        if whole is not None:
            return self._write_head(head.octets, whole)
        if head.held > self._rules.limits.header_size + _SLACK:
            self._refuse(too_big(self._rules.limits))
        return True

    async def drain(self) -> None:
        """Wait until enough of the content has gone to disk; look at ``refusal`` afterwards."""
        if self._draft is None:
            return
        try:
            await self._draft.drain()
        except SpoolFullError:
            self._refuse(say(Key.STORAGE_LOW))
        except SpoolUnavailableError:
            self._refuse(say(Key.SPOOL_UNAVAILABLE))

    def complete(self) -> None:
        """The content came whole: write what is still held back. Look at ``refusal`` afterwards."""
        if self._head is not None and self._draft is not None:
            rest = self._head.finish()
            self._write_head(self._head.octets, rest)

    def envelope(self, *, eight_bit: bool) -> Envelope:
        """The envelope of the whole message."""
        if self._draft is None or self._origin is None:
            raise ValueError("there is no content")
        mail = self.mail
        return Envelope(
            id=self.id,
            reverse_path=mail.reverse_path,
            recipients=self._expanded(),
            arrived=self._wall,
            size=self._draft.size,
            body=Body.EIGHT_BIT if eight_bit else Body.SEVEN_BIT,
            smtputf8=mail.smtputf8,
            ret=mail.ret,
            envid=mail.envid,
            origin=self._origin,
        )

    def keep(self, envelope: Envelope) -> Awaitable[None]:
        """Hand the message to the spool; when the awaitable ends, however it does, ``kept`` says what is answered."""
        if self._draft is None:
            raise SpoolUnavailableError("there is no content")
        keeping = self._services.spool.put(envelope, self._draft)
        self._draft = None  # it is the spool's from now on
        return self._keep_and_report(keeping, envelope) if self._aliases else keeping

    def kept(self, envelope: Envelope, error: BaseException | None) -> Reply:
        """What is answered once the spool has the message, or failed with ``error``: 250 only where it is durable."""
        if error is None:
            return say(Key.QUEUED, id=envelope.id)
        self.discard()
        match error:
            case SpoolFullError():
                return say(Key.STORAGE_LOW)
            case SpoolUnavailableError():
                return say(Key.SPOOL_UNAVAILABLE)
            case _:
                raise error

    async def put(self, envelope: Envelope) -> Reply:
        """Keep the message; the answer, which is 250 only once it is durable."""
        try:
            await self.keep(envelope)
        except (SpoolFullError, SpoolUnavailableError) as error:
            return self.kept(envelope, error)
        return self.kept(envelope, None)

    async def _keep_and_report(self, keeping: Awaitable[None], envelope: Envelope) -> None:
        await keeping
        await lists.report(envelope, self._aliases, self.head, self._rules.plan.hostname, self._services)

    def discard(self) -> None:
        """Forget the content; idempotent."""
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.discard()

    def _refuse(self, reply: Reply) -> None:
        self.refusal = reply
        self._head = None
        self.discard()

    def _write(self, octets: bytes) -> bool:
        if self._draft is None:
            return True
        try:
            return self._draft.write(octets)
        except SpoolFullError:
            self._refuse(say(Key.STORAGE_LOW))
        except SpoolUnavailableError:
            self._refuse(say(Key.SPOOL_UNAVAILABLE))
        return True

    def _write_head(self, head: bytes, octets: bytes) -> bool:
        """The header section ``head`` is whole: judge it, and write it with what stands above it and what came behind it."""
        self._head = None
        self.head = head
        refusal = fault(head, self._rules.limits)
        if refusal is not None:
            self._refuse(refusal)
            return True
        self._write(self._trace(head))
        return self._write(octets)

    def _trace(self, head: bytes) -> bytes:
        origin = self._origin
        if origin is None:
            return b""
        only = self.recipients[0].mailbox.text if len(self.recipients) == 1 else ""
        hostname = self._rules.plan.hostname
        above = trace.received(
            helo=origin.helo,
            client=origin.client,
            hostname=hostname,
            protocol=origin.protocol,
            id=self.id,
            wall=self._wall,
            recipient=only,
            tls=origin.tls,
        )
        if self._rules.listener.role is Role.SUBMISSION:
            above += completed(head, id=self.id, hostname=hostname, wall=self._wall)
        return above

    def _expanded(self) -> tuple[Recipient, ...]:
        """The recipients with aliases in place of what stands for them, each mailbox once (5321#3.9.1)."""
        resolve = self._rules.plan.directory.resolve
        if len(self.recipients) == 1:
            only = self.recipients[0]
            resolution = resolve(only.mailbox)
            if isinstance(resolution, Known) and resolution.mailbox is only.mailbox:
                return (only,)
        merged: dict[tuple[str, str], Recipient] = {}
        for recipient in self.recipients:
            match resolve(recipient.mailbox):
                case Known(mailbox):
                    self._merge(merged, recipient, mailbox)
                case Expanded(targets):
                    several = len(targets) > 1
                    if several:
                        self._aliases.append(recipient)
                    wishes = lists.passed_on(recipient) if several else recipient  # 3461#5.2.7.2, 3461#5.2.7.3
                    for mailbox in targets:
                        self._merge(merged, wishes, mailbox)
                case _:  # the directory changed since RCPT, which accepted it: delivery will tell the sender
                    self._merge(merged, recipient, recipient.mailbox)
        return tuple(merged.values())

    def _merge(self, merged: dict[tuple[str, str], Recipient], recipient: Recipient, mailbox: Mailbox) -> None:
        local = self._rules.plan.directory.is_local(mailbox.domain)
        key = (mailbox.local_part.lower() if local else mailbox.local_part, mailbox.domain)
        present = merged.get(key)
        if present is None:
            merged[key] = recipient if mailbox is recipient.mailbox else _redirected(recipient, mailbox)
        elif present.notify != recipient.notify:
            merged[key] = Recipient(present.mailbox, _both(present, recipient), present.orcpt)


def _redirected(recipient: Recipient, mailbox: Mailbox) -> Recipient:
    """``recipient`` at another mailbox; ORCPT goes on naming the one that the sender wrote to (3461#4.2, 3461#5.2.1)."""
    orcpt = recipient.orcpt
    if orcpt is None and recipient.mailbox.domain and recipient.mailbox.is_ascii:
        orcpt = f"rfc822;{encode_xtext(recipient.mailbox.text.encode('ascii'))}"
    return Recipient(mailbox, recipient.notify, orcpt)


_UNASKED = frozenset({Notify.FAILURE})


def _both(one: Recipient, other: Recipient) -> frozenset[Notify]:
    """What either asked to hear of; NEVER yields to anything, and nothing asked means FAILURE (3461#4.1)."""
    asked = (one.notify or _UNASKED) | (other.notify or _UNASKED)
    return frozenset(asked - {Notify.NEVER}) if len(asked) > 1 else frozenset(asked)
