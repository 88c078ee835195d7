"""The course of a session: octets to the language, its events to judgement, the replies back in one write. Knows no policy.

What the connection brings is heard at once, where it comes in; only what takes time (a handshake, a check that asks elsewhere, the
spool) is a task, and until it is done nothing more is heard. So an idle session is no coroutine, and a command wakes none.
Everything that one read brought is answered by one write; what is ready goes out before anything slow is awaited.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from waypost.accept import telling
from waypost.accept.hearing import HEARD
from waypost.accept.opening import CLOSING, greeting, let_in
from waypost.accept.origin import origin_of
from waypost.accept.patience import Patience
from waypost.accept.record import Record
from waypost.mail import identifier
from waypost.net.stream import ClosedError, DeadlineError, HandshakeError
from waypost.policy.subject import Subject
from waypost.replies import Key, say
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import TlsMode

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from waypost.accept.house import House
    from waypost.accept.rules import Rules, Services
    from waypost.accept.transaction import Transaction
    from waypost.mail.envelope import Origin
    from waypost.net.listen import Arrival
    from waypost.net.stream import Ends, ServerStream
    from waypost.replies import Reply
    from waypost.smtp.events import Event

_SLOWEST = 30
"""Longest delay of an answer after errors, in seconds."""
_TOLD = 1000
"""Refusals of one session that are told one by one; its end tells their number. Those that are no errors have no other bound."""
_BLAMELESS = frozenset({Key.TOO_MANY_RECIPIENTS, Key.SIZE_OVER_MAXIMUM})
"""Permanent refusals that are no sign of a client out of its mind."""


class Session:
    """One session, from its connection to its end."""

    __slots__ = (
        "_careful",
        "_ending",
        "_errors",
        "_event",
        "_heard",
        "_junk",
        "_now",
        "_opened",
        "_origin",
        "_out",
        "_over",
        "_penalty",
        "_start",
        "_task",
        "accepted",
        "auth_failures",
        "ends",
        "extended",
        "house",
        "key",
        "messages",
        "patience",
        "protocol",
        "queued",
        "record",
        "refusals",
        "rules",
        "services",
        "stream",
        "subject",
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
        self.extended = False
        """Greeted by EHLO or LHLO."""
        self.accepted = self.messages = self.refusals = self.auth_failures = 0
        self.queued: list[str] | None = None
        self.key = ""
        """Of the reply that ended the session, or of its last refusal."""
        self._opened = self._now = services.clock.monotonic()
        self.patience = Patience(rules.limits, self._opened)
        self._errors = self._junk = self._start = 0
        self._origin: Origin | None = None
        self._out: list[bytes] = []
        self._event: Event | None = None
        self._careful: bytes | None = None
        """What one read brought, while it is told apart what of it is content; ``_start`` is where the next event begins in it."""
        self._task: asyncio.Task[None] | None = None
        """What takes time, while it does."""
        self._ending = self._heard = self._over = self._penalty = False

    # ---- its course -------------------------------------------------------------------------------------------

    def begin(self, arrival: Arrival) -> None:
        """Open the connection, greet, and go on by itself until ``house.left`` is told of the end. Call it on a running loop."""
        self._wait(self._open(arrival))

    async def _open(self, arrival: Arrival) -> None:
        await self._greet(early=await let_in(self, arrival))
        if self.stream is not None:
            self.stream.listen(self._awake)

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
        self._heard = True

    def _awake(self) -> None:
        """The connection has news. While something slow is under way they wait there."""
        stream = self.stream
        if self._task is not None or self._over or stream is None:
            return
        try:
            octets = stream.take()
            if octets:
                self._hear(octets)
        except Exception as error:  # noqa: BLE001 - a fault of ours ends this one session, is told, and reaches no client
            self._break(error)

    def _hear(self, octets: bytes) -> None:
        """Hear all that one read brought."""
        self._now = self.record.at = self.services.clock.monotonic()
        protocol = self.protocol
        self._careful = octets if self._note(octets) else None
        self._start = 0
        self._heard = False
        protocol.receive(octets)
        self._go_on()

    def _go_on(self) -> None:
        """Hear what waits in the language, up to what takes time."""
        protocol = self.protocol
        careful = self._careful
        while not self._ending:
            within = protocol.awaiting_content
            event = protocol.next_event()
            if event is None:
                if careful is not None and not within:
                    self._note_rest(careful)
                break
            self._event = event
            self._heard = True
            if careful is not None:
                self._note_part(careful, event, within=within)
            slow = HEARD[type(event)](self, event)
            if slow is not None or self._penalty:
                self._wait(slow)
                return
        self._event = self._careful = None  # an idle session holds on to nothing
        self._rest()

    def _rest(self) -> None:
        """Everything is answered: wait for more, unless it is over."""
        self.flush()
        if self._ending or self.protocol.over or (self.house.draining and self._drained()):
            self._finish()
            return
        stream = self.stream
        if stream is None:
            return
        if stream.stuck:
            self._wait(stream.drain())
            return
        seconds = self.patience.seconds(self._now, content=self.protocol.awaiting_content, heard=self._heard, busy=self.house.busy)
        if seconds:
            stream.deadline(seconds)

    def _drained(self) -> bool:
        """While the server shuts down a session is over as soon as no transaction is open."""
        if self.transaction is None:
            self.say_last(Key.SHUTDOWN)
        return self._ending

    def _wait(self, slow: Awaitable[None] | None) -> None:
        """Hear nothing more until ``slow`` is done and the price of errors is paid; what was answered goes out before."""
        self.flush()
        self._task = asyncio.get_running_loop().create_task(self._endure(slow))

    async def _endure(self, slow: Awaitable[None] | None) -> None:
        try:
            if slow is not None:
                await slow
                self.tick()
            if self._penalty:
                self.flush()
                await self._pay()
            self._task = None
            self._go_on()
        except asyncio.CancelledError:
            self._task = None
            self.say_last(Key.SHUTDOWN)
            self._finish()
            raise
        except Exception as error:  # noqa: BLE001 - likewise
            self._task = None
            self._break(error)
        self._awake()

    def _break(self, error: Exception) -> None:
        """The session cannot go on."""
        match error:
            case ClosedError():
                pass  # what was under way is dropped with it
            case DeadlineError():
                key, facts = self.patience.ended(self.services.clock.monotonic(), busy=self.house.busy)
                self.say_last(key, **facts)
            case HandshakeError() | TimeoutError():
                telling.handshake_failed(self, str(error) or "its turn did not come in time")
            case _:
                telling.failed(self, error)
                self.say_last(Key.INTERNAL_ERROR)
        self._finish()

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

    # ---- what is recorded -------------------------------------------------------------------------------------

    def _note(self, octets: bytes) -> bool:
        """Record what came; whether content may be among it, so that it is told apart event by event."""
        if self.protocol.awaiting_content:
            self.patience.came(len(octets))
            return True
        if self.protocol.unread:  # the beginning of its first line came before
            return True
        if octets.find(b"\n") != len(octets) - 1:  # more than one line, or a part of one: content may follow a command
            upper = octets.upper()
            if b"BDAT" in upper or (b"DATA" in upper and not upper.endswith(b"DATA\r\n")):
                return True
        self.record.heard(octets)
        return False

    def _note_part(self, octets: bytes, event: Event, *, within: bool) -> None:
        """Record what ``event`` used of ``octets``, unless it was content already (``within``)."""
        end = max(len(octets) - self.protocol.unread, self._start)
        if not within:
            self.record.part(octets[self._start : end], event)
        self._start = end

    def _note_rest(self, octets: bytes) -> None:
        """Record what no event used of ``octets`` yet."""
        if self._start < len(octets):
            self.record.rest(octets[self._start :], content=self.protocol.awaiting_content)

    # ---- its end ----------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """The server is shutting down: an idle session ends now, another after its transaction."""
        if self.stream is None:
            if self._task is not None:
                self._task.cancel()
        elif self._task is None and self.transaction is None:
            self.say_last(Key.SHUTDOWN)
            self.stream.close()
            self._finish()

    def cut(self) -> None:
        """End it now, whatever is under way."""
        if self._task is not None:
            self._task.cancel()
        else:
            self.say_last(Key.SHUTDOWN)
            self._finish()

    def _finish(self) -> None:
        """It is over; idempotent."""
        if self._over:
            return
        self._over = True
        try:
            self._end()
        finally:
            self.house.left(self)

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
