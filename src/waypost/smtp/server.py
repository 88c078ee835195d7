"""The server's side of a session, sans-IO: octets in, events out, replies in, octets out. Knows no network, policy or spool.

    session = ServerSession(terms)
    send(session.greet(say(Key.GREETING, ...)))
    session.receive(octets)
    while (event := session.next_event()) is not None:
        ...judge...
        send(session.answer(reply))

The same octets, cut anywhere, give the same events and, given the same answers, the same replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.replies import Reply
    from waypost.smtp.events import Event
    from waypost.smtp.terms import Terms


class ServerSession:
    """One session, from the greeting to its end."""

    def __init__(self, terms: Terms, *, secured: bool = False) -> None:
        """``secured``: TLS is active already (implicit TLS)."""
        raise NotImplementedError

    def greet(self, reply: Reply) -> bytes:
        """Say the greeting: 220 opens the session, 554 leaves only QUIT (503 to all else), 421 closes."""
        raise NotImplementedError

    def receive(self, octets: bytes) -> None:
        """Take octets from the client."""
        raise NotImplementedError

    def next_event(self) -> Event | None:
        """The next thing heard, or None: more octets are needed, or the session is over."""
        raise NotImplementedError

    def answer(self, reply: Reply) -> bytes:
        """Answer the event last taken: moves the state by the reply's severity and gives the octets to send."""
        raise NotImplementedError

    def answer_each(self, replies: Sequence[Reply]) -> bytes:
        """LMTP: answer the end of content once per accepted recipient."""
        raise NotImplementedError

    def refuse_content(self, reply: Reply) -> None:
        """Content that is under way is read to its true end, or swallowed, and then answered ``reply``."""
        raise NotImplementedError

    def secured(self, tls: str) -> None:
        """The handshake after STARTTLS succeeded: forget everything but the greeting (3207#4.2)."""
        raise NotImplementedError

    @property
    def pending(self) -> bool:
        """Whether octets wait that no event has consumed: the driver judges synchronisation by it when it writes a reply."""
        raise NotImplementedError

    @property
    def awaiting_content(self) -> bool:
        """Whether the next octets are content (deadlines and rates differ)."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        """Whether the session ended: send what was answered, then close."""
        raise NotImplementedError
