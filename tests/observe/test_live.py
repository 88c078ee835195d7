from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observe.live_session import ONE, TWO, heard, said, two_sessions
from observe.some_events import every_event
from waypost.mail.outcome import Action, Heard
from waypost.observe.events import AttemptBegan, AttemptMade, Event, Spoken
from waypost.observe.layout import columns
from waypost.observe.live import Live
from waypost.replies import Key, say


def shown(*events: object, colour: bool = False, width: int = 100) -> str:
    out: list[bytes] = []
    live = Live(out.append, colour=colour, width=lambda: width)
    for event in events:
        live.tell(event)  # type: ignore[arg-type]  # they are events
    return b"".join(out).decode()


def test_a_refusal_is_explained_with_its_fix() -> None:
    """Below a refusal stand what it means and what to do."""
    text = shown(heard(ONE, b"RCPT TO:<x@y>\r\n"), said(ONE, say(Key.RELAY_DENIED, forward_path="<x@y>")))
    lines = text.splitlines()
    assert lines[1:3] == ["A7Q2 -> RCPT TO:<x@y>", "A7Q2 <- 550 5.7.1 Relaying to <x@y> is denied"]
    assert any(line.startswith("A7Q2    Fix: ") for line in lines)


def test_every_reply_is_explained() -> None:
    """No reply stands without a line that says what it means."""
    lines = shown(*two_sessions(), width=120).splitlines()
    replies = [number for number, line in enumerate(lines) if line[5:7] == "<-" and line[11:12] != "-"]
    assert len(replies) > 6
    assert [
        lines[number] for number in replies if not lines[number + 1].startswith((lines[number][:5] + "   ", lines[number][:5] + "<-"))
    ] == []


def test_what_was_accepted_says_how_to_look_at_it() -> None:
    """The queue id comes with the command that shows the message."""
    assert "Look at it: waypost inbox show 01HF7YAT00QX8V6PGK5RTC2Z0N" in shown(*two_sessions())


def test_sessions_are_told_apart() -> None:
    """Each line begins with its session; a blank line parts them; each has a colour of its own."""
    lines = shown(*two_sessions()).splitlines()
    names = [line[:4] for line in lines if line]
    assert set(names) == {ONE[-4:], TWO[-4:]}
    assert all(
        before == after or not before or not after
        for before, after in zip([line[:4] for line in lines], [line[:4] for line in lines][1:], strict=False)
    )
    coloured = shown(*two_sessions(), colour=True)
    assert {found[0] for found in re.findall(r"\x1b\[(\d+)m(A7Q2|ZK9M)", coloured)} == {"36", "35"}


@pytest.mark.parametrize("width", [1, 30, 44, 80, 120, 500])
def test_lines_fit_the_terminal(width: int) -> None:
    """From 30 to 120 columns no line of prose is wider than the terminal; identifiers alone may be."""
    room = min(max(width, 30), 120)
    lines = [line for line in shown(*two_sessions(), width=width).splitlines() if len(line) > room]
    assert [line for line in lines if len(line.split()) > 2] == []


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("\r\n\0\x1b\x9b\u202e\u2028aé<>"), max_size=30), st.booleans())
def test_nothing_that_was_said_reaches_the_terminal_as_a_command(word: str, from_client: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is said, by client or library, the screen shows it and obeys nothing."""
    spoken = Spoken(session=ONE, at=0.0, from_client=from_client, octets=word.encode())
    text = shown(spoken, *every_event(word))
    assert text.replace("\n", "").isprintable()


def test_an_event_of_no_interest_writes_nothing() -> None:
    """What the conversation has told already is not told again."""
    from waypost.observe.events import MessageFinished  # noqa: PLC0415 - used here alone

    assert shown(MessageFinished(id="x")) == ""


def test_colours_of_old_sessions_are_forgotten() -> None:
    """A server that runs for weeks does not remember every session."""
    live = Live(lambda _: None, colour=True, width=lambda: 80)
    for number in range(1005):
        live.tell(heard(f"S{number:04d}", b"NOOP\r\n"))
    assert len(live._colours) == 1000


OUT = "01HF7YAT00000000000000M3XT"


def outbound(*, reused: bool = False, action: Action = Action.RELAYED) -> list[Event]:
    """One message on its way to a stranger's server."""
    heard_last = Heard(code=250, status="2.0.0", lines=("Queued",), command="end of data")
    made = next(event for event in every_event() if isinstance(event, AttemptMade))
    outcome = replace(made.outcome, action=action, heard=heard_last)
    return [
        AttemptBegan(session=OUT, id=made.id, peer="mx.example.org[192.0.2.1]:25", domain="example.org", reused=reused),
        Spoken(session=OUT, at=1.0, from_client=False, octets=b"220 mx ESMTP\r\n"),
        Spoken(session=OUT, at=1.0, from_client=True, octets=b"EHLO us\r\n"),
        Spoken(session=OUT, at=1.0, from_client=False, octets=b"250-mx\r\n250-SIZE 1\r\n250 HELP\r\n"),
        Spoken(session=OUT, at=1.0, from_client=True, octets=b"RSET\r\n"),
        Spoken(session=OUT, at=1.0, from_client=False, octets=b"250 ok\r\n"),
        msgspec.structs.replace(made, session="", recipient="ada@example.org", outcome=outcome),
    ]


def test_a_conversation_of_ours_has_a_heading_and_an_end() -> None:
    """To whom, for which domain, which message; and what became of it, under the name of the conversation though it is not kept."""
    events = outbound()
    lines = shown(*events, width=120).splitlines()
    message = events[0].id  # type: ignore[union-attr]  # it is the heading
    assert lines[1] == f"M3XT    to mx.example.org[192.0.2.1]:25 for example.org: message {message}"
    assert lines[-1] == f"M3XT ** {message} relayed for <ada@example.org>: 250 2.0.0 Queued"
    assert "over the same connection" in shown(*outbound(reused=True), width=120)
    assert "M3XT !! " in shown(*outbound(action=Action.DEFERRED), width=120)


def test_what_strangers_say_to_everything_is_explained_once() -> None:
    """The second plain 250 of a conversation of ours stands alone; what EHLO offers stands on one line."""
    text = shown(*outbound(), width=120)
    assert text.count("The command was carried out.") == 1
    assert "M3XT <- 250 SIZE 1, HELP" in text


def test_an_attempt_without_a_conversation_is_told_of_when_it_fails() -> None:
    """As before there were headings: success is silent then, failure is not."""
    *_, made = outbound()
    *_, late = outbound(action=Action.DEFERRED)
    assert (shown(made), " !! " in shown(late)) == ("", True)


def test_in_chinese() -> None:
    """Heading, explanations and remedies in the language that was asked for; what was said stays as it was said."""
    out: list[bytes] = []
    live = Live(out.append, colour=False, width=lambda: 80, lang="zh")
    for event in (*two_sessions(), *outbound()):
        live.tell(event)
    text = b"".join(out).decode()
    assert ("发往 mx.example.org[192.0.2.1]:25" in text, "怎样做：" in text, "Fix:" in text, "Accepted" in text) == (
        True,
        True,
        False,
        False,
    )
    assert max(columns(line) for line in text.splitlines()) <= 80
