"""One open connection to a next hop: greeted, secured, authenticated, and then message after message. Knows no spool and no route.

RFC 5321 section 4.5.3.2 gives the waits; the conversation itself is ``smtp.client``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from waypost.mail.envelope import Body
from waypost.net.stream import ClosedError, DeadlineError, HandshakeError, StreamError
from waypost.replies.keys import Key
from waypost.smtp.client import ClientSession, Patience
from waypost.smtp.consequence import outcome
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.states import ClientState
from waypost.smtp.transaction import Transaction
from waypost.spool.spool import SpoolUnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from waypost.deliver.ear import Ear
    from waypost.deliver.settings import OutboundSettings
    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope, Recipient
    from waypost.mail.outcome import Outcome
    from waypost.net.stream import ClientStream
    from waypost.smtp.client import ClientTerms

WINDOW = 4
"""Chunks of a large message that may be unanswered: so many are sent in vain when the first is refused."""

LAST_WORDS_SECONDS = 1.0
"""How long the answer of a next hop is looked for that takes no more of the content."""


class HopKey(NamedTuple):
    """What a kept connection is good for."""

    host: str
    port: int
    kind: str
    tls: str
    ca: str | None
    username: str | None


class Hop:
    """A connection and the session on it."""

    __slots__ = ("_patience", "ear", "idle_since", "key", "messages", "name", "session", "stream")

    def __init__(self, stream: ClientStream, terms: ClientTerms, key: HopKey, outbound: OutboundSettings, ear: Ear | None) -> None:
        self.stream = stream
        self.key = key
        self.name = terms.next_hop
        self.session = ClientSession(terms, ear)
        self.messages = 0
        """Transactions begun on it."""
        self.idle_since = 0.0
        self.ear = ear
        self._patience = patience(outbound)

    def listen(self, ear: Ear | None) -> None:
        """From now on ``ear`` hears the conversation: each attempt keeps its own."""
        self.ear = self.session.listener = ear

    async def introduce(self, context: ssl.SSLContext | None, *, server_name: str | None, handshake_seconds: float) -> Outcome | None:
        """From the greeting until a transaction may begin; why not, or None."""
        session = self.session
        try:
            await self._hear_until_ready()
            if session.state is ClientState.HANDSHAKE and context is not None:
                self.stream.deadline(handshake_seconds)
                await self.stream.start_tls(context, server_side=False, server_name=server_name)
                if self.ear is not None:
                    self.ear.secured(self.stream.tls)
                self.stream.send(session.secured())
                await self._hear_until_ready()
        except HandshakeError as error:
            session.give_up(outcome(Key.TLS_FAILED, next_hop=self.name, detail=str(error)))
        except StreamError as error:
            session.give_up(self._broken(error))
        return session.failure

    async def _hear_until_ready(self) -> None:
        session = self.session
        while session.state not in (ClientState.READY, ClientState.HANDSHAKE, ClientState.OVER):
            await self._hear()

    async def carry(self, envelope: Envelope, recipients: Sequence[Recipient], content: Content, *, block_seconds: float) -> Transaction:
        """One transaction; the outcomes stand in what is returned. Never raises."""
        session = self.session
        octets = content.octets
        self.messages += 1
        session.transaction = None  # whatever fails below, the answers of the message before are never taken for this one's
        try:
            eight_bit = await self._is_eight_bit(envelope, content)
            utf8 = _addresses_need_utf8(envelope, recipients) or (envelope.smtputf8 and await self._content_needs_utf8(content))
            flight = session.begin(
                envelope,
                recipients,
                size=content.size,
                eight_bit=eight_bit,
                utf8=utf8,
                content=octets,
            )
            if flight:
                await self._finish(flight, content, block_seconds)
        except StreamError as error:
            await self._hear_last_words()
            session.give_up(self._broken(error))
        except (LocalProtocolError, SpoolUnavailableError, OSError) as error:  # ours: it cannot be sent as it is, or not be read
            session.give_up(outcome(Key.CONTENT_UNREADABLE, next_hop=self.name, detail=str(error)))
        return self._begun() or self._unbegun(envelope, recipients)

    def _begun(self) -> Transaction | None:
        return self.session.transaction

    def _unbegun(self, envelope: Envelope, recipients: Sequence[Recipient]) -> Transaction:
        """A transaction of which nothing was said."""
        transaction = Transaction(envelope, recipients, self.session.offers, next_hop=self.name, lmtp=False)
        transaction.abandon(self.session.failure or outcome(Key.CONTENT_UNREADABLE, next_hop=self.name))
        return transaction

    async def _finish(self, flight: bytes, content: Content, block_seconds: float) -> None:
        transaction = self.session.transaction
        self.stream.send(flight)
        while transaction is not None and not transaction.done:
            if transaction.wants_content:
                await self._pour(transaction, content, block_seconds)
            else:
                await self._hear()

    async def _pour(self, transaction: Transaction, content: Content, block_seconds: float) -> None:
        """Large content, piece by piece, never faster than the next hop takes it."""
        session, stream = self.session, self.stream
        window = WINDOW if session.offers.pipelining else 1
        sent, size = 0, content.size
        async for piece in content.chunks():
            sent += len(piece)
            if sent > size:
                break
            stream.send(session.piece(piece, last=sent == size))
            stream.deadline(block_seconds)
            await stream.drain()
            while transaction.wants_content and len(transaction.expected) >= window:
                await self._hear()
            if not transaction.wants_content:
                break
        if transaction.wants_content or sent > size:  # torn: end without ending it, so that the next hop drops it too
            session.give_up(outcome(Key.CONTENT_UNREADABLE, next_hop=self.name, detail=f"{sent} of {size} octets could be read"))

    async def _hear(self) -> None:
        """Wait for octets, and send what follows from them. The wait is for whole replies: a trickle does not lengthen it."""
        session, stream = self.session, self.stream
        replies = session.replies
        stream.deadline(self._patience[session.patience])
        while session.replies == replies and not session.over:
            more = session.receive(await stream.receive())
            if more:
                stream.send(more)
            if session.state is ClientState.HANDSHAKE:
                return

    async def _hear_last_words(self) -> None:
        """What the next hop said before it stopped taking content: a refusal in mid-content is its answer, not the broken connection."""
        stream, session = self.stream, self.session
        try:
            stream.deadline(LAST_WORDS_SECONDS)
            while not session.over:
                session.receive(await stream.receive())
        except StreamError:
            pass  # there were none

    def leave(self) -> None:
        """Say QUIT and close, without a wait for 221."""
        if self.session.state is ClientState.READY:
            self.stream.send(self.session.quit())
        self.stream.close()

    async def farewell(self, *, seconds: float) -> None:
        """QUIT, a short wait for 221, close. Whatever was carried has been settled before (I2)."""
        try:
            if self.session.state is ClientState.READY:
                self.stream.send(self.session.quit())
                self.stream.deadline(seconds)
                while not self.session.over:
                    self.session.receive(await self.stream.receive())
        except StreamError:
            pass  # it left first
        finally:
            self.stream.close()

    def _broken(self, error: StreamError) -> Outcome:
        key = Key.REMOTE_SILENT if isinstance(error, DeadlineError) else Key.REMOTE_HUNG_UP
        return outcome(
            key, next_hop=self.name, detail=f"{error} ({self.session.patience})" if isinstance(error, ClosedError) else str(error)
        )

    async def _is_eight_bit(self, envelope: Envelope, content: Content) -> bool:
        """Whether 8BITMIME is needed, or was declared and can be passed on. What was declared and is ASCII throughout needs nothing
        (6152#3); a long message is read for it only if it matters.
        """
        offered = self.session.offers.eight_bit
        if offered and envelope.body is Body.EIGHT_BIT:
            return True
        if content.octets is not None:
            return not content.octets.isascii()
        return not offered and await _holds_more_than_ascii(content)

    async def _content_needs_utf8(self, content: Content) -> bool:
        """Of a message said to be internationalized: whether it is, or is ASCII throughout (6531#3.6). Read only if it matters."""
        if content.octets is not None:
            return not content.octets.isascii()
        return self.session.offers.smtputf8 or await _holds_more_than_ascii(content)


async def _holds_more_than_ascii(content: Content) -> bool:
    async for piece in content.chunks():
        if not piece.isascii():
            return True
    return False


def patience(outbound: OutboundSettings) -> Mapping[Patience, float]:
    """How long each kind of answer is waited for."""
    return {
        Patience.GREETING: outbound.greeting_seconds,
        Patience.COMMAND: outbound.command_seconds,
        Patience.DATA: outbound.data_seconds,
        Patience.FINAL: outbound.final_seconds,
        Patience.QUIT: outbound.quit_seconds,
    }


def _addresses_need_utf8(envelope: Envelope, recipients: Sequence[Recipient]) -> bool:
    path = envelope.reverse_path
    return (path is not None and not path.text.isascii()) or not all(recipient.mailbox.text.isascii() for recipient in recipients)
