"""What the language alone would answer: hello, goodbye, questions, and lines that are no commands. Knows terms, not the session.

RFC 5321 sections 3.5, 4.1.1 and 7.3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from waypost.replies import Key, say
from waypost.replies.help import help_lines
from waypost.smtp.commands import KNOWN_ELSEWHERE, is_word
from waypost.smtp.errors import AddressError, RemoteProtocolError
from waypost.smtp.events import Asked, Data, Hello, Quit, Reset
from waypost.smtp.grammar import parse_hello_name
from waypost.smtp.lines import Flaw
from waypost.smtp.states import ServerMove

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from waypost.replies import Reply
    from waypost.smtp.extensions import Offer
    from waypost.smtp.standing import Standing
    from waypost.smtp.terms import Terms

_TLS_RECORD = b"\x16\x03"
"""How a TLS handshake begins."""
HTTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"})
"""First words of those who take us for a web server."""
_FLAWS = {
    Flaw.BARE_LF: Key.LINE_END_BARE,
    Flaw.CONTROL: Key.CONTROL_CHARACTER,
    Flaw.NOT_UTF8: Key.COMMAND_MALFORMED,
}


def hello(command: str, argument: str, terms: Terms, offered: Offer) -> Hello:
    """EHLO and LHLO with what is offered, HELO without. Raises RemoteProtocolError."""
    try:
        name = parse_hello_name(argument)
    except AddressError as fault:
        raise RemoteProtocolError(Key.HELLO_NAME_INVALID) from fault
    if command == "HELO":
        return Hello(command, name, say(Key.HELO, hostname=terms.hostname, client=name))
    return Hello(command, name, say(Key.EHLO, more=offered.lines, hostname=terms.hostname, client=name))


def may_be_tls(octets: bytes) -> bool:
    """Whether a connection that begins so may be a TLS handshake; two octets make it certain."""
    return _TLS_RECORD.startswith(octets[:2])


def unknown(verb: str, *, turned_away: bool) -> tuple[str, Reply]:
    """What stands for the command in logs, and the answer, where a line's first word is no command of ours."""
    if turned_away:
        return verb if is_word(verb) else "", say(Key.SESSION_REFUSED)  # 5321#3.1
    if not is_word(verb):
        return "", say(Key.COMMAND_MALFORMED)
    return verb, say(Key.COMMAND_NOT_IMPLEMENTED if verb in KNOWN_ELSEWHERE else Key.COMMAND_UNKNOWN)


@lru_cache(maxsize=64)
def goodbye(hostname: str) -> Reply:
    """The answer to QUIT."""
    return say(Key.CLOSING, hostname=hostname)


PLAIN: Mapping[ServerMove, Callable[[str], Data | Reset | Quit]] = {
    ServerMove.DATA: lambda _: Data(say(Key.DATA_START)),
    ServerMove.RESET: lambda _: Reset(say(Key.RESET)),
    ServerMove.QUIT: lambda hostname: Quit(goodbye(hostname)),
}
"""What is heard in a command that says nothing but its name, by the server's host name."""


def flaw(found: Flaw, limit: int, verb: str) -> Reply:
    """The answer to a command line that is none; ``limit`` is what it was held to, ``verb`` how one that is too long begins."""
    if found is Flaw.TOO_LONG:
        return say(Key.AUTH_LINE_TOO_LONG if verb == "AUTH" else Key.LINE_TOO_LONG, limit=limit)  # 4954#4
    return say(_FLAWS[found])


def flaw_of_response(found: Flaw, limit: int) -> Reply:
    """The answer to a line of an AUTH exchange that is none."""
    if found is Flaw.TOO_LONG:
        return say(Key.AUTH_LINE_TOO_LONG, limit=limit)  # 4954#4
    return say(Key.AUTH_MALFORMED) if found is Flaw.NOT_UTF8 else say(_FLAWS[found])


def question(command: str, argument: str, standing: Standing) -> Asked:
    """NOOP, HELP, VRFY or EXPN. Raises RemoteProtocolError."""
    match command:
        case "NOOP":
            return Asked(command, argument, say(Key.NOOP))
        case "HELP":
            return Asked(command, argument, _help(argument, standing.offered()))
        case _:
            if not argument.isascii() and argument.upper().rpartition(" ")[2] != "SMTPUTF8":  # 6531#3.7.4.2
                raise RemoteProtocolError(Key.SMTPUTF8_NEEDED)
            return Asked(command, argument, say(Key.VRFY_UNVERIFIED if command == "VRFY" else Key.EXPN_DISABLED))


def _help(topic: str, offered: Mapping[str, bool]) -> Reply:
    lines = help_lines(topic, offered=offered)
    if lines is None:
        return say(Key.HELP_UNKNOWN)
    return say(Key.HELP, more=lines[1:], line=lines[0])
