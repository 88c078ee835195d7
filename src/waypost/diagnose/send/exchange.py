"""One SASL exchange over SMTP, step by step: the AUTH command, challenges and responses, and whether the server proved itself.

RFC 4954 section 4 (the command, initial responses, cancelling), RFC 5802 section 5 (the server's proof). Sans-IO: it yields steps.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.diagnose.send.auth import PROVES_SERVER
from waypost.diagnose.send.scram import ExchangeError
from waypost.diagnose.send.steps import Send

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from waypost.diagnose.send.auth import Circumstances, Mechanism
    from waypost.diagnose.send.errand import Login
    from waypost.diagnose.send.steps import Steps
    from waypost.diagnose.talk import Said

SHOWN = "<redacted>"
_INITIAL = 500
"""Octets of an AUTH line up to which an initial response goes with it: commands may have 512 (4954#4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """What it came to."""

    said: Said | None
    """The last reply; None where we cancelled."""
    proven: bool = False
    """Whether the server proved that it knows the password, where the mechanism has it do so."""
    fault: str = ""
    """Why we cancelled."""
    begun: bool = True
    """Whether AUTH was said at all: only then is there something to cancel."""

    @property
    def accepted(self) -> bool:
        """Whether the server let us in."""
        return self.said is not None and self.said.positive


def exchange(row: Mechanism, login: Login, at: Circumstances, hear: Callable[[], Steps[Said]]) -> Steps[Exchanged]:
    """Say AUTH and what follows; ``hear`` gives each reply."""
    going = row.exchange(login, at)
    proven = row.name not in PROVES_SERVER
    begun = False
    try:
        initial = next(going)
        begun, line = True, f"AUTH {row.name}"
        if initial is not None and len(line) + len(initial) * 4 // 3 < _INITIAL:
            yield Send(f"{line} {_encoded(initial) or '='}\r\n".encode(), shown=f"{line} {SHOWN}", secret=True)
            initial = None
        else:
            yield Send(f"{line}\r\n".encode())
        while True:
            said = yield from hear()
            if said.code // 100 != 3:
                return Exchanged(said=said, proven=proven)
            response = initial if initial is not None else _next(going, said)
            initial = None
            proven = proven or response == b""
            yield Send(f"{_encoded(response)}\r\n".encode(), shown=SHOWN if response else "", secret=True)
    except ExchangeError as fault:
        return Exchanged(said=None, fault=str(fault), begun=begun)


def _next(going: Generator[bytes | None, bytes, None], said: Said) -> bytes:
    """The response to a challenge. Raises ExchangeError."""
    try:
        challenge = base64.b64decode(said.lines[-1][4:].strip(), validate=True)
    except (binascii.Error, ValueError) as flaw:
        raise ExchangeError("the challenge is no base64") from flaw
    try:
        return going.send(challenge) or b""
    except StopIteration as end:
        raise ExchangeError("the server asks for more than the mechanism has to say") from end


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
