"""What a server session hears, as values; knows neither who judges nor what is answered in the end.

The driver takes each event from ``ServerSession.next_event`` and, where ``needs_answer`` is true, answers it with exactly one
``ServerSession.answer(reply)`` before it asks for the next. ``suggested`` is the reply that the language alone would give: the
driver may give another (a refusal of policy, a queue id). A refusal that the grammar demands comes as ``Fault``.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from waypost.mail.envelope import Body, Recipient, Return
from waypost.mail.path import ReversePath
from waypost.replies import Reply


class Hello(Struct, frozen=True):
    """EHLO, HELO or LHLO."""

    command: str
    name: str
    suggested: Reply


class Mail(Struct, frozen=True):
    """MAIL: a transaction opens."""

    reverse_path: ReversePath
    size: int | None
    """Declared by SIZE=, or None."""
    body: Body
    smtputf8: bool
    ret: Return | None
    envid: str | None
    auth: str | None
    """Value of AUTH=, xtext decoded, ``<>`` included; never trusted, never relayed without an authenticated session (4954#5)."""
    suggested: Reply


class Rcpt(Struct, frozen=True):
    """RCPT: one more recipient."""

    recipient: Recipient
    suggested: Reply


class Data(Struct, frozen=True):
    """DATA: the client wants to send content."""

    suggested: Reply


class ChunkAnnounced(Struct, frozen=True):
    """The first BDAT of a message: like DATA, the moment to open a draft. Needs no answer (BDAT is answered after its octets);
    the driver that cannot take content says so by ``ServerSession.refuse_content(reply)``: the octets are then swallowed.
    """


class Content(Struct, frozen=True):
    """Octets of content, dot-stuffing undone. Needs no answer."""

    octets: bytes


class ChunkEnded(Struct, frozen=True):
    """A BDAT chunk that is not the last came whole."""

    suggested: Reply


class ContentEnded(Struct, frozen=True):
    """The content is whole. ``fault`` is set when the language refuses it (bare LF, too big): then it must be answered so.

    Under LMTP the one answer is said once for each accepted recipient (2033#4.2).
    """

    size: int
    """Octets, CRLFs counted, dot-stuffing not."""
    fault: Reply | None
    eight_bit: bool
    """Whether any octet was above 127."""


class Reset(Struct, frozen=True):
    """RSET."""

    suggested: Reply


class Asked(Struct, frozen=True):
    """NOOP, HELP, VRFY or EXPN: a question that changes nothing."""

    command: str
    argument: str
    suggested: Reply


class StartTls(Struct, frozen=True):
    """STARTTLS: after a positive answer the driver shakes hands and calls ``secured``."""

    suggested: Reply


class Challenge(Struct, frozen=True):
    """AUTH goes on: the next line is part of the exchange."""

    suggested: Reply


class Credentials(Struct, frozen=True):
    """AUTH gave a name and a password: the driver checks them and answers auth-succeeded, auth-failed or auth-unavailable."""

    mechanism: str
    authorization: str
    """Authorization identity, empty when none was given."""
    name: str
    password: str


class Quit(Struct, frozen=True):
    """QUIT."""

    suggested: Reply


class Fault(Struct, frozen=True):
    """A line that grammar, state or limits refuse."""

    command: str
    """The command word, upper case; empty when there was none to read."""
    suggested: Reply
    syntax: bool
    """Whether it counts as an error against the session (a wrong sequence does, a refused recipient does too)."""


class Violation(Struct, frozen=True):
    """The connection must end: with ``reply`` if there is one, else without a word. Nothing further is read."""

    reply: Reply | None


Event: TypeAlias = (
    Hello
    | Mail
    | Rcpt
    | Data
    | ChunkAnnounced
    | Content
    | ChunkEnded
    | ContentEnded
    | Reset
    | Asked
    | StartTls
    | Challenge
    | Credentials
    | Quit
    | Fault
    | Violation
)
