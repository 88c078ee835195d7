"""What the command line of sendmail(8) asks for, in the words of Postfix's and Sendmail's. Reads words; does nothing.

What is harmless is taken and means nothing here; what would be expected to do something that it does not do here is refused (EX_USAGE).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.cli.exits import UsageError
from waypost.cli.programs.words import Takes, configured, read

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


class Mode(StrEnum):
    """What it shall be this time."""

    MESSAGE = "m"
    """A message from standard input."""
    DIALOGUE = "s"
    """SMTP on standard input and output."""
    QUEUE = "p"
    """List the queue, as mailq."""
    ALIASES = "i"
    """As newaliases."""
    FLUSH = "q"
    """Try what waits now."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What is wanted."""

    where: Namespace
    mode: Mode = Mode.MESSAGE
    recipients: list[str] = field(default_factory=list)
    from_header: bool = False
    """-t: recipients stand in the message."""
    dots: bool = True
    """A line with a dot alone ends the message."""
    sender: str | None = None
    """-f as given; None: the account that calls."""
    name: str = ""
    """-F: the full name for a From field."""
    notify: list[str] = field(default_factory=list)
    ret: str | None = None
    envid: str | None = None
    flush: list[str] = field(default_factory=list)
    """Which of the queue, in the words of ``waypost queue``."""
    verbose: bool = False


_LETTERS = {
    **dict.fromkeys("tivGUnmxEc", Takes.NOTHING),
    **dict.fromkeys("fFrbBCOopNRVhLeX", Takes.VALUE),
    **dict.fromkeys("qAdI", Takes.ATTACHED),
}
_MODES = {mode.value: mode for mode in (Mode.MESSAGE, Mode.DIALOGUE, Mode.QUEUE, Mode.ALIASES)}
_NOTIFY = frozenset({"never", "success", "failure", "delay"})
_FLUSH = {"I": "", "R": "to:@", "S": "to:@"}


def asked(words: Sequence[str]) -> Asked:
    """Read the command line. Raises UsageError."""
    wanted = Asked(where=configured())
    for letter, value in read(words, _LETTERS, "sendmail", where=wanted.where):
        if not letter:
            wanted.recipients.append(value)
        else:
            _heed(wanted, letter, value)
    if wanted.mode in (Mode.QUEUE, Mode.ALIASES, Mode.FLUSH) and wanted.recipients:
        raise UsageError(f"sendmail: no address is wanted with -{'q' if wanted.mode is Mode.FLUSH else 'b' + wanted.mode}")
    return wanted


def _heed(wanted: Asked, letter: str, value: str) -> None:  # noqa: C901, PLR0912 - a row per option, each a line
    match letter:
        case "t":
            wanted.from_header = True
        case "i":
            wanted.dots = False
        case "v":
            wanted.verbose = True
        case "f" | "r":
            wanted.sender = value
        case "F":
            wanted.name = value
        case "b":
            wanted.mode = _mode(value)
        case "B":
            _demand(value.upper() in ("7BIT", "8BITMIME"), f"-B {value}: 7BIT or 8BITMIME")
        case "C":
            wanted.where.config = value
        case "o":
            wanted.dots = wanted.dots and value != "i"
        case "O":
            wanted.dots = wanted.dots and value.replace(" ", "").lower() != "ignoredots=true"
        case "N":
            wanted.notify = _notify(value)
        case "R":
            _demand(value.lower() in ("full", "hdrs"), f"-R {value}: full or hdrs")
            wanted.ret = value.upper()
        case "V":
            _demand(
                value.isascii() and value.isprintable() and 0 < len(value) <= 100,
                "-V: an envelope id of printable ASCII, 100 octets at most",
            )
            wanted.envid = value
        case "q":
            wanted.mode = Mode.FLUSH
            wanted.flush.append(_flush(value))
        case "I":
            wanted.mode = Mode.ALIASES
        case "X":
            raise UsageError("sendmail: -X is not done here: `waypost trace` shows conversations")
        case "e":
            _demand(value in ("m", "p", "q", "w", "e"), f"-e {value}: m, p, q, w or e")
        case _:
            pass  # -A -c -d -E -G -h -L -m -n -p -U -x: they mean nothing here


def _mode(value: str) -> Mode:
    if value not in _MODES:
        raise UsageError(f"sendmail: -b{value} is not done here: -bm, -bs, -bp and -bi are; `waypost serve` runs the server")
    return _MODES[value]


def _notify(value: str) -> list[str]:
    words = [word for word in value.lower().replace(" ", "").split(",") if word]
    _demand(bool(words) and _NOTIFY.issuperset(words), f"-N {value}: never, or some of success,failure,delay")
    _demand("never" not in words or len(set(words)) == 1, "-N: never stands alone")
    return sorted({word.upper() for word in words})


def _flush(value: str) -> str:
    if value in ("", "f"):
        return "all"
    if value[0] in _FLUSH and value[1:]:
        return _FLUSH[value[0]] + value[1:]
    raise UsageError(f"sendmail: -q{value} is not done here: -q alone, -qIID or -qRDOMAIN; `waypost serve` runs the queue by itself")


def _demand(fits: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not fits:
        raise UsageError(f"sendmail: {otherwise}")
