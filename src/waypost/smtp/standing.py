"""Where a server session stands, and which commands may be heard there: the table of states, what the terms demand, who said what before.

Knows no octets and no arguments' grammar. RFC 5321 section 4.1.4; RFC 3207 section 4, RFC 4954 sections 4 and 6, RFC 2033 section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from waypost.replies import Key, say
from waypost.smtp import sasl
from waypost.smtp.commands import COMMANDS, Argument
from waypost.smtp.extensions import offer
from waypost.smtp.states import SERVER_REFUSALS, SERVER_TRANSITIONS, ServerMove, ServerState
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from waypost.replies import Reply
    from waypost.smtp.commands import Command
    from waypost.smtp.extensions import Offer, Parameter
    from waypost.smtp.terms import Terms

_NOTHING_KNOWN: Mapping[str, Parameter] = {}
_Open: TypeAlias = "tuple[Mapping[str, Command], Mapping[str, Command]]"
"""Commands by name: those that can be heard without an argument, and those that can be heard with one."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is true of all sessions of the same terms, TLS and AUTH: made once, shared by them."""

    offer: Offer
    barred: Key | None
    """What must come before most commands."""
    open: Mapping[ServerState, _Open]


class Standing:
    """The state of one session and what is true of it besides."""

    __slots__ = ("_authenticated", "_stage", "extended", "offer", "open", "secured", "state", "terms")

    def __init__(self, terms: Terms, *, secured: bool) -> None:
        self.terms = terms
        self.state = ServerState.CONNECTED
        self.begin(secured=secured)

    def begin(self, *, secured: bool) -> None:
        """Know nothing of the client but whether TLS is active (3207#4.2)."""
        self.secured = secured
        self.extended = False
        """The client greeted with EHLO or LHLO: it knows of extensions."""
        self._authenticated = False
        self._enter(_stage(self.terms, secured, False))

    def authenticate(self) -> None:
        """AUTH succeeded."""
        self._authenticated = True
        self._enter(_stage(self.terms, self.secured, True))

    def _enter(self, stage: _Stage) -> None:
        self._stage = stage
        self.offer = stage.offer
        self.open = stage.open[self.state]
        """The commands that are heard now, without and with an argument, if that is ASCII; the others have a ``refusal``."""

    def move(self, move: ServerMove) -> None:
        """Go where the table says; a move without a cell changes nothing."""
        self.state = state = SERVER_TRANSITIONS[self.state].get(move, self.state)
        self.open = self._stage.open[state]

    def end(self) -> None:
        """Nothing more is heard."""
        self.state = ServerState.OVER
        self.open = self._stage.open[ServerState.OVER]

    @property
    def mail_parameters(self) -> Mapping[str, Parameter]:
        """What may stand in MAIL; nothing after HELO (5321#4.1.1.11)."""
        return self.offer.mail if self.extended else _NOTHING_KNOWN

    @property
    def rcpt_parameters(self) -> Mapping[str, Parameter]:
        """What may stand in RCPT."""
        return self.offer.rcpt if self.extended else _NOTHING_KNOWN

    def refusal(self, command: Command, argument: str) -> Key | None:
        """Why the command cannot be heard in this session, at this moment, with this argument, if so."""
        refusal = _refusal(self.terms, self.secured, self._authenticated, self._stage.barred, self.state, command)
        return refusal or _misplaced(command, argument)

    def say(self, key: Key, command: Command) -> Reply:
        """The refusal ``key`` of ``command`` in words."""
        if key is Key.HELLO_FIRST:
            return say(key, hello="LHLO" if self.terms.role is Role.LMTP else "EHLO")
        if key is Key.ARGUMENT_MISSING or key is Key.ARGUMENT_UNEXPECTED:
            return say(key, command=command.name)
        return say(key)

    def offered(self) -> Mapping[str, bool]:
        """Every command of this session, and whether it is allowed now: what HELP lists (5321#4.1.1.8)."""
        absent = set() if "STARTTLS" in self.offer.lines else {"STARTTLS"}
        if not sasl.usable(self.terms, secured=self.secured or "STARTTLS" in self.offer.lines):
            absent.add("AUTH")
        rows = [row for row in COMMANDS.values() if self.terms.role in row.roles and row.name not in absent]
        now = {row.name: self.refusal(row, "" if row.argument is Argument.NONE else "x") is None for row in rows}
        if "AUTH" in now and not sasl.usable(self.terms, secured=self.secured):
            now["AUTH"] = False  # known here, and waits for TLS
        return now


@lru_cache(maxsize=256)
def _stage(terms: Terms, secured: bool, authenticated: bool) -> _Stage:  # noqa: FBT001 - keys of the cache
    barred: Key | None = None
    if terms.tls_required and not secured:
        barred = Key.TLS_FIRST  # 3207#4
    elif terms.auth_required and not authenticated:
        barred = Key.AUTH_FIRST  # 4954#6
    heard = {
        state: [row for row in COMMANDS.values() if _refusal(terms, secured, authenticated, barred, state, row) is None]
        for state in SERVER_REFUSALS
    }
    return _Stage(
        offer(terms, secured),
        barred,
        {state: (_taking(heard.get(state, ()), ""), _taking(heard.get(state, ()), "x")) for state in ServerState},
    )


def _taking(commands: Sequence[Command], argument: str) -> Mapping[str, Command]:
    return {command.name: command for command in commands if _misplaced(command, argument) is None}


def _refusal(
    terms: Terms,
    secured: bool,  # noqa: FBT001 - likewise
    authenticated: bool,  # noqa: FBT001 - likewise
    barred: Key | None,
    state: ServerState,
    command: Command,
) -> Key | None:
    """Why ``command`` cannot be heard, whatever its argument, if so."""
    move = command.move
    if state is ServerState.TURNED_AWAY and move is not ServerMove.QUIT:
        return Key.SESSION_REFUSED  # 5321#3.1
    if terms.role not in command.roles:
        return Key.LHLO_ELSEWHERE if command.name == "LHLO" else Key.LHLO_ONLY  # 2033#4.1
    if barred is not None and not (command.without_tls if barred is Key.TLS_FIRST else command.without_auth):
        return barred
    unavailable = _unavailable(terms, move, secured=secured, authenticated=authenticated)
    if unavailable is not None:
        return unavailable
    if move not in SERVER_TRANSITIONS[state]:
        return _out_of_order(terms, state, move)
    return None


def _unavailable(terms: Terms, move: ServerMove, *, secured: bool, authenticated: bool) -> Key | None:
    """Why STARTTLS or AUTH cannot be had in this session whatever comes first."""
    if move is ServerMove.AUTH:
        if not terms.mechanisms:
            return Key.AUTH_NOT_OFFERED
        return Key.AUTH_DONE if authenticated else None  # 4954#4
    if move is not ServerMove.STARTTLS:
        return None
    if secured:
        return Key.STARTTLS_ACTIVE  # 3207#4.2
    return None if terms.tls is TlsMode.STARTTLS else Key.STARTTLS_NOT_OFFERED


def _out_of_order(terms: Terms, state: ServerState, move: ServerMove) -> Key | None:
    if terms.role is Role.LMTP and state is ServerState.UNWANTED and move is ServerMove.DATA:
        return Key.RCPT_FIRST  # 2033#4.2
    return SERVER_REFUSALS[state][move]


def _misplaced(command: Command, argument: str) -> Key | None:
    if not argument:
        if command.move is ServerMove.HELLO:
            return Key.HELLO_NAME_INVALID  # 2034#4: no status in what answers EHLO
        return Key.ARGUMENT_MISSING if command.argument is Argument.REQUIRED else None
    if command.argument is Argument.NONE:
        return Key.ARGUMENT_UNEXPECTED  # 5321#4.3.2
    if command.utf8 or argument.isascii():
        return None
    return Key.HELLO_NAME_INVALID if command.move is ServerMove.HELLO else Key.COMMAND_MALFORMED  # 5321#2.4, 6531#3.7.1
