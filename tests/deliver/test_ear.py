"""Outbound conversations as they are kept."""

from __future__ import annotations

import pytest

from waypost.clock import Clock
from waypost.deliver.ear import Ear
from waypost.history.transcript import BOUND
from waypost.observe.events import AttemptBegan, Observers, Spoken


class Hands:
    """A clock that goes on by a second at each look."""

    def __init__(self) -> None:
        self.now = 100.0

    def look(self) -> float:
        self.now += 1.0
        return self.now


def ear(hands: Hands, observers: Observers | None = None) -> Ear:
    clock = Clock(wall=lambda: 1_700_000_000.0 + hands.now, monotonic=hands.look)
    return Ear(clock, observers or Observers(), hostname="here.example", message="M" * 26, peer="hop[192.0.2.1]:25")


def converse(listener: Ear, rounds: int) -> None:
    listener.heard(b"220 hop\r\n")
    listener.said(b"EHLO here.example\r\n")
    listener.heard(b"250 AUTH PLAIN\r\n")
    listener.secured("TLSv1.3 X")
    listener.said(b"AUTH PLAIN AGFkYQBzM2NyZXQ=\r\n")
    listener.heard(b"235 ok\r\n")
    for number in range(rounds):
        listener.said(b"RCPT TO:<%d@x.example>\r\n" % number)
        listener.heard(b"450 later\r\n")
    listener.content(42)


@pytest.mark.parametrize("rounds", [0, 28, 29, 100])
def test_kept_whole_and_redacted(rounds: int) -> None:
    """However long it is, the conversation is kept in order, each line with its time, the password redacted."""
    listener = ear(Hands())
    converse(listener, rounds)
    transcript = listener.transcript(refused="remote-deferred")
    said = [line.octets for line in transcript.lines]
    assert said[:6] == [
        b"220 hop\r\n",
        b"EHLO here.example\r\n",
        b"250 AUTH PLAIN\r\n",
        b"<TLS: TLSv1.3 X>\r\n",
        b"AUTH PLAIN <redacted>\r\n",
        b"235 ok\r\n",
    ]
    assert len(said) == 7 + 2 * rounds
    assert said[-1] == b"<content: 42 octets>\r\n"
    times = [line.after for line in transcript.lines]
    assert times == sorted(set(times))
    assert (transcript.refused, transcript.peer, transcript.outbound) == ("remote-deferred", "hop[192.0.2.1]:25", True)
    assert (transcript.helo, transcript.messages, transcript.tls) == ("here.example", ("M" * 26,), "TLSv1.3 X")


def test_bounded() -> None:
    """What is over the bound is counted and not held."""
    listener = ear(Hands())
    for _ in range(200):
        listener.heard(b"250-" + b"x" * 1018 + b"\r\n")
    transcript = listener.transcript(refused="")
    assert sum(len(line.octets) for line in transcript.lines) <= BOUND
    assert transcript.omitted + sum(len(line.octets) for line in transcript.lines) == 200 * 1024


def test_live() -> None:
    """Whoever follows live hears the heading and each line as it is said, the password redacted, under the id of the transcript."""
    events: list[AttemptBegan | Spoken] = []
    listener = ear(Hands(), Observers([events.append], live=True))
    converse(listener, 1)
    heading, *told = events
    assert (heading.id, heading.peer, heading.session) == ("M" * 26, "hop[192.0.2.1]:25", listener.session)
    assert [event.octets for event in told if event.octets.startswith(b"AUTH")] == [b"AUTH PLAIN <redacted>\r\n"]
    assert {event.session for event in told} == {listener.transcript(refused="").session}
