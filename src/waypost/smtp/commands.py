"""The table of commands, and the reading of the arguments of MAIL, RCPT and BDAT. Knows no session and no state.

RFC 5321 section 4.1.1; RFC 3030 section 2 (BDAT), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 2033 (LHLO).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.mail.envelope import Recipient
from waypost.replies import Key, say
from waypost.smtp.errors import AddressError, NoDomainError, ParameterError, RemoteProtocolError
from waypost.smtp.events import Mail, Rcpt
from waypost.smtp.extensions import Given
from waypost.smtp.grammar import parse_parameters, parse_path
from waypost.smtp.states import SERVER_TRANSITIONS, ServerMove, ServerState
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.mail.path import ReversePath
    from waypost.smtp.extensions import Parameter


class Argument(StrEnum):
    """Whether a command takes an argument."""

    NONE = "none"
    """Any argument is a syntax error (5321#4.3.2)."""
    OPTIONAL = "optional"
    """With or without."""
    REQUIRED = "required"
    """Not without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row: what the language knows of a command."""

    name: str
    move: ServerMove
    """Its column in the table of states."""
    argument: Argument
    roles: frozenset[Role] = frozenset(Role)
    """Where it is spoken."""
    ends_group: bool = True
    """It must be the last of a pipelined group (2920#3.1)."""
    without_tls: bool = False
    """It works before TLS where TLS is demanded (3207#4)."""
    without_auth: bool = False
    """It works before AUTH where AUTH is demanded (4954#6)."""
    utf8: bool = False
    """Its argument may hold more than ASCII (6531#3.3, 6531#3.7.4.2)."""

    @property
    def before_hello(self) -> bool:
        """Whether it works before EHLO (5321#4.1.4)."""
        return self.move in SERVER_TRANSITIONS[ServerState.READY]


_SMTP = frozenset({Role.RELAY, Role.SUBMISSION})
_ROWS = (
    Command(name="EHLO", move=ServerMove.HELLO, argument=Argument.REQUIRED, roles=_SMTP, without_tls=True, without_auth=True),
    Command(name="HELO", move=ServerMove.HELLO, argument=Argument.REQUIRED, roles=_SMTP, without_tls=True, without_auth=True),
    Command(
        name="LHLO",
        move=ServerMove.HELLO,
        argument=Argument.REQUIRED,
        roles=frozenset({Role.LMTP}),  # 2033#4.1
        without_tls=True,
        without_auth=True,
    ),
    Command(name="STARTTLS", move=ServerMove.STARTTLS, argument=Argument.NONE, without_tls=True, without_auth=True),
    Command(name="AUTH", move=ServerMove.AUTH, argument=Argument.REQUIRED, without_auth=True),
    Command(name="MAIL", move=ServerMove.MAIL, argument=Argument.REQUIRED, ends_group=False, utf8=True),
    Command(name="RCPT", move=ServerMove.RCPT, argument=Argument.REQUIRED, ends_group=False, utf8=True),
    Command(name="DATA", move=ServerMove.DATA, argument=Argument.NONE),
    Command(name="BDAT", move=ServerMove.CHUNK, argument=Argument.REQUIRED, ends_group=False),  # 3030#4.2
    Command(name="RSET", move=ServerMove.RESET, argument=Argument.NONE, ends_group=False, without_tls=True, without_auth=True),
    Command(name="NOOP", move=ServerMove.QUESTION, argument=Argument.OPTIONAL, without_tls=True, without_auth=True),
    Command(name="HELP", move=ServerMove.QUESTION, argument=Argument.OPTIONAL, without_tls=True, without_auth=True),
    Command(name="VRFY", move=ServerMove.QUESTION, argument=Argument.REQUIRED, utf8=True),
    Command(name="EXPN", move=ServerMove.QUESTION, argument=Argument.REQUIRED, utf8=True),
    Command(name="QUIT", move=ServerMove.QUIT, argument=Argument.NONE, without_tls=True, without_auth=True),
)

COMMANDS: dict[str, Command] = {row.name: row for row in _ROWS}
"""Every command that we serve, by name."""

KNOWN_ELSEWHERE = frozenset({"SEND", "SOML", "SAML", "TURN", "ETRN", "ATRN", "BURL", "XCLIENT", "XFORWARD"})
"""Commands that exist and that we do not serve: 502, not 500 (5321#4.2.4)."""

_NOTHING_GIVEN = Given()
"""What a command without parameters says; nobody writes into it."""
_WORD = re.compile(r"[A-Z][A-Z0-9\-]{0,19}")
_CHUNK = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE)


def is_word(verb: str) -> bool:
    """Whether ``verb``, upper case, could be a command of somebody's."""
    return _WORD.fullmatch(verb) is not None


def read_mail(argument: str, known: Mapping[str, Parameter], limit: int) -> Mail:
    """MAIL as an event. ``known`` are the parameters that may be given. Raises RemoteProtocolError with the key that refuses it."""
    if argument[:5].upper() != "FROM:":
        raise RemoteProtocolError(Key.REVERSE_PATH_INVALID, fault="write MAIL FROM:<address>")
    try:
        path, rest = _read_path(argument[5:])
    except AddressError as flaw:
        raise RemoteProtocolError(Key.REVERSE_PATH_INVALID, fault=flaw.fault) from flaw
    if path is not None and not path.domain:
        raise RemoteProtocolError(Key.REVERSE_PATH_INVALID, fault="it has no domain")
    given = _read_parameters(rest, known) if rest else _NOTHING_GIVEN
    if not given.smtputf8 and path is not None and not path.is_ascii:
        raise RemoteProtocolError(Key.SMTPUTF8_NEEDED_SENDER)
    if given.size is not None and given.size > limit:  # 1870#6.1
        raise RemoteProtocolError(Key.SIZE_OVER_MAXIMUM, limit=limit)
    return Mail(path, given.size, given.body, given.smtputf8, given.ret, given.envid, given.auth, say(Key.MAIL_ACCEPTED))


def read_rcpt(argument: str, known: Mapping[str, Parameter], *, smtputf8: bool) -> Rcpt:
    """RCPT as an event; ``smtputf8`` says what MAIL asked for. Raises RemoteProtocolError with the key that refuses it."""
    if argument[:3].upper() != "TO:":
        raise RemoteProtocolError(Key.FORWARD_PATH_INVALID, fault="write RCPT TO:<address>")
    try:
        path, rest = _read_path(argument[3:])
    except NoDomainError as flaw:
        raise RemoteProtocolError(Key.RECIPIENT_DOMAIN_MISSING) from flaw
    except AddressError as flaw:
        raise RemoteProtocolError(Key.FORWARD_PATH_INVALID, fault=flaw.fault) from flaw
    if path is None:
        raise RemoteProtocolError(Key.FORWARD_PATH_INVALID, fault="only a sender may be empty")
    if not smtputf8 and not path.is_ascii:
        raise RemoteProtocolError(Key.SMTPUTF8_NEEDED)
    if not rest:
        return Rcpt(Recipient(path), say(Key.RCPT_ACCEPTED))
    given = _read_parameters(rest, known)
    if not smtputf8 and given.orcpt is not None and not given.orcpt.isascii():
        raise RemoteProtocolError(Key.PARAMETER_INVALID, parameter="ORCPT")
    return Rcpt(Recipient(path, given.notify, given.orcpt), say(Key.RCPT_ACCEPTED))


def read_chunk(argument: str) -> tuple[int, bool]:
    """The octets of a chunk and whether it is the last (3030#2). Raises RemoteProtocolError."""
    found = _CHUNK.fullmatch(argument)
    if found is None:
        raise RemoteProtocolError(Key.CHUNK_SIZE_INVALID)
    return int(found[1]), found[2] is not None


def _read_path(text: str) -> tuple[ReversePath, str]:
    # Clients that put a space behind the colon are common, and nothing else can be meant (5321#3.3 only warns them).
    text, rest = text.lstrip(" "), ""
    if '"' not in text:  # the parameters apart, so that paths that come again are known again
        before, mark, behind = text.partition("> ")
        if mark:
            text, rest = f"{before}>", f" {behind}"
    path, more = parse_path(text)
    rest = more + rest
    if rest and rest[0] != " ":
        raise AddressError("something stands right behind it")
    return path, rest


def _read_parameters(text: str, known: Mapping[str, Parameter]) -> Given:
    given = Given()
    try:
        for keyword, value in parse_parameters(text).items():
            _reader(known, keyword)(given, value)
    except ParameterError as flaw:
        raise RemoteProtocolError(flaw.key, parameter=flaw.parameter) from flaw
    return given


def _reader(known: Mapping[str, Parameter], keyword: str) -> Parameter:
    reader = known.get(keyword)
    if reader is None:  # 5321#4.1.1.11
        raise ParameterError(keyword[:40], Key.PARAMETER_UNKNOWN)
    return reader
