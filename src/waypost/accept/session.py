"""The course of a session: octets to the language, its events to judgement, the replies back in one write. Knows no policy.

What the connection brings is heard at once, where it comes in; only what takes time (a handshake, a check that asks elsewhere, the
spool) is a task, and until it is done nothing more is heard. So an idle session is no coroutine, and a command wakes none.
Everything that one read brought is answered by one write; what is ready goes out before anything slow is awaited.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from waypost.accept import telling
from waypost.accept.conduct import Conduct
from waypost.accept.hearing import HEARD
from waypost.accept.opening import greet, let_in
from waypost.accept.origin import origin_of
from waypost.accept.patience import Patience
from waypost.accept.record import Apart, Record, commands_alone
from waypost.mail import identifier
from waypost.net.stream import ClosedError, DeadlineError, HandshakeError
from waypost.policy.subject import Subject
from waypost.replies import Key, say
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import TlsMode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from waypost.accept.house import House
    from waypost.accept.rules import Rules, Services
    from waypost.accept.transaction import Transaction
    from waypost.mail.envelope import Origin
    from waypost.net.listen import Arrival
    from waypost.net.stream import Ends, ServerStream
    from waypost.replies import Reply
    from waypost.smtp.events import Event

_TOLD = 1000
"""Refusals of one session that are told one by one; its end tells their number. Those that are no errors have no other bound."""
_BLAMELESS = frozenset({Key.TOO_MANY_RECIPIENTS, Key.SIZE_OVER_MAXIMUM})
"""Permanent refusals that are no sign of a client out of its mind."""


class Session:
    """One session, from its connection to its end."""

    __slots__ = (
        "_apart",
        "_ending",
        "_event",
        "_heard",
        "_opened",
        "_origin",
        "_out",
        "_over",
        "_owing",
        "_slow",
        "_then",
        "accepted",
        "auth_failures",
        "conduct",
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
        self._opened = services.clock.monotonic()
        self.patience = Patience(rules.limits, self._opened)
        self.conduct = Conduct(rules.limits, trusted=trusted)
        self._origin: Origin | None = None
        self._out = b""
        self._event: Event | None = None
        self._apart: Apart | None = None
        """What one read brought, where content may be among it."""
        self._slow: asyncio.Future[Any] | None = None
        """What takes time, while it does."""
        self._then: Callable[[BaseException | None], None] | None = None
        self._ending = self._heard = self._over = self._owing = False

    # ---- its course -------------------------------------------------------------------------------------------

    def begin(self, arrival: Arrival) -> None:
        """Open the connection, greet, and go on by itself until ``house.left`` is told of the end. Call it on a running loop."""
        self.wait(self._open(arrival))

    async def _open(self, arrival: Arrival) -> None:
        await greet(self, early=await let_in(self, arrival))
        if self.stream is not None:
            self.stream.listen(self._hear)

    def _hear(self, octets: bytes) -> bool:
        """The connection has news: ``octets``, or without them what ``take`` says. False: something slow is under way, and they wait
        there until it is done.
        """
        stream = self.stream
        if self._slow is not None or stream is None:
            return False
        if self._over:
            return True
        try:
            if octets or (octets := stream.take()):
                self._listen_to(octets)
        except Exception as error:  # noqa: BLE001 - a fault of ours ends this one session, is told, and reaches no client
            self._break(error)
        return True

    def _listen_to(self, octets: bytes) -> None:
        """Hear all that one read brought."""
        protocol, record = self.protocol, self.record
        self.tick()
        self._heard = False
        if protocol.awaiting_content:
            self.patience.came(len(octets))
            self._apart = Apart(record, octets)
        elif not protocol.unread and (octets.find(b"\n") == len(octets) - 1 or commands_alone(octets)):  # one line, mostly
            record.heard(octets)
        else:
            self._apart = Apart(record, octets)
        protocol.receive(octets)
        self._go_on()

    def _go_on(self) -> None:
        """Hear what waits in the language, up to what takes time."""
        protocol, apart = self.protocol, self._apart
        while not self._ending:
            within = protocol.awaiting_content
            event = protocol.next_event()
            if event is None:
                if apart is not None and not within:
                    apart.rest(content=protocol.awaiting_content)
                break
            self._event = event
            self._heard = True
            if apart is not None:
                apart.part(event, protocol.unread, within=within)
            HEARD[type(event)](self, event)
            if self._slow is not None or (self._owing and self._pay()):
                return
            if protocol.spent:
                break
        self._event = self._apart = None  # an idle session holds on to nothing
        self._rest()

    def _rest(self) -> None:
        """Everything is answered: wait for more, unless it is over."""
        self.flush()
        protocol, stream, house = self.protocol, self.stream, self.house
        if self._ending or stream is None or protocol.over or (house.draining and self._drained()):
            self._finish()
        elif stream.stuck:
            self.wait(stream.drain())
        elif seconds := self.patience.seconds(self.record.at, content=protocol.awaiting_content, heard=self._heard, busy=house.busy):
            stream.deadline(seconds)

    def _drained(self) -> bool:
        """While the server shuts down a session is over as soon as no transaction is open."""
        if self.transaction is None:
            self.say_last(Key.SHUTDOWN)
        return self._ending

    def wait(self, slow: Awaitable[object], then: Callable[[BaseException | None], None] | None = None) -> None:
        """Hear nothing more until ``slow`` is done; what was answered goes out before. ``then`` is told how it ended, in the loop's next
        turn; without it an error ends the session. One step at a time: ``slow`` itself must not call this.
        """
        if self._slow is not None:  # else the end of the one would pass for that of the other, and a message for kept
            raise RuntimeError("something slow is under way already")
        self.flush()
        self._then = then
        self._slow = future = asyncio.ensure_future(slow)
        future.add_done_callback(self._done)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._slow = None
        then, self._then = self._then, None
        try:
            if future.cancelled():
                self.say_last(Key.SHUTDOWN)
                self._finish()
                return
            self._resume(then, future.exception())
        except Exception as error:  # noqa: BLE001 - likewise
            self._break(error)
        self._hear(b"")  # what came meanwhile,
        self._hear(b"")  # and the end, if that came behind it: nobody tells of it again

    def _resume(self, then: Callable[[BaseException | None], None] | None, error: BaseException | None) -> None:
        self.tick()
        if then is not None:
            then(error)
        elif error is not None:
            raise error
        if self._slow is None and not (self._owing and self._pay()):
            self._go_on()

    def _pay(self) -> bool:
        """The price of errors: the next answer waits, and one too many ends the session. Whether something is waited for."""
        self._owing = False
        if self.conduct.hopeless:
            self.say_last(Key.TOO_MANY_ERRORS)
        if self._ending:
            return False
        self.wait(asyncio.sleep(self.conduct.price))
        return True

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

    def greet(self, reply: Reply) -> None:
        """Say the greeting."""
        octets = self.protocol.greet(reply)
        self.record.said(octets, reply.key)
        self._out += octets
        if not reply.accepts:  # 5321#3.1: the session stays, for QUIT
            self.refuse(reply, blame=False)
        self._heard = True

    def answer(self, reply: Reply, *, blame: bool = True) -> None:
        """Answer the event at hand; a permanent refusal counts against the client where it is to ``blame``."""
        octets = self.protocol.answer(reply)
        self._out += octets
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
            self._owing = self.conduct.blame()

    def flush(self) -> None:
        """Send what was answered."""
        if self._out and self.stream is not None:
            self.stream.send(self._out)
            self._out = b""

    def say_last(self, key: Key, **facts: Any) -> None:
        """Say ``key``, whatever the client said last, and end the session."""
        if not self._ending:
            self.end(say(key, hostname=self.rules.plan.hostname, **facts))

    def end(self, reply: Reply | None = None) -> None:
        """End the session, with ``reply`` as its last words."""
        self._ending = True
        if reply is not None:
            self._out += reply.wire
            self.record.said(reply.wire, reply.key)
            self.refuse(reply, blame=False)
        self.flush()

    def junk(self) -> bool:
        """Count a command that carries no mail; whether it was one too many, and the session has ended."""
        if not self.conduct.junk():
            return False
        self.say_last(Key.TOO_MANY_COMMANDS)
        return True

    # ---- what is known ----------------------------------------------------------------------------------------

    def identify(self) -> str:
        """The session's id, made when it is first asked for."""
        subject = self.subject
        if not subject.session:
            subject.session = identifier.new(self.services.clock.wall())
        return subject.session

    def tick(self) -> None:
        """Time has passed: read the clock, once for all that is done next."""
        self.record.at = self.services.clock.monotonic()

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
        self.conduct.absolve()
        if self.queued is None:
            self.queued = [id]
        elif len(self.queued) < 1000:
            self.queued.append(id)

    # ---- its end ----------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """The server is shutting down: an idle session ends now, another after its transaction."""
        if self.stream is None:
            if self._slow is not None:
                self._slow.cancel()
        elif self._slow is None and self.transaction is None:
            self.say_last(Key.SHUTDOWN)
            self.stream.close()
            self._finish()

    def cut(self) -> None:
        """End it now, whatever is under way."""
        if self._slow is not None:
            self._slow.cancel()
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
            peer, queued = f"{ends.remote}:{ends.remote_port}", self.queued or []
            kept = self.record.transcript(peer=peer, helo=subject.helo, tls=subject.tls, account=subject.account, messages=queued)
            self.services.history.keep(kept)
