"""SASL mechanisms as rows: each is a generator that yields challenges, is sent responses and returns Credentials. Knows no passwords.

RFC 4422; RFC 4616 (PLAIN); LOGIN has no RFC: two challenges, name and password.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from waypost.replies.keys import Key
from waypost.smtp.errors import RemoteProtocolError
from waypost.smtp.events import Credentials

if TYPE_CHECKING:
    from waypost.smtp.terms import Terms

Exchange: TypeAlias = Generator[bytes, bytes, Credentials]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One row."""

    name: str
    exchange: Callable[[], Exchange]
    """Begins with a challenge, an empty one where the client speaks first; raises RemoteProtocolError for what it cannot read."""
    shows_password: bool
    """Whoever reads the line reads the password: TLS is needed (4954#4)."""


def _plain() -> Exchange:
    message = yield b""
    parts = message.split(b"\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:  # 4616#2
        raise RemoteProtocolError(Key.AUTH_MALFORMED)
    authorization, name, password = parts
    return Credentials("PLAIN", _text(authorization), _text(name), _text(password))


def _login() -> Exchange:
    name = yield b"Username:"
    password = yield b"Password:"
    if not name or not password or b"\0" in name + password:
        raise RemoteProtocolError(Key.AUTH_MALFORMED)
    return Credentials("LOGIN", "", _text(name), _text(password))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as flaw:
        raise RemoteProtocolError(Key.AUTH_MALFORMED) from flaw


MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        Mechanism("PLAIN", _plain, shows_password=True),
        Mechanism("LOGIN", _login, shows_password=True),
    )
}
"""Every mechanism that we know, by name."""


def usable(terms: Terms, *, secured: bool) -> tuple[str, ...]:
    """The mechanisms of ``terms`` that may be used now, in their order."""
    open_door = secured or terms.auth_in_clear
    return tuple(name for name in terms.mechanisms if name in MECHANISMS and (open_door or not MECHANISMS[name].shows_password))


class Dialogue:
    """One AUTH exchange under way."""

    __slots__ = ("_exchange",)

    def __init__(self, mechanism: Mechanism) -> None:
        self._exchange = mechanism.exchange()

    def begin(self, initial: str) -> bytes | Credentials:
        """The first challenge; or, where an initial response came (``=``: an empty one), what follows from that (4954#4)."""
        challenge = next(self._exchange)
        if not initial:
            return challenge
        return self._send(b"" if initial == "=" else _decode(initial))

    def respond(self, line: str) -> bytes | Credentials:
        """What follows from a response: the next challenge, or the end. Raises RemoteProtocolError."""
        if line == "*":
            raise RemoteProtocolError(Key.AUTH_CANCELLED)
        return self._send(_decode(line))

    def _send(self, response: bytes) -> bytes | Credentials:
        try:
            return self._exchange.send(response)
        except StopIteration as end:
            credentials: Credentials = end.value
            return credentials


def start(argument: str, terms: Terms, *, secured: bool) -> tuple[Dialogue, bytes | Credentials]:
    """The exchange that the argument of AUTH begins, and its first step. Raises RemoteProtocolError with the key that refuses it."""
    name, _, initial = argument.partition(" ")
    name = name.upper()
    if name not in terms.mechanisms or name not in MECHANISMS:
        raise RemoteProtocolError(Key.AUTH_MECHANISM_UNKNOWN)
    if name not in usable(terms, secured=secured):
        raise RemoteProtocolError(Key.AUTH_NEEDS_TLS)  # 4954#4, 4954#6
    dialogue = Dialogue(MECHANISMS[name])
    return dialogue, dialogue.begin(initial)


def _decode(line: str) -> bytes:
    """A response from its line: nothing outside the BASE64 alphabet is overlooked (4954#4)."""
    try:
        return base64.b64decode(line.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as flaw:
        raise RemoteProtocolError(Key.AUTH_MALFORMED) from flaw


def encode(challenge: bytes) -> str:
    """A challenge as it stands in a 334 reply."""
    return base64.b64encode(challenge).decode("ascii")
