"""How a driver drives the server's session: what it answers, when content is awaited, and that misuse is told."""

from __future__ import annotations

import pytest

from smtp.server_kit import READY, TERMS
from support.yes_driver import QUEUED, YesDriver
from waypost.replies import Key, say
from waypost.smtp import events
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import Role, Terms


def test_a_refused_data_leaves_the_transaction() -> None:
    """When the driver answers DATA with 451 the recipients stay, and DATA may come again."""
    session = YesDriver().session
    session.receive(READY + b"DATA\r\nDATA\r\n")
    for _ in range(3):
        event = session.next_event()
        assert event is not None
        session.answer(event.suggested)
    assert isinstance(session.next_event(), events.Data)
    session.answer(say(Key.SPOOL_UNAVAILABLE))
    assert not session.awaiting_content
    assert isinstance(session.next_event(), events.Data)


def test_refused_content_is_read_to_its_end() -> None:
    """A driver that cannot take content: it is swallowed, answered with its reply, and the session goes on, by BDAT as by DATA."""
    reply = say(Key.SPOOL_UNAVAILABLE)
    driver = YesDriver()
    driver.no_content = reply
    driver.send(READY + b"BDAT 3\r\nabcBDAT 2\r\nxyBDAT 2 LAST\r\n\r\nMAIL FROM:<a@b.c>\r\n")
    assert driver.codes[3:] == ["451 4.3.0", "503 5.5.1", "503 5.5.1", "250 2.1.0"]
    assert driver.messages == []
    session = YesDriver().session
    session.receive(READY + b"DATA\r\nhello")
    for _ in range(4):
        event = session.next_event()
        assert event is not None
        session.answer(event.suggested)
    session.refuse_content(reply)
    session.receive(b" there\r\n.\r\n")
    assert session.next_event() == events.ContentEnded(13, reply, eight_bit=False)


def test_pending_and_awaiting_content() -> None:
    """``pending`` tells of octets behind the event; ``awaiting_content`` of what comes next."""
    session = YesDriver().session
    session.receive(READY)
    for behind in (True, True, False):
        event = session.next_event()
        assert event is not None
        assert bool(session.unread) is behind
        assert bool(session.unread) is behind
        session.answer(event.suggested)
    session.receive(b"DATA\r\n")
    event = session.next_event()
    assert event is not None
    assert not session.awaiting_content
    session.answer(event.suggested)
    assert session.awaiting_content
    session.receive(b".\r\nBDAT 2\r\nx")
    assert isinstance(session.next_event(), events.ContentEnded)
    session.answer(QUEUED)
    assert session.next_event() is None
    assert session.awaiting_content


def test_lmtp_answers_each() -> None:
    """The one reply is said per accepted recipient; 421 ends the session."""
    session = ServerSession(Terms(hostname="h", role=Role.LMTP))
    session.greet(say(Key.GREETING_LMTP, hostname="h", software="W"))
    session.receive(READY.replace(b"EHLO", b"LHLO") + b"RCPT TO:<c@example.net>\r\nDATA\r\n.\r\n")
    for _ in range(5):
        event = session.next_event()
        assert event is not None
        session.answer(event.suggested)
    assert isinstance(session.next_event(), events.ContentEnded)
    busy = say(Key.SHUTDOWN, hostname="h")
    assert session.answer(busy) == 2 * busy.wire
    assert session.over


def test_misuse_is_told() -> None:
    """A driver that answers nothing, answers twice, or greets twice is told so."""
    session = ServerSession(TERMS)
    assert session.next_event() is None
    with pytest.raises(LocalProtocolError, match="nothing to answer"):
        session.answer(QUEUED)
    session.greet(say(Key.GREETING, hostname="h", software="W"))
    for misuse in (lambda: session.greet(QUEUED), lambda: session.refuse_content(QUEUED), lambda: session.secured("")):
        with pytest.raises(LocalProtocolError):
            misuse()
    session.receive(b"NOOP\r\nNOOP\r\n")
    assert session.next_event() is not None
    with pytest.raises(LocalProtocolError, match="not answered"):
        session.next_event()


def test_octets_before_the_greeting_wait() -> None:
    """What comes before the greeting waits, so that the driver can see it and judge."""
    session = ServerSession(TERMS)
    session.receive(b"NOOP\r\n")
    assert session.next_event() is None
    assert session.unread
    session.greet(say(Key.GREETING_BUSY, hostname="h"))
    assert session.over
