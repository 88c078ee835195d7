"""A session by hand without a network: a script is answered from a row, and what it says and how it ends is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Errand, Letter, Security
from waypost.diagnose.send.script import conversation
from waypost.diagnose.send.steps import Fault, Listen, Note, Secure, Send, Shaken
from waypost.diagnose.send.transfer import transfer
from waypost.diagnose.talk import Said

EVERYTHING = (
    "250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-DSN\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 REQUIRETLS"
)
USUAL = {
    "connect": "220 mx",
    "EHLO": EVERYTHING,
    "HELO": "250 mx",
    "LHLO": EVERYTHING,
    "STARTTLS": "220 go",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "BDAT": "250 ok",
    "message": "250 taken",
    "XCLIENT": "220 mx",
    "QUIT": "221 bye",
    "AUTH": "235 ok",
    "": "500 what",
}
LETTER = Letter(sender="a@example.net", recipients=("b@example.org",), content=b"Subject: x\r\n\r\n.dot\r\n")
ERRAND = Errand(hello="c.example", security=Security.NONE, letters=(LETTER,))


@dataclass
class Played:
    """What a session came to."""

    ending: Ending
    said: list[str] = field(default_factory=list)
    """What was sent, without line ends; content as ``<content>``."""
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


def said(text: str) -> Said:
    """A reply; a word without a code is how it broke off."""
    if not text[:1].isdigit():
        return Said((), 0.0, ended=text)
    return Said(tuple(f"{line}\r\n".encode() for line in text.split("\r\n")), 0.0)


def play(errand: Errand, *, shaken: Shaken | None = None, **answers: str | list[str]) -> Played:
    """Run a session; ``answers`` by command take the place of the usual ones, a list one after the other."""
    waiting = {key: list(value) if isinstance(value, list) else [value] for key, value in {**USUAL, **answers}.items()}
    played = Played(Ending.SENT)
    steps = conversation(errand, nonce=lambda: "nonce", transfer=transfer)
    answer: Said | Shaken | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            played.ending = end.value
            return played
        answer = None
        match step:
            case Send():
                played.said.append("<content>" if step.content else step.octets.decode("utf-8", "backslashreplace").removesuffix("\r\n"))
                played.shown.append(step.shown)
            case Listen():
                rows = waiting[step.of]
                answer = said(rows.pop(0) if len(rows) > 1 else rows[0])
            case Secure():
                answer = shaken or Shaken(verified=True)
            case Note():
                played.notes.append(step.text)
            case Fault():
                played.faults.append(step.finding.key if step.finding else step.text)
