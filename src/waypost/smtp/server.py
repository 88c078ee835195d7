"""The server's side of a session, sans-IO: octets in, events out, replies in, octets out. Knows no network, policy or spool.

    session = ServerSession(terms)
    send(session.greet(say(Key.GREETING, ...)))
    session.receive(octets)
    while (event := session.next_event()) is not None:
        ...judge...
        send(session.answer(reply))

The same octets, cut anywhere, give the same events and, given the same answers, the same replies.
Content, ChunkAnnounced and Violation need no answer; every other event needs exactly one before the next is asked for.

RFC 5321 sections 3 and 4; RFC 2033, 2920, 3030, 3207 and 4954 where their commands are heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from waypost.replies import Key, say
from waypost.smtp import events, sasl, suggest
from waypost.smtp.commands import COMMANDS, read_chunk, read_mail, read_rcpt
from waypost.smtp.errors import LocalProtocolError, RemoteProtocolError
from waypost.smtp.extensions import AUTH_LINE
from waypost.smtp.lines import Flaw, Lines
from waypost.smtp.standing import Standing
from waypost.smtp.states import SERVER_AFTER_REFUSAL, SERVER_MISTAKES, ServerMove, ServerState
from waypost.smtp.terms import Role
from waypost.smtp.wire import Chunk, Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from waypost.replies import Reply
    from waypost.smtp.commands import Command
    from waypost.smtp.events import Event
    from waypost.smtp.sasl import Dialogue
    from waypost.smtp.terms import Terms

_NO_ERROR = frozenset({Key.SIZE_OVER_MAXIMUM, Key.TOO_MANY_RECIPIENTS, Key.AUTH_CANCELLED})  # refusals that are nobody's mistake
_NOBODY = frozenset({Key.RCPT_FIRST, Key.NO_VALID_RECIPIENTS})
_CLEARING = frozenset({ServerMove.HELLO, ServerMove.RESET, ServerMove.CONTENT_END})  # moves after which no transaction is open


class ServerSession:
    """One session, from the greeting to its end."""

    __slots__ = (
        "_ceiling",
        "_chunk",
        "_closing",
        "_dialogue",
        "_first",
        "_heard",
        "_intake",
        "_lines",
        "_owed",
        "_recipients",
        "_silent",
        "_smtputf8",
        "_standing",
        "_swallowed",
        "_terms",
        "awaiting_content",
        "over",
        "spent",
    )

    def __init__(self, terms: Terms, *, secured: bool = False) -> None:
        """``secured``: TLS is active already (implicit TLS)."""
        self._terms = terms
        self._ceiling = terms.message_size + terms.swallow  # octets of one message that are read at most
        self._lines = Lines()
        self._standing = Standing(terms, secured=secured)
        self._owed: ServerMove | None = None  # what the answer to the last event decides
        self._closing = False  # that answer is the last
        self._first = True  # no line was read yet: what comes may be no SMTP at all
        self._swallowed = 0  # octets of chunks that were refused unread
        self._silent = False  # what came was whole and has no reply
        self._heard = COMMANDS["QUIT"]  # the command under way
        self._dialogue: Dialogue | None = None  # the AUTH exchange under way
        self.over = False  # the session ended: send what was answered, then close
        self.spent = False  # next_event would surely give None, because the last event used up all octets
        self._clear()

    def _clear(self) -> None:
        """No transaction is open."""
        self._recipients, self._smtputf8 = 0, False
        self._intake: Intake | None = None
        self._chunk: Chunk | None = None
        self.awaiting_content = False  # the next octets are content (deadlines and rates differ)

    # ---- what the driver calls -------------------------------------------------------------------------------
    def greet(self, reply: Reply) -> bytes:
        """Say the greeting: 220 opens the session, 554 leaves only QUIT (503 to all else), 421 closes."""
        if self._standing.state is not ServerState.CONNECTED:
            raise LocalProtocolError(Key.INTERNAL_ERROR, why="the greeting was said already")
        self._standing.move({220: ServerMove.GREET, 421: ServerMove.QUIT}.get(reply.code, ServerMove.TURN_AWAY))
        self.over = reply.code == 421
        return reply.wire

    def receive(self, octets: bytes) -> None:
        """Take octets from the client."""
        lines = self._lines
        if lines.at < len(lines.octets):
            lines.add(octets)
        elif not self.over:
            lines.octets, lines.at = octets, 0

    def next_event(self) -> Event | None:
        """The next thing heard, or None: more octets are needed, or the session is over."""
        if self._owed is not None:
            raise LocalProtocolError(Key.INTERNAL_ERROR, why="the last event was not answered")
        lines = self._lines
        while True:
            if self.awaiting_content:
                self.spent = False
                event = self._hear_chunk(self._chunk) if self._chunk is not None else self._hear_content()
            elif lines.at < len(lines.octets):
                event = self._hear_line()
            else:
                return None  # the usual end of a read
            if event is not None or not self._silent:
                return event
            self._silent = False

    def answer(self, reply: Reply) -> bytes:
        """Answer the event last taken: moves the state by the reply's severity and gives the octets to send."""
        owed = self._owed
        if owed is None:
            if self.over:  # the reply of a Violation may go out this way
                return reply.wire
            raise LocalProtocolError(Key.INTERNAL_ERROR, why="there is nothing to answer")
        wire = reply.wire
        if owed is ServerMove.CONTENT_END and self._terms.role is Role.LMTP:
            wire *= self._recipients  # 2033#4.2
        self._owed = None
        code = reply.code
        if self._closing or code in (221, 421):  # 5321#3.8
            self._end()
            return wire
        move = owed if code < 400 else SERVER_AFTER_REFUSAL.get(owed)
        if move is not None:
            self._standing.move(move)
            if move is not ServerMove.MAIL:
                self._moved(move, code)
        return wire

    def refuse_content(self, reply: Reply) -> None:
        """Content that is under way is read to its true end, or swallowed, and then answered ``reply``."""
        if self._intake is None:
            raise LocalProtocolError(Key.INTERNAL_ERROR, why="no content is under way")
        self._intake.refusal = self._intake.refusal or reply

    def secured(self, tls: str) -> None:  # noqa: ARG002 - the driver knows the version and cipher; the language only that there is one
        """The handshake after STARTTLS succeeded: forget everything but the greeting (3207#4.2)."""
        if self._standing.state is not ServerState.SECURING:
            raise LocalProtocolError(Key.INTERNAL_ERROR, why="no handshake was agreed on")
        self._standing.move(ServerMove.SECURED)
        self._standing.begin(secured=True)
        self._lines.clear()
        self._clear()

    @property
    def unread(self) -> int:
        """How many octets wait that no event has consumed: by it a driver judges synchronisation, and tells content from commands."""
        return len(self._lines.octets) - self._lines.at

    # ---- moving ----------------------------------------------------------------------------------------------
    def _moved(self, move: ServerMove, code: int) -> None:
        """What else ``move`` means."""
        if move is ServerMove.RCPT:
            self._recipients += 1
        elif move is ServerMove.DATA:
            self._intake = Intake(self._terms.message_size, mend=self._terms.normalize)
            self.awaiting_content = True
        elif move is ServerMove.AUTH_END:
            self._dialogue = None
            if code < 400:
                self._standing.authenticate()
        elif move in _CLEARING:
            self._clear()
            if move is ServerMove.HELLO:
                self._standing.extended = self._heard.name != "HELO"

    def _end(self) -> None:
        self.over = True
        self._standing.end()
        self._lines.clear()
        self._clear()

    def _violate(self, reply: Reply | None) -> events.Violation:
        self._end()
        return events.Violation(reply)

    def _fault(self, command: str, reply: Reply, owed: ServerMove = ServerMove.QUESTION) -> events.Fault:
        self._owed = owed
        return events.Fault(command, reply, reply.key not in _NO_ERROR)

    # ---- lines -----------------------------------------------------------------------------------------------
    def _hear_line(self) -> Event | None:
        lines, standing = self._lines, self._standing
        first = self._first
        if first:
            if standing.state is ServerState.CONNECTED:
                return None
            if suggest.may_be_tls(lines.octets):
                return self._violate(say(Key.NOT_SMTP)) if len(lines) > 1 else None
        elif standing.state is ServerState.SECURING:  # what follows STARTTLS is the handshake, and that never comes here
            return self._violate(None)
        dialogue = self._dialogue
        usual, limits = (self._terms.command_line, standing.offer.limits) if dialogue is None else (AUTH_LINE, {})
        line = lines.next(usual, limits)
        if line is None:
            return None
        self._first = False
        self.spent = lines.at >= len(lines.octets)
        if type(line) is Flaw:
            return self._hear_flaw(line, first=first)
        return self._hear_command(line, first=first) if dialogue is None else self._hear_response(line, dialogue)

    def _hear_flaw(self, flaw: Flaw, *, first: bool) -> Event:
        if flaw is Flaw.ENDLESS:
            return self._violate(say(Key.TOO_MANY_ERRORS, hostname=self._terms.hostname))
        if self._dialogue is not None:
            return self._fault("AUTH", suggest.flaw_of_response(flaw, AUTH_LINE), ServerMove.AUTH_END)
        verb = self._lines.verb() if flaw is Flaw.TOO_LONG else ""
        if first and verb in suggest.HTTP:
            return self._violate(say(Key.NOT_SMTP))
        held_to = self._standing.offer.limits.get(verb, self._terms.command_line)
        return self._fault(verb if verb in COMMANDS else "", suggest.flaw(flaw, held_to, verb))

    def _hear_command(self, text: str, *, first: bool) -> Event | None:
        verb, _, argument = text.partition(" ")
        argument = argument.strip(" ")  # 5321#4.1.1: white space before the CRLF is tolerated
        command = self._standing.open[argument != ""].get(verb) if text.isascii() else None
        if command is None:
            return self._hear_unusual(verb, argument, first=first)
        self._heard = command
        try:
            return self._HEAR[command.move](self, argument)
        except RemoteProtocolError as flaw:
            return self._refuse(command, flaw.reply)

    def _hear_unusual(self, verb: str, argument: str, *, first: bool) -> Event | None:
        """A command in small letters or with more than ASCII, one that is refused, or none at all."""
        command = COMMANDS.get(verb.upper()) if verb.isascii() else None
        if command is None:
            if first and verb in suggest.HTTP:
                return self._violate(say(Key.NOT_SMTP))
            return self._fault(*suggest.unknown(verb.upper(), turned_away=self._standing.state is ServerState.TURNED_AWAY))
        refusal = self._standing.refusal(command, argument)
        try:
            if refusal is None:
                self._heard = command
                return self._HEAR[command.move](self, argument)
            reply = self._standing.say(refusal, command)
            if command.move is ServerMove.CHUNK and argument:
                return self._swallow(argument, reply)
        except RemoteProtocolError as flaw:
            reply = flaw.reply
        return self._refuse(command, reply)

    def _refuse(self, command: Command, reply: Reply) -> events.Fault:
        return self._fault(command.name, reply, command.move if command.move in SERVER_MISTAKES else ServerMove.QUESTION)

    # ---- commands --------------------------------------------------------------------------------------------
    def _hear_hello(self, argument: str) -> Event:
        self._owed = ServerMove.HELLO
        return suggest.hello(self._heard.name, argument, self._terms, self._standing.offer)

    def _hear_starttls(self, _argument: str) -> Event:
        if self._lines:  # 3207#4: what is pipelined behind it would be taken for what TLS protected
            return self._violate(None)
        self._owed = ServerMove.STARTTLS
        return events.StartTls(say(Key.STARTTLS_READY))

    def _hear_auth(self, argument: str) -> Event:
        dialogue, step = sasl.start(argument, self._terms, secured=self._standing.secured)
        return self._go_on(step, dialogue)

    def _hear_response(self, line: str, dialogue: Dialogue) -> Event:
        try:
            return self._go_on(dialogue.respond(line), dialogue)
        except RemoteProtocolError as flaw:
            return self._fault("AUTH", flaw.reply, ServerMove.AUTH_END)

    def _go_on(self, step: bytes | events.Credentials, dialogue: Dialogue) -> Event:
        if isinstance(step, events.Credentials):
            self._owed = ServerMove.AUTH_END
            return step
        self._owed = ServerMove.AUTH
        self._dialogue = dialogue
        return events.Challenge(say(Key.AUTH_CHALLENGE, challenge=sasl.encode(step)))

    def _hear_mail(self, argument: str) -> Event:
        mail = read_mail(argument, self._standing.mail_parameters, self._terms.message_size)
        self._smtputf8 = mail.smtputf8
        self._owed = ServerMove.MAIL
        return mail

    def _hear_rcpt(self, argument: str) -> Event:
        rcpt = read_rcpt(argument, self._standing.rcpt_parameters, smtputf8=self._smtputf8)
        if self._recipients >= self._terms.recipients:  # 5321#4.5.3.1.10
            raise RemoteProtocolError(Key.TOO_MANY_RECIPIENTS, limit=self._terms.recipients)
        self._owed = ServerMove.RCPT
        return rcpt

    def _hear_question(self, argument: str) -> Event:
        self._owed = ServerMove.QUESTION
        return suggest.question(self._heard.name, argument, self._standing)

    def _hear_plain(self, _argument: str) -> Event:
        self._owed = move = self._heard.move
        return suggest.PLAIN[move](self._terms.hostname)

    # ---- content ---------------------------------------------------------------------------------------------
    def _hear_content(self) -> Event | None:
        intake = self._intake
        if intake is None:
            return None
        octets = b"" if intake.ended else intake.read_data(self._lines)
        if intake.size > self._ceiling:
            return self._violate(say(Key.SWALLOWED_TOO_MUCH, hostname=self._terms.hostname))
        if octets:
            return events.Content(octets)
        return self._end_content(intake) if intake.ended else None

    def _hear_bdat(self, argument: str) -> Event | None:
        size, last = read_chunk(argument)
        if size > self._ceiling:  # it can be neither kept nor swallowed, and unread it would pass for commands
            return self._violate(say(Key.SIZE_OVER_MAXIMUM, limit=self._terms.message_size))
        self._chunk = Chunk(size, None, last=last)
        self.spent = False  # a chunk of no octets ends at once
        self.awaiting_content = True
        if self._intake is not None:
            return self._hear_chunk(self._chunk)
        self._intake = Intake(self._terms.message_size, mend=self._terms.normalize)
        return events.ChunkAnnounced()

    def _swallow(self, argument: str, refusal: Reply) -> Event | None:
        """A chunk that comes where none may: its octets are thrown away before it is refused (3030#2)."""
        size, last = read_chunk(argument)
        self._swallowed += size
        if self._swallowed > self._ceiling:
            return self._violate(say(Key.SWALLOWED_TOO_MUCH, hostname=self._terms.hostname))
        self._chunk = Chunk(size, refusal, last=last)
        self.awaiting_content = True
        return self._hear_chunk(self._chunk)

    def _hear_chunk(self, chunk: Chunk) -> Event | None:
        intake = self._intake
        octets = chunk.read(self._lines, intake)
        if intake is not None and intake.size > self._ceiling:
            return self._violate(say(Key.SWALLOWED_TOO_MUCH, hostname=self._terms.hostname))
        if octets:
            return events.Content(octets)
        if chunk.left:
            return None
        self._chunk = None
        self.awaiting_content = False
        if chunk.refusal is not None or intake is None:
            return self._end_refused_chunk(chunk)
        return self._end_chunk(chunk, intake)

    def _end_refused_chunk(self, chunk: Chunk) -> Event | None:
        refusal = chunk.refusal or say(Key.CHUNK_REFUSED)
        if chunk.last and self._terms.role is Role.LMTP and refusal.key in _NOBODY:
            self._silent = True  # 2033#4.3: no recipient, no reply
            return None
        ends = chunk.last and self._standing.state is ServerState.BROKEN
        return self._fault("BDAT", refusal, ServerMove.CONTENT_END if ends else ServerMove.CHUNK)

    def _end_chunk(self, chunk: Chunk, intake: Intake) -> Event:
        if chunk.last:
            intake.close_chunks()
            return self._end_content(intake)
        self._owed = ServerMove.CHUNK
        refusal = intake.unwanted()
        if refusal is not None:
            return events.Fault("BDAT", refusal, syntax=False)
        return events.ChunkEnded(say(Key.CHUNK_ACCEPTED, octets=chunk.size))

    def _end_content(self, intake: Intake) -> Event:
        self._closing = self._closing or intake.spoiled
        self._owed = ServerMove.CONTENT_END
        return events.ContentEnded(intake.size, intake.fault(), intake.eight_bit)

    _HEAR: ClassVar[Mapping[ServerMove, Callable[[ServerSession, str], Event | None]]] = {
        ServerMove.HELLO: _hear_hello,
        ServerMove.STARTTLS: _hear_starttls,
        ServerMove.AUTH: _hear_auth,
        ServerMove.MAIL: _hear_mail,
        ServerMove.RCPT: _hear_rcpt,
        ServerMove.DATA: _hear_plain,
        ServerMove.CHUNK: _hear_bdat,
        ServerMove.RESET: _hear_plain,
        ServerMove.QUESTION: _hear_question,
        ServerMove.QUIT: _hear_plain,
    }
