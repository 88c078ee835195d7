"""Whatever next hops answer, drop or hold back: what is told of a recipient is what the next hops took, and nobody gets two copies."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import Pieces, ScriptedHop, Wire, deliver, lease, outbound, results
from waypost.mail.outcome import Action
from waypost.route.settings import Kind, TransportSettings

if TYPE_CHECKING:
    from waypost.mail.outcome import Outcome

OFFERS = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 1000000", "ENHANCEDSTATUSCODES")
REFUSALS = ("450 4.2.0 later", "451 no", "452 4.5.3 too many", "550 5.1.1 no", "552 5.2.2 full", "554 no")
BROKEN = ("500 what", "502 no such thing", "503 bad order")
GREETINGS = ("554 no", "421 busy", "nonsense", "450 later")


class GoneError(ConnectionError):
    """The next hop ends the connection."""


class Moody:
    """A next hop that keeps books of what it took, and fails at random."""

    def __init__(self, random: Random, content: bytes, *, lmtp: bool) -> None:
        self.random = random
        self.content = content
        self.lmtp = lmtp
        self.rate = random.choice([0.05, 0.1, 0.25])
        self.taken: Counter[str] = Counter()
        self.unsure: set[str] = set()
        """Who may have got it although no answer said so."""
        self.torn = 0

    def fails(self) -> bool:
        return self.random.random() < self.rate

    def refuse(self, wire: Wire, *, more: tuple[str, ...] = ()) -> None:
        """A refusal, 421, or not a word."""
        mood = self.random.random()
        if mood < 0.7:
            return wire.say(self.random.choice(REFUSALS + more))
        if mood < 0.85:
            wire.say("421 4.3.2 closing")
        raise GoneError

    async def __call__(self, wire: Wire) -> None:  # noqa: C901 - one branch for each command
        if self.fails():
            return wire.say(self.random.choice(GREETINGS))
        wire.say("220 hop")
        await wire.reader.readuntil(b"\r\n")
        lines = ("hop", *(offer for offer in OFFERS if self.random.random() < 0.7))
        wire.say(*(f"250{'-' if number < len(lines) else ' '}{line}" for number, line in enumerate(lines, 1)))
        people: list[str] | None = None
        content = b""
        while line := (await wire.reader.readuntil(b"\r\n"))[:-2]:
            word = line.split()[0]
            if word in (b"MAIL", b"RSET"):
                people, content = None, b""
            chunk = await wire.octets(int(line.split()[1])) if word == b"BDAT" else b""
            if word == b"QUIT":
                return wire.say("221 bye")
            if (word == b"RCPT" and people is None) or (word in (b"DATA", b"BDAT") and not people):
                wire.say("503 bad order")
            elif word in (b"MAIL", b"RCPT", b"DATA") or (word == b"BDAT" and not line.endswith(b"LAST")):
                if self.fails():
                    self.refuse(wire, more=BROKEN)
                    people = None if word == b"BDAT" else people
                    continue
                wire.say("354 go" if word == b"DATA" else "250 ok")
                content += chunk
                if word == b"MAIL":
                    people = []
                elif word == b"RCPT" and people is not None:
                    people.append(line.split(b"<")[1].split(b">")[0].decode())
                elif word == b"DATA":
                    stuffed = (b"\r\n" + await wire.data())[:-3]
                    self.end(wire, people or [], stuffed.replace(b"\r\n.", b"\r\n")[2:])
                    people = None
            elif word == b"BDAT":
                self.end(wire, people or [], content + chunk)
                people = None
            else:
                wire.say("250 ok")
        return None

    def end(self, wire: Wire, people: list[str], content: bytes) -> None:
        """The end of content: one answer, or one for each."""
        self.torn += content != self.content
        for group in [[person] for person in people] if self.lmtp else [people]:
            if not self.fails():
                self.taken.update(group)
                wire.say("250 taken")
            elif self.random.random() < 0.4:
                self.unsure.update(people)
                self.taken.update(group if self.random.random() < 0.5 else ())
                raise GoneError
            else:
                self.unsure.update(people if self.lmtp else ())
                self.refuse(wire, more=() if self.lmtp else BROKEN)
                self.unsure.difference_update(people if self.lmtp else ())


def contradiction(outcome: Outcome, copies: int, *, unsure: bool) -> str:
    """What is wrong with what was told of a recipient; empty: nothing."""
    if outcome.action in (Action.RELAYED, Action.DELIVERED) and not copies:
        return "lost"
    if outcome.action is Action.FAILED and copies:
        return "returned and taken"
    if copies > 1 and not unsure:
        return "two copies"
    return "taken, to be sent again" if outcome.action is Action.DEFERRED and copies and not unsure else ""


@pytest.mark.parametrize("seed", range(60))
def test_what_is_told_is_what_was_taken(seed: int) -> None:
    """Success is told only of who was served, failure only of who was not; a second copy needs an answer that got lost."""
    random = Random(seed)  # noqa: S311 - makes cases, keeps no secret
    lmtp = random.random() < 0.25
    content = b"Subject: x\r\n\r\n" + b".dots\r\n" * random.choice([1, 5, 3000])
    hop = Moody(random, content, lmtp=lmtp)

    async def run() -> None:
        async with ScriptedHop(hop).listening() as one, ScriptedHop(hop).listening() as two:
            sent = [
                lease(
                    *[f"r{number}.{place}@there.example" for place in range(random.choice([1, 2, 7]))],
                    content=content if random.random() < 0.6 else Pieces(content),
                )
                for number in range(random.choice([1, 3, 6]))
            ]
            limits = outbound(recipients=random.choice([1, 3, 50]), destination_connections=random.choice([1, 3]))
            way = TransportSettings(kind=Kind.LMTP if lmtp else Kind.SMTP, hosts=random.choice([(one.at,), (one.at, two.at)]), tls="none")
            spool = await deliver(sent, way, settings=limits, seconds=20)
            for each in sent:
                for recipient, outcome in zip(each.envelope.recipients, results(spool, each), strict=True):
                    text = recipient.mailbox.text
                    assert (text, contradiction(outcome, hop.taken[text], unsure=text in hop.unsure)) == (text, "")

    asyncio.run(run())
    assert hop.torn == 0
