"""Drives a ServerSession without a network and says yes to nearly everything; what it refuses is named by the address."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from waypost.replies import Key, say
from waypost.smtp import events as heard
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.replies import Reply
    from waypost.smtp.events import Event

QUEUED = say(Key.QUEUED, id="01ARZ3NDEKTSV4RRFFQ69G5FAV")
REFUSED = {
    "no": say(Key.MAILBOX_UNKNOWN, forward_path="no"),
    "later": say(Key.CHECK_FAILED),
    "busy": say(Key.SHUTDOWN, hostname="mx.example.org"),
}


class YesDriver:
    """One session and what came of it: ``said`` (octets), ``messages``, ``heard`` (events, pieces of content joined)."""

    def __init__(self, terms: Terms | None = None, *, secured: bool = False, greeting: Reply | None = None, shakes: bool = True) -> None:
        """``shakes``: a granted STARTTLS is followed by a handshake at once; else never."""
        terms = terms or Terms(hostname="mx.example.org")
        self.session = ServerSession(terms, secured=secured)
        self.said = self.session.greet(greeting or say(Key.GREETING, hostname=terms.hostname, software=terms.software))
        self.said = b""
        self.messages: list[bytes] = []
        self.heard: list[object] = []
        self.violated = False
        self.shakes = shakes
        self.no_content: Reply | None = None
        self._content = bytearray()

    def send(self, octets: bytes) -> bytes:
        """What the server says to ``octets``."""
        before = len(self.said)
        self.session.receive(octets)
        while (event := self.session.next_event()) is not None:
            self._judge(event)
        return self.said[before:]

    def send_cut(self, octets: bytes, cuts: Sequence[int]) -> bytes:
        """The same, in pieces."""
        before = len(self.said)
        for start, end in pairwise((0, *cuts, len(octets))):
            self.send(octets[start:end])
        return self.said[before:]

    def _judge(self, event: Event) -> None:
        if isinstance(event, heard.Content):
            self._content += event.octets
            return
        self.heard.append(event)
        match event:
            case heard.ChunkAnnounced():
                self._content.clear()
                if self.no_content is not None:
                    self.session.refuse_content(self.no_content)
            case heard.Violation(reply):
                self.violated = True
                self.said += b"" if reply is None else self.session.answer(reply)
            case _:
                self.said += self.session.answer(self._answer(event))
                if isinstance(event, heard.StartTls) and self.shakes:
                    self.session.secured("TLSv1.3")

    def _answer(self, event: Event) -> Reply:  # noqa: PLR0911 - one row per kind of event
        match event:
            case heard.Mail(reverse_path) if reverse_path is not None and reverse_path.local_part in REFUSED:
                return REFUSED[reverse_path.local_part]
            case heard.Rcpt(recipient) if recipient.mailbox.local_part in REFUSED:
                return REFUSED[recipient.mailbox.local_part]
            case heard.Data():
                self._content.clear()
                return event.suggested
            case heard.ContentEnded(size, fault, _):
                if fault is not None:
                    return fault
                assert len(self._content) == size
                self.messages.append(bytes(self._content))
                return QUEUED
            case heard.Credentials():
                return say(Key.AUTH_SUCCEEDED if event.password == "right" else Key.AUTH_FAILED)
            case _:
                assert not isinstance(event, heard.Content | heard.ChunkAnnounced | heard.Violation)
                return event.suggested

    @property
    def codes(self) -> list[str]:
        """Code and status of each reply said, continuation lines left out."""
        lines = self.said.decode("ascii").split("\r\n")[:-1]
        return [" ".join(line.split(" ")[: 2 if line[4:5].isdigit() and line[5:6] == "." else 1]) for line in lines if line[3:4] == " "]


def play(octets: bytes, terms: Terms | None = None, cuts: Sequence[int] = (), *, secured: bool = False) -> YesDriver:
    """A session that hears ``octets``, cut where told."""
    driver = YesDriver(terms, secured=secured)
    driver.send_cut(octets, cuts)
    return driver
