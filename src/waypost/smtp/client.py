"""The client's side of a session, SMTP or LMTP, sans-IO: octets in, octets to send out. Knows no network and no spool.

    session = ClientSession(terms)
    while session.state not in (READY, HANDSHAKE, OVER):
        send(session.receive(octets))                      # greets, upgrades and authenticates by itself
    send(session.begin(envelope, recipients, size=..., content=...))
    while not session.transaction.done: ...                # receive; while wants_content: send(session.piece(...))
    session.transaction.outcomes                           # one for each recipient

RFC 5321 sections 3.1 to 3.3 and 4.1.1, RFC 2033, RFC 3207 section 4, RFC 4954 section 4. The moves stand in ``states``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.replies.keys import Key
from waypost.smtp.consequence import outcome, refused
from waypost.smtp.errors import LocalProtocolError, RemoteProtocolError
from waypost.smtp.heard import ReplyReader
from waypost.smtp.offers import NOTHING, Offers, read_offers
from waypost.smtp.outgoing import login_responses, plain_response
from waypost.smtp.states import CLIENT_TRANSITIONS, ClientMove, ClientState
from waypost.smtp.transaction import BDAT, DATA, END, LONE_DOT, Listener, Reset, Transaction, positive, unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.mail.envelope import Envelope, Recipient
    from waypost.mail.outcome import Heard, Outcome

_FINAL = frozenset({END, LONE_DOT, BDAT})


class Dialect(StrEnum):
    """Which of the two languages a next hop speaks."""

    SMTP = "SMTP"
    """EHLO, and HELO where that is refused."""
    LMTP = "LMTP"
    """LHLO, and an answer for each recipient (RFC 2033)."""


class Upgrade(StrEnum):
    """Whether STARTTLS is said."""

    NEVER = "never"
    """Not at all, or TLS is active already."""
    OFFERED = "offered"
    """Where it is offered; in the clear where not."""
    REQUIRED = "required"
    """Or nothing is sent."""


class Patience(StrEnum):
    """What is being waited for: the driver has a deadline for each (5321#4.5.3.2)."""

    GREETING = "greeting"
    COMMAND = "command"
    DATA = "data"
    FINAL = "final"
    QUIT = "quit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTerms:
    """What a session is told before it begins."""

    hostname: str
    """Our name, for EHLO."""
    next_hop: str = ""
    """``name[address]:port``, for outcomes."""
    dialect: Dialect = Dialect.SMTP
    upgrade: Upgrade = Upgrade.OFFERED
    secured: bool = False
    """TLS is active from the first octet."""
    username: str | None = None
    password: str = ""
    chunking: bool = True
    """Whether BDAT is used where offered."""


class ClientSession:
    """One session with a next hop, from its greeting to its end."""

    __slots__ = (
        "_answers",
        "_awaited",
        "_bdat_known",
        "_reader",
        "_reset",
        "_secured",
        "_terms",
        "failure",
        "listener",
        "offers",
        "peer_name",
        "replies",
        "state",
        "transaction",
    )

    def __init__(self, terms: ClientTerms, listener: Listener | None = None) -> None:
        self._terms = terms
        self._reader = ReplyReader()
        self._awaited = "connect"
        self._answers: list[bytes] = []
        self._secured = terms.secured
        self._reset = Reset.NONE
        self._bdat_known = False
        self.listener = listener
        self.state = ClientState.CONNECTED
        self.offers: Offers = NOTHING
        self.peer_name = ""
        """What the next hop calls itself."""
        self.replies = 0
        """How many were read: a deadline starts anew with each, not with each octet."""
        self.failure: Outcome | None = None
        """Why the session ended before or between transactions."""
        self.transaction: Transaction | None = None
        """The one under way or the last one."""

    # ---- what the driver asks ---------------------------------------------------------------------------------

    @property
    def patience(self) -> Patience:
        """What the next answer is an answer to."""
        transaction = self.transaction
        if transaction is not None and not transaction.done:
            first = transaction.expected[0] if transaction.expected else ""
            return Patience.DATA if first == DATA else Patience.FINAL if first in _FINAL else Patience.COMMAND
        if self.state is ClientState.QUITTING:
            return Patience.QUIT
        return Patience.GREETING if self.state is ClientState.CONNECTED else Patience.COMMAND

    @property
    def over(self) -> bool:
        """Whether nothing more can be said: close the connection."""
        return self.state is ClientState.OVER

    # ---- what the driver does ---------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> bytes:
        """Take octets from the next hop; gives what to send now, perhaps nothing. Never raises: ``failure`` or outcomes tell."""
        if self.listener is not None:
            self.listener.heard(octets)
        self._reader.receive(octets)
        try:
            return self._read()
        except RemoteProtocolError as error:
            self.give_up(outcome(Key.REMOTE_GARBLED, next_hop=self._terms.next_hop, detail=str(error.facts.get("fault", ""))))
            return b""

    def secured(self) -> bytes:
        """The handshake after STARTTLS succeeded: everything heard before is forgotten (3207#4.2)."""
        self._require(ClientState.HANDSHAKE)
        self._secured = True
        self.offers = NOTHING
        self._reader = ReplyReader()
        self._move(ClientMove.SECURED)
        return self._hello()

    def begin(
        self,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        *,
        size: int,
        eight_bit: bool = False,
        utf8: bool = False,
        content: bytes | None = None,
    ) -> bytes:
        """Open a transaction; ``content`` is given when it is small and at hand. ``eight_bit`` and ``utf8`` say what it needs.

        Raises LocalProtocolError when an address holds a line end. What the next hop cannot take is answered at once.
        """
        self._require(ClientState.READY)
        terms, offers = self._terms, self.offers
        transaction = Transaction(envelope, recipients, offers, next_hop=terms.next_hop, lmtp=terms.dialect is Dialect.LMTP)
        transaction.listener, transaction.bdat_known = self.listener, self._bdat_known
        self.transaction = transaction
        refusal = unsupported(offers, size=size, eight_bit=eight_bit, utf8=utf8, next_hop=terms.next_hop)
        if refusal is not None:
            transaction.abandon(refusal)
            return b""
        chunking = offers.chunking and terms.chunking
        octets = transaction.begin(size=size, eight_bit=eight_bit, utf8=utf8, content=content, chunking=chunking, reset=self._reset)
        self._move(ClientMove.BEGIN)
        return octets

    def piece(self, octets: bytes, *, last: bool) -> bytes:
        """The next octets of large content, while ``transaction.wants_content``. Raises LocalProtocolError: then close."""
        self._require(ClientState.CONTENT)
        transaction = self.transaction
        if transaction is None or not transaction.wants_content:
            raise LocalProtocolError(Key.INTERNAL_ERROR, fault="no content is wanted")
        sent = transaction.piece(octets, last=last)
        if last:
            self._move(ClientMove.SENT)
        return sent

    def quit(self) -> bytes:
        """Say goodbye; what is answered does not matter."""
        self._require(ClientState.READY)
        self._awaited = "QUIT"
        self._move(ClientMove.QUIT)
        return self._say(b"QUIT\r\n")

    def give_up(self, result: Outcome) -> None:
        """End here: the connection broke, the deadline passed, content could not be read. Unfinished recipients get ``result``."""
        transaction = self.transaction
        if transaction is not None and not transaction.done:
            transaction.abandon(result)
        if self.failure is None:
            self.failure = result
        if not self.over:
            self._move(ClientMove.BREAK)

    # ---- replies ----------------------------------------------------------------------------------------------

    def _read(self) -> bytes:
        out = b""
        while not self.over:
            transaction = self.transaction
            busy = transaction is not None and not transaction.done
            awaited = (transaction.expected[0] if transaction.expected else "") if busy and transaction is not None else self._awaited
            if not awaited:
                return out + self._unasked()
            heard = self._reader.next_reply(awaited)
            if heard is None:
                return out
            self.replies += 1
            if heard.code == 421 and awaited != "QUIT":  # 5321#3.8: anywhere, at any time
                self.give_up(refused(heard, next_hop=self._terms.next_hop))
                return b""
            if busy and transaction is not None:
                out += transaction.take(heard)
                self._follow(transaction)
            else:
                out += self._introduce(awaited, heard)
        return out

    def _unasked(self) -> bytes:
        """Nothing is awaited, so nothing may come: 421 before a connection is closed, or octets that make no sense."""
        if not self._reader.pending:
            return b""
        if self.state is ClientState.HANDSHAKE:
            self._injected()
            return b""
        heard = self._reader.next_reply("")
        if heard is not None:
            hop = self._terms.next_hop
            unasked = f"an answer to nothing: {heard.text}"
            self.give_up(refused(heard, next_hop=hop) if heard.code >= 400 else outcome(Key.REMOTE_GARBLED, next_hop=hop, detail=unasked))
        return b""

    def _follow(self, transaction: Transaction) -> None:
        """Move as the transaction did."""
        if transaction.wants_content and self.state is ClientState.ENVELOPE:
            self._move(ClientMove.PERMIT)
        if transaction.done:
            self._reset, self._bdat_known = transaction.reset, transaction.bdat_known
            self._awaited = ""
            self._move(ClientMove.BREAK if transaction.spoiled else ClientMove.FINISH)

    # ---- before the first transaction -------------------------------------------------------------------------

    def _introduce(self, awaited: str, heard: Heard) -> bytes:
        match awaited:
            case "connect":
                return self._greeted(heard)
            case "EHLO" | "HELO" | "LHLO":
                return self._introduced(awaited, heard)
            case "STARTTLS":
                return self._permitted_tls(heard)
            case "AUTH":
                return self._authenticating(heard)
            case _:
                self._move(ClientMove.BREAK)  # 221
                return b""

    def _greeted(self, heard: Heard) -> bytes:
        if not positive(heard):
            return self._fail(refused(heard, next_hop=self._terms.next_hop))
        self._named(heard)
        self._move(ClientMove.GREETED)
        return self._hello()

    def _hello(self) -> bytes:
        return self._command("LHLO" if self._terms.dialect is Dialect.LMTP else "EHLO", self._terms.hostname)

    def _introduced(self, awaited: str, heard: Heard) -> bytes:
        if not positive(heard):
            if awaited == "EHLO" and heard.code >= 500:  # 5321#3.2
                return self._command("HELO", self._terms.hostname)
            return self._fail(refused(heard, next_hop=self._terms.next_hop))
        self._named(heard)
        self.offers = NOTHING if awaited == "HELO" else read_offers(heard.lines)
        if self._secured or self._terms.upgrade is Upgrade.NEVER:
            return self._authenticate()
        if self.offers.starttls:
            self._move(ClientMove.UPGRADE)
            return self._command("STARTTLS")
        if self._terms.upgrade is Upgrade.REQUIRED:
            return self._fail(outcome(Key.TLS_NOT_OFFERED, next_hop=self._terms.next_hop))
        return self._authenticate()

    def _named(self, heard: Heard) -> None:
        words = heard.lines[0].split(None, 1)
        self.peer_name = words[0] if words else ""

    def _permitted_tls(self, heard: Heard) -> bytes:
        if positive(heard):
            self._awaited = ""
            self._move(ClientMove.SHAKE)
            if self._reader.pending:
                self._injected()
            return b""
        if self._terms.upgrade is Upgrade.REQUIRED:
            return self._fail(outcome(Key.TLS_FAILED, next_hop=self._terms.next_hop, heard=heard))
        return self._ready() if self._terms.username is None else self._fail(self._auth_failure("it takes no TLS"))

    def _injected(self) -> None:
        """Octets in the clear behind the 220 are somebody else's: never used, and never a reason to go on in the clear (3207#6)."""
        self.give_up(outcome(Key.TLS_FAILED, next_hop=self._terms.next_hop, detail="octets in the clear came behind the 220 to STARTTLS"))

    # ---- AUTH -------------------------------------------------------------------------------------------------

    def _authenticate(self) -> bytes:
        terms, offered = self._terms, self.offers.mechanisms
        if terms.username is None:
            return self._ready()
        if not self._secured:
            return self._fail(self._auth_failure("a password is never sent in the clear, and TLS is not offered"))
        if "PLAIN" in offered:
            self._move(ClientMove.AUTHENTICATE)
            return self._command("AUTH", "PLAIN " + plain_response(terms.username, terms.password).decode("ascii"))
        if "LOGIN" in offered:
            self._answers = list(reversed(login_responses(terms.username, terms.password)))
            self._move(ClientMove.AUTHENTICATE)
            return self._command("AUTH", "LOGIN")
        return self._fail(self._auth_failure("it offers neither AUTH PLAIN nor LOGIN"))

    def _authenticating(self, heard: Heard) -> bytes:
        match heard.code // 100:
            case 2:
                return self._ready()
            case 3:
                return self._say((self._answers.pop() if self._answers else b"*") + b"\r\n")
            case _:
                return self._fail(self._auth_failure("", heard))

    def _auth_failure(self, detail: str, heard: Heard | None = None) -> Outcome:
        return outcome(Key.SMARTHOST_AUTH_FAILED, next_hop=self._terms.next_hop, heard=heard, detail=detail)

    # ---- within -----------------------------------------------------------------------------------------------

    def _ready(self) -> bytes:
        self._awaited = ""
        self._move(ClientMove.SETTLE)
        return b""

    def _fail(self, result: Outcome) -> bytes:
        self.give_up(result)
        return b""

    def _command(self, word: str, argument: str = "") -> bytes:
        self._awaited = word
        return self._say(f"{word} {argument}\r\n".encode() if argument else f"{word}\r\n".encode())

    def _say(self, octets: bytes) -> bytes:
        if self.listener is not None:
            self.listener.said(octets)
        return octets

    def _move(self, move: ClientMove) -> None:
        try:
            self.state = CLIENT_TRANSITIONS[self.state][move]
        except KeyError:
            raise LocalProtocolError(Key.INTERNAL_ERROR, fault=f"{move} while {self.state}") from None

    def _require(self, state: ClientState) -> None:
        if self.state is not state:
            raise LocalProtocolError(Key.INTERNAL_ERROR, fault=f"{self.state} is not {state}")
