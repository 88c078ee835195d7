"""One message on its way to a next hop: which octets go out when, and what each recipient's outcome is. Sans-IO; knows no session.

Answers are matched to commands by counting alone (2920#3.1). RFC 5321 sections 3.3 and 4.1.1, RFC 2920, RFC 3030, RFC 2033 section 4.2.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from waypost.replies.keys import Key
from waypost.smtp.consequence import outcome, refused, refused_recipient, taken
from waypost.smtp.errors import RemoteProtocolError
from waypost.smtp.outgoing import DotStuffer, mail_command, rcpt_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.mail.envelope import Envelope, Recipient
    from waypost.mail.outcome import Heard, Outcome
    from waypost.smtp.offers import Offers

MAIL, RCPT, DATA, BDAT, CHUNK, END, LONE_DOT, RSET = "MAIL", "RCPT", "DATA", "BDAT", "BDAT chunk", "end of data", "lone dot", "RSET"
_ENDS = frozenset({BDAT, END})
UNKNOWN_BDAT = frozenset({500, 502, 503})
"""Answers by which a server that offers CHUNKING says that it does not keep its word."""


class Listener(Protocol):
    """Who keeps the conversation."""

    def said(self, octets: bytes) -> object:
        """We said ``octets``."""

    def heard(self, octets: bytes) -> object:
        """The next hop said ``octets``."""

    def content(self, size: int) -> object:
        """``size`` octets of content went out."""


class Reset(Enum):
    """How the transaction before this one must be cleared."""

    NONE = 0
    """It ended."""
    BEHIND = 1
    """RSET rides in front of the next MAIL (2920#3.1)."""
    ALONE = 2
    """RSET goes first and alone: whether the octets of a failed BDAT were swallowed must show before anything else is said (3030#2)."""


class Transaction:
    """MAIL to the answer of the end of content."""

    __slots__ = (
        "_accepted",
        "_answered",
        "_chunked",
        "_content",
        "_ended",
        "_finals",
        "_lmtp",
        "_next_hop",
        "_offers",
        "_outbox",
        "_refusal",
        "_stuffer",
        "answered",
        "bdat_known",
        "chunking_refused",
        "complete",
        "done",
        "envelope",
        "expected",
        "listener",
        "outcomes",
        "recipients",
        "size",
        "spoiled",
        "wants_content",
    )

    def __init__(self, envelope: Envelope, recipients: Sequence[Recipient], offers: Offers, *, next_hop: str, lmtp: bool) -> None:
        self.envelope = envelope
        self.recipients = recipients
        self.expected: deque[str] = deque()
        """The commands whose answers are awaited, in order."""
        self.outcomes: list[Outcome | None] = [None] * len(recipients)
        self.listener: Listener | None = None
        self.size = 0
        self.done = self.wants_content = self.spoiled = self.chunking_refused = False
        self.answered = False
        """Whether any answer came: if none did, a connection that was kept idle may have been closed before."""
        self.bdat_known = False
        """Whether the next hop has shown that it understands BDAT, in this transaction or in one before it."""
        self.complete = False
        """Whether the end of the content went out: from then on the next hop may have taken the message."""
        self._offers = offers
        self._next_hop = next_hop
        self._lmtp = lmtp
        self._outbox: deque[tuple[Sequence[str], bytes, bytes]] = deque()
        self._accepted: list[int] = []
        self._answered = 0
        self._finals = 0
        self._refusal: Outcome | None = None
        self._content: bytes | None = None
        self._chunked = self._ended = False
        self._stuffer: DotStuffer | None = None

    # ---- out --------------------------------------------------------------------------------------------------

    def begin(self, *, size: int, eight_bit: bool, utf8: bool, content: bytes | None, chunking: bool, reset: Reset) -> bytes:
        """The first flight: all of it, content included, where PIPELINING and CHUNKING are offered. Raises LocalProtocolError."""
        offers = self._offers
        self.size, self._content, self._chunked = size, content, chunking
        commands = [mail_command(self.envelope, offers, size=size, eight_bit=eight_bit, utf8=utf8)]
        commands += [rcpt_command(recipient, offers) for recipient in self.recipients]
        labels = [MAIL, *[RCPT] * len(self.recipients)]
        tail = b""
        if not offers.pipelining:
            if reset is not Reset.NONE:
                self._outbox.append(((RSET,), b"RSET\r\n", b""))
            self._outbox.extend(((label,), command, b"") for label, command in zip(labels, commands, strict=True))
            return self._next()
        if not chunking:
            labels.append(DATA)
            commands.append(b"DATA\r\n")
        elif content is not None:
            labels.append(BDAT)
            commands.append(b"BDAT %d LAST\r\n" % len(content))
            tail = content
        if reset is Reset.BEHIND:
            labels.insert(0, RSET)
            commands.insert(0, b"RSET\r\n")
        elif reset is Reset.ALONE:
            self._outbox.append(((RSET,), b"RSET\r\n", b""))
        self._outbox.append((labels, b"".join(commands), tail))
        return self._next()

    def piece(self, octets: bytes, *, last: bool) -> bytes:
        """The next octets of large content, after ``wants_content`` came true. Raises LocalProtocolError for a bare CR or LF by DATA."""
        if self._chunked:
            self.wants_content = not last
            return self._send((BDAT,) if last else (CHUNK,), b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b""), octets)
        if self._stuffer is None:
            self._stuffer = DotStuffer()
        stuffed = self._stuffer.stuff(octets)
        if not last:
            return self._send((), b"", stuffed)
        self.wants_content = False
        finals = len(self._accepted) if self._lmtp else 1
        return self._send((END,) * finals, b"", stuffed + self._stuffer.end())  # 2033#4.2: one answer for each accepted recipient

    def _next(self) -> bytes:
        return self._send(*self._outbox.popleft())

    def _send(self, labels: Sequence[str], commands: bytes, content: bytes) -> bytes:
        self.expected.extend(labels)
        if labels and labels[-1] in _ENDS:
            self.complete = True
        listener = self.listener
        if listener is not None:
            if commands:
                listener.said(commands)
            if content:
                listener.content(len(content))
        return commands + content if content else commands

    # ---- in ---------------------------------------------------------------------------------------------------

    def take(self, heard: Heard) -> bytes:
        """The answer to the first of ``expected``; what to send now. Raises RemoteProtocolError for an answer that makes no sense."""
        self.answered = True
        match self.expected.popleft():
            case "MAIL":
                octets = self._mail(heard)
            case "RCPT":
                octets = self._rcpt(heard)
            case "DATA":
                octets = self._data(heard)
            case "RSET":
                octets = b""
                if not positive(heard):
                    raise RemoteProtocolError(Key.REMOTE_GARBLED, fault=f"RSET was refused: {heard.text}")
            case "lone dot":
                octets = self._finish()
            case "BDAT chunk":
                octets = self._chunk(heard)
            case _:
                octets = self._final(heard)
        if not octets and self._outbox and not self.expected and not self.done:
            return self._next()
        return octets

    def _mail(self, heard: Heard) -> bytes:
        if not positive(heard):
            self._refusal = refused(heard, next_hop=self._next_hop)
            if not self._offers.pipelining:
                self._ended = True
                return self._finish()
        return b""

    def _rcpt(self, heard: Heard) -> bytes:
        index = self._answered
        self._answered += 1
        if self._refusal is not None:
            pass  # 503 to everything behind a refused MAIL says nothing of the recipient
        elif positive(heard):  # 251 and 252 too: the next hop forwards, nothing is rewritten here (5321#3.4)
            self._accepted.append(index)
        else:
            self.outcomes[index] = refused_recipient(heard, next_hop=self._next_hop, accepted=len(self._accepted))
        if self._answered == len(self.recipients) and not self.expected:
            return self._enveloped()
        return b""

    def _enveloped(self) -> bytes:
        """Every recipient was answered, and nothing of the content is out yet."""
        if not self._accepted:
            return self._finish()
        if not self._chunked:
            return self._send((DATA,), b"DATA\r\n", b"")
        return self._permitted()

    def _permitted(self) -> bytes:
        if self._content is None:
            self.wants_content = True
            return b""
        return self.piece(self._content, last=True)

    def _data(self, heard: Heard) -> bytes:
        match heard.code // 100:
            case 3 if self._accepted:
                return self._permitted()
            case 3 if self._lmtp:
                self.spoiled = True  # nobody would answer the dot: there is no recipient to answer for
                return self._finish()
            case 3:
                return self._send((LONE_DOT,), b".\r\n", b"")  # 2920#3.1
            case 2:
                raise RemoteProtocolError(Key.REMOTE_GARBLED, fault=f"DATA was answered {heard.text}")
            case _:
                return self._conclude(refused(heard, next_hop=self._next_hop))

    def _chunk(self, heard: Heard) -> bytes:
        if positive(heard):
            self.bdat_known = True
            return b""
        self.wants_content = False  # 3030#2: no further segment
        self.chunking_refused = heard.code in UNKNOWN_BDAT
        self.spoiled = self.chunking_refused or bool(self.expected)
        return self._conclude(refused(heard, next_hop=self._next_hop))

    def _final(self, heard: Heard) -> bytes:
        good = positive(heard)
        if not self._accepted:
            return self._finish()  # only BDAT comes here: it had nobody to go to
        hop = self._next_hop
        result = taken(heard, next_hop=hop, final=self._lmtp, supports_dsn=self._offers.dsn) if good else refused(heard, next_hop=hop)
        self.bdat_known = self.bdat_known or heard.code not in UNKNOWN_BDAT
        if self._lmtp:
            return self._final_of_one(result)
        if self._chunked and heard.code in UNKNOWN_BDAT:
            self.chunking_refused = self.spoiled = True
        else:
            self._ended = good or not self._chunked  # the end of data clears all buffers, whatever is answered (5321#4.1.1.4)
        return self._conclude(result)

    def _final_of_one(self, result: Outcome) -> bytes:
        """The answer for the next of the accepted recipients (2033#4.2).

        500, 502 or 503 may be a recipient's own, or say that BDAT is unknown. One answer of another kind decides for all; where each is
        of this kind nobody has the message, so that it can go again by DATA.
        """
        self.outcomes[self._accepted[self._finals]] = result
        self._finals += 1
        if self._finals < len(self._accepted):
            if not self.expected:
                self.expected.append(END)
            return b""
        if self._undecided:
            self.chunking_refused = self.spoiled = True
            return self._conclude(self.outcomes[self._accepted[0]] or result)
        self._ended = True
        return self._finish()

    @property
    def _undecided(self) -> bool:
        """Whether all that was answered to the content so far may mean that BDAT is unknown."""
        return self._lmtp and self._chunked and self._finals > 0 and not self.bdat_known

    # ---- end --------------------------------------------------------------------------------------------------

    def _conclude(self, result: Outcome) -> bytes:
        for index in self._accepted:
            self.outcomes[index] = result
        return self._finish()

    def _finish(self) -> bytes:
        self._outbox.clear()
        self.done = True
        if self._refusal is not None:
            self.abandon(self._refusal)
        return b""

    def abandon(self, result: Outcome) -> None:
        """Every recipient that has no outcome yet gets this one, and so does one whose answer may have meant the command."""
        if not self.done and self._undecided:
            self.chunking_refused = True
            for index in self._accepted[: self._finals]:
                self.outcomes[index] = None
        self.done = True
        self.outcomes = [result if known is None else known for known in self.outcomes]

    @property
    def reset(self) -> Reset:
        """What the next transaction on this connection must say first."""
        if self._ended:
            return Reset.NONE
        return Reset.ALONE if self._chunked else Reset.BEHIND


def positive(heard: Heard) -> bool:
    """Whether an answer is 2xx. Raises RemoteProtocolError for 3xx, which has no place here."""
    if 300 <= heard.code < 400:
        raise RemoteProtocolError(Key.REMOTE_GARBLED, fault=f"{heard.command} was answered {heard.text}")
    return heard.code < 300


def unsupported(offers: Offers, *, size: int, eight_bit: bool, utf8: bool, next_hop: str) -> Outcome | None:
    """Why this message cannot go to a next hop of these offers as it is, or None. It is never changed to fit."""
    if utf8 and not offers.smtputf8:  # 6531#3.5
        return outcome(Key.SMTPUTF8_UNSUPPORTED, next_hop=next_hop)
    if eight_bit and not offers.eight_bit:  # 6152#3
        return outcome(Key.EIGHT_BIT_UNSUPPORTED, next_hop=next_hop)
    if offers.size and size > offers.size:  # 1870#6.1
        return outcome(Key.SIZE_UNSUPPORTED, next_hop=next_hop, detail=f"it takes at most {offers.size} octets")
    return None
