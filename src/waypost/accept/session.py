"""The one coroutine of a session: octets to the language, its events to judgement, the replies back in one write. Knows no policy.

Everything that one read brought is answered by one write; what is ready goes out before anything slow is awaited. The deadline of a
command runs from the answer before it and is not moved by single octets; that of content grows with what comes (RFC 5321 section
4.5.3.2).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from waypost.accept import telling
from waypost.accept.hearing import HEARD
from waypost.accept.opening import CLOSING, greeting, let_in
from waypost.accept.origin import origin_of
from waypost.accept.record import Record
from waypost.mail import identifier
from waypost.net.stream import ClosedError, DeadlineError, HandshakeError
from waypost.policy.subject import Subject
from waypost.replies import Key, say
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import TlsMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.accept.house import House
    from waypost.accept.rules import Rules, Services
    from waypost.accept.transaction import Transaction
    from waypost.mail.envelope import Origin
    from waypost.net.listen import Arrival
    from waypost.net.stream import Ends, ServerStream
    from waypost.replies import Reply
    from waypost.smtp.events import Event

_PATIENCE = 30.0
"""Seconds of content before its rate counts."""
_SLOWEST = 30
"""Longest delay of an answer after errors, in seconds."""
_TOLD = 1000
"""Refusals of one session that are told one by one; its end tells their number. Those that are no errors have no other bound."""
_BLAMELESS = frozenset({Key.TOO_MANY_RECIPIENTS, Key.SIZE_OVER_MAXIMUM})
"""Permanent refusals that are no sign of a client out of its mind."""


class Session:
    """One session, from its connection to its end."""

    __slots__ = (
        "_came",
        "_content_began",
        "_ending",
        "_errors",
        "_event",
        "_idle",
        "_junk",
        "_now",
        "_opened",
        "_origin",
        "_out",
        "_penalty",
        "_until",
        "_volume",
        "accepted",
        "auth_failures",
        "ends",
        "extended",
        "house",
        "key",
        "messages",
        "protocol",
        "queued",
        "record",
        "refusals",
        "rules",
        "services",
        "stream",
        "subject",
        "task",
        "transaction",
    )

    def __init__(self, house: House, rules: Rules, ends: Ends, *, trusted: bool) -> None:
        services = house.services
        self.house = house
        self.services: Services = services
        self.rules = rules
        self.ends = ends
        self.stream: ServerStream | None = None
        self.subject = Subject(client=ends.remote, role=rules.listener.role, trusted=trusted)
        implicit = rules.listener.tls is TlsMode.IMPLICIT
        self.protocol = ServerSession(rules.terms(trusted=trusted), secured=implicit)
        if services.observers:
            self.identify()
        self.record = Record(self.subject.session, services.clock, services.observers)
        self.transaction: Transaction | None = None
        self.task: asyncio.Task[None] | None = None
        self.extended = False
        """Greeted by EHLO or LHLO."""
        self.accepted = self.messages = self.refusals = self.auth_failures = 0
        self.queued: list[str] | None = None
        self.key = ""
        """Of the reply that ended the session, or of its last refusal."""
        self._errors = self._junk = self._came = self._volume = 0
        self._content_began: float | None = None
        self._opened = self._now = services.clock.monotonic()
        self._until = self._opened + rules.limits.session_seconds
        self._origin: Origin | None = None
        self._out: list[bytes] = []
        self._event: Event | None = None
        self._ending = self._idle = self._penalty = False

    # ---- its course -------------------------------------------------------------------------------------------

    async def run(self, arrival: Arrival, left: Callable[[Session], None]) -> None:
        """From the greeting to the end, which ``left`` is told of. Raises nothing but CancelledError."""
        try:
            await self._greet(early=await let_in(self, arrival))
            if not self._ending:
                await self._converse()
        except ClosedError:
            pass  # what was under way is dropped below
        except DeadlineError:
            self._late()
        except (HandshakeError, TimeoutError) as error:
            telling.handshake_failed(self, str(error) or "its turn did not come in time")
        except asyncio.CancelledError:
            self.say_last(Key.SHUTDOWN)
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours ends this one session, is told, and reaches no client
            telling.failed(self, error)
            self.say_last(Key.INTERNAL_ERROR)
        finally:
            try:
                self._end()
            finally:
                left(self)

    async def _greet(self, *, early: bool) -> None:
        plan = self.rules.plan
        key = await greeting(self, early=early)
        telling.opened(self, key)
        if key in CLOSING:
            self.say_last(key)
            return
        reply = say(key, hostname=plan.hostname, software=plan.software)
        octets = self.protocol.greet(reply)
        self.record.said(octets, key)
        self._out.append(octets)
        if not reply.accepts:  # 5321#3.1: the session stays, for QUIT
            self.refuse(reply, blame=False)
        self.flush()
        self._set_deadline(heard=True)

    async def _converse(self) -> None:
        stream, protocol, record, monotonic = self.stream, self.protocol, self.record, self.services.clock.monotonic
        if stream is None:
            return
        while True:
            self._idle = True
            octets = await stream.receive()
            self._idle = False
            self._now = record.at = monotonic()
            within = protocol.awaiting_content
            careful = self._note(octets, within=within)
            start = 0
            self._event = None
            protocol.receive(octets)
            while (event := protocol.next_event()) is not None:
                self._event = event
                if careful:
                    start = self._note_part(octets, start, event, within=within)
                slow = HEARD[type(event)](self, event)
                if slow is not None:
                    self.flush()
                    await slow
                    self.tick()
                if self._penalty:
                    self.flush()
                    await self._pay()
                if self._ending:
                    break
                within = careful and protocol.awaiting_content
            if careful and not (within or self._ending) and start < len(octets):
                record.rest(octets[start:], content=protocol.awaiting_content)
            self.flush()
            if (self._ending or protocol.over or self.house.draining) and self._over():
                return
            heard = self._event is not None
            self._event = None  # an idle session holds on to nothing
            await stream.drain()
            self._set_deadline(heard=heard)

    def _over(self) -> bool:
        """Whether nothing more is to be heard: while the server shuts down, as soon as no transaction is open."""
        if self.house.draining and self.transaction is None and not self.protocol.over:
            self.say_last(Key.SHUTDOWN)
        return self._ending or self.protocol.over

    # ---- what is said -----------------------------------------------------------------------------------------

    def answer(self, reply: Reply, *, blame: bool = True) -> None:
        """Answer the event at hand; a permanent refusal counts against the client where it is to ``blame``."""
        octets = self.protocol.answer(reply)
        self._out.append(octets)
        self.record.said(octets, reply.key)
        if reply.code >= 400:
            self.refuse(reply, blame=blame and reply.code >= 500 and reply.key not in _BLAMELESS)

    def refuse(self, reply: Reply, *, blame: bool) -> None:
        """Note that ``reply`` refused something."""
        self.refusals += reply.key != Key.SHUTDOWN  # no refusal of anything: else each idle session would leave a transcript
        self.key = reply.key
        if self.refusals <= _TOLD or reply.closes:
            telling.refused(self, self._event, reply)
        if blame:
            self._errors += 1
            limits = self.rules.limits
            self._penalty = self._errors >= limits.hard_errors or (self._errors > limits.soft_errors and not self.subject.trusted)

    def flush(self) -> None:
        """Send what was answered, in one write."""
        out = self._out
        if out and self.stream is not None:
            self.stream.send(out[0] if len(out) == 1 else b"".join(out))
            out.clear()

    def say_last(self, key: Key, **facts: Any) -> None:
        """Say ``key``, whatever the client said last, and end the session."""
        if self._ending:
            return
        reply = say(key, hostname=self.rules.plan.hostname, **facts)
        self.end(reply)

    def end(self, reply: Reply | None = None) -> None:
        """End the session, with ``reply`` as its last words."""
        self._ending = True
        if reply is not None:
            self._out.append(reply.wire)
            self.record.said(reply.wire, reply.key)
            self.refuse(reply, blame=False)
        self.flush()

    def junk(self) -> bool:
        """Count a command that carries no mail; whether it was one too many, and the session has ended."""
        self._junk += 1
        if self._junk <= self.rules.limits.junk_commands:
            return False
        self.say_last(Key.TOO_MANY_COMMANDS)
        return True

    async def _pay(self) -> None:
        """The price of errors: each makes the next answer wait longer, and one too many ends the session."""
        self._penalty = False
        limits = self.rules.limits
        if self._errors >= limits.hard_errors:
            self.say_last(Key.TOO_MANY_ERRORS)
        elif not self._ending:
            await asyncio.sleep(min(self._errors - limits.soft_errors, _SLOWEST))

    # ---- what is known ----------------------------------------------------------------------------------------

    def identify(self) -> str:
        """The session's id, made when it is first asked for."""
        subject = self.subject
        if not subject.session:
            subject.session = identifier.new(self.services.clock.wall())
        return subject.session

    def tick(self) -> None:
        """Time has passed: read the clock, once for all that is done next."""
        self._now = self.record.at = self.services.clock.monotonic()

    def drop(self) -> None:
        """Forget the transaction, if there is one."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.discard()

    def renew(self) -> None:
        """Something that trace fields show has changed."""
        self._origin = None

    def origin(self, *, smtputf8: bool) -> Origin:
        """Where the message under way comes from."""
        if smtputf8:
            return origin_of(self, smtputf8=True)
        if self._origin is None:
            self._origin = origin_of(self, smtputf8=False)
        return self._origin

    def took(self, id: str) -> None:  # noqa: A002 - the queue id
        """A message was accepted."""
        self.accepted += 1
        self._junk = 0
        if self.queued is None:
            self.queued = [id]
        elif len(self.queued) < 1000:
            self.queued.append(id)

    # ---- deadlines --------------------------------------------------------------------------------------------

    def _note(self, octets: bytes, *, within: bool) -> bool:
        """Record what came; whether content may be among it (``within``: it begins there), so that it is told apart event by event."""
        if within:
            self._came += len(octets)
            self._volume += len(octets)
            return True
        if self.protocol.unread:  # the beginning of its first line came before
            return True
        if octets.find(b"\n") != len(octets) - 1:  # more than one line, or a part of one: content may follow a command
            upper = octets.upper()
            if b"BDAT" in upper or (b"DATA" in upper and not upper.endswith(b"DATA\r\n")):
                return True
        self.record.heard(octets)
        return False

    def _note_part(self, octets: bytes, start: int, event: Event, *, within: bool) -> int:
        """Record what ``event`` used of ``octets`` from ``start`` on; where it ended."""
        end = max(len(octets) - self.protocol.unread, start)
        if not within:
            self.record.part(octets[start:end], event)
        return end

    def _left(self, now: float) -> float:
        """Seconds that the session may still last; content at the lowest rate that is allowed prolongs it."""
        return self._until + self._volume / self.rules.limits.content_rate - now

    def _patience(self, now: float) -> float:
        """Seconds that content may still take to come."""
        began = now if self._content_began is None else self._content_began
        return _PATIENCE + self._came / self.rules.limits.content_rate - (now - began)

    def _set_deadline(self, *, heard: bool) -> None:
        if self.stream is None:
            return
        now = self._now
        limits = self.rules.limits
        if self.protocol.awaiting_content:
            if self._content_began is None:
                self._content_began, self._came = now, 0
            seconds = min(limits.command_seconds, self._patience(now), self._left(now))
        else:
            if not heard and self._content_began is None:
                return  # a line is not whole yet: its time goes on running
            self._content_began = None
            seconds = limits.command_seconds_busy if self.house.busy else limits.command_seconds
            if now + seconds > self._until:  # seldom so late: then it is worth the division
                seconds = min(seconds, self._left(now))
        self.stream.deadline(max(0.001, seconds))

    def _late(self) -> None:
        now = self.services.clock.monotonic()
        if self._left(now) <= 0:
            self.say_last(Key.SESSION_TOO_LONG)
        elif self._content_began is not None and self._patience(now) <= 0:
            self.say_last(Key.CONTENT_TOO_SLOW)
        else:
            busy = self.house.busy and self._content_began is None
            limits = self.rules.limits
            self.say_last(Key.TIMEOUT, seconds=limits.command_seconds_busy if busy else limits.command_seconds)

    # ---- its end ----------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """The server is shutting down: an idle session ends now, another after its transaction."""
        if self.stream is None:
            if self.task is not None:
                self.task.cancel()
        elif self._idle and self.transaction is None:
            self.say_last(Key.SHUTDOWN)
            self.stream.close()

    def _end(self) -> None:
        self.drop()
        stream = self.stream
        if stream is not None:
            if self._ending:
                stream.linger()
            else:
                stream.close()
        telling.closed(self, self.services.clock.monotonic() - self._opened)
        if self.refusals or (self.rules.plan.keep_all and self.accepted):
            subject, ends = self.subject, self.ends
            self.record.session = self.identify()
            self.services.history.keep(
                self.record.transcript(
                    peer=f"{ends.remote}:{ends.remote_port}",
                    helo=subject.helo,
                    tls=subject.tls,
                    account=subject.account,
                    messages=self.queued or [],
                )
            )
