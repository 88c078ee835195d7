"""What somebody wants checked: read from a form or from JSON, and refused where it is nothing, or nothing that a page may ask. Pure.

Whatever goes on to a server that is checked has passed the grammars of RFC 5321 here: no control character, no end of a line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from waypost.diagnose.plan import PORTS, Options, Target, TargetError, target
from waypost.replies.library import LANGUAGES
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_mailbox
from waypost.web.templates import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 320
"""Characters of a target or a sender: a local part of 64, the sign, a domain of 255."""


class TurnedAwayError(Exception):
    """A wish that is not granted: which words tell why, and which status."""

    def __init__(self, status: int, name: str, /, *, seconds: int = 0, **facts: object) -> None:
        """``seconds``: after which it is worth asking again; 0: never."""
        super().__init__(name)
        self.status = status
        self.name = name
        self.seconds = seconds
        self.facts = {key: str(value) for key, value in facts.items()}

    def says(self, lang: str) -> str:
        """One sentence or two."""
        words: Mapping[str, str] = wording(lang)["check"]["refused"]
        return words[self.name].format(seconds=self.seconds, **self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One wish."""

    target: Target
    sender: str = ""
    """The envelope sender of the mailbox stage; empty: the null reverse-path."""

    def options(self, hostname: str) -> Options:
        """As the check takes it: a page never logs in and never tries what a stranger would resent."""
        return Options(hostname=hostname, sender=self.sender or None)


def wanted(text: str, *, port: str | int | None = None, sender: str = "", ports: frozenset[int] = frozenset()) -> Wanted:
    """Read a wish; ``ports`` are allowed beside those of mail. Raises TurnedAwayError."""
    text, sender = text.strip(), sender.strip()
    if not text:
        raise TurnedAwayError(422, "empty")
    if len(text) > LONGEST or len(sender) > LONGEST:
        raise TurnedAwayError(422, "long", most=LONGEST)
    found, named = _target(text), _port(port)
    if named is not None:
        if found.port not in (None, named):
            raise TurnedAwayError(422, "two_ports", given=_plain(text))
        found = replace(found, port=named)
    if found.port is not None and found.port not in PORTS and found.port not in ports:
        raise TurnedAwayError(422, "port", port=found.port, ports=", ".join(map(str, PORTS)))
    return Wanted(target=found, sender=_sender(sender))


def _target(text: str) -> Target:
    try:
        found = target(text)
    except TargetError as fault:
        raise TurnedAwayError(422, "target", given=_plain(text)) from fault
    _demand_clean("target", found.name, found.mailbox)
    return found


def _port(given: str | int | None) -> int | None:
    if given is None or given == "":
        return None
    text = str(given).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536):
        raise TurnedAwayError(422, "no_port", given=_plain(text))
    return int(text)


def _sender(text: str) -> str:
    bare = text.removeprefix("<").removesuffix(">")
    if not bare:
        return ""
    try:
        parse_mailbox(bare)
    except AddressError as fault:
        raise TurnedAwayError(422, "sender", given=_plain(bare)) from fault
    _demand_clean("sender", bare)
    return bare


def _demand_clean(name: str, *texts: str) -> None:
    """The grammars say so already; what goes to a stranger's server is worth a second look."""
    if any(not each.isprintable() for each in texts):
        raise TurnedAwayError(422, name, given=_plain(" ".join(texts)))


def _plain(given: str) -> str:
    """What was given, short and without controls, as it is shown again."""
    text = "".join(each if each.isprintable() else "?" for each in given)
    return text if len(text) <= 100 else f"{text[:100]}..."


def language(text: str) -> str:
    """A language that there is. Raises TurnedAwayError."""
    if text not in LANGUAGES:
        raise TurnedAwayError(422, "language", languages=", ".join(LANGUAGES))
    return text
