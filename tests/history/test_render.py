from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from waypost.history.render import Entry, Who, render, spoken
from waypost.history.transcript import Line, Transcript
from waypost.replies import Key, say


def a_conversation(*lines: Line, omitted: int = 0) -> Transcript:
    return Transcript(
        session="S",
        began=0.0,
        outbound=False,
        peer="192.0.2.1:25",
        helo="",
        tls="",
        account="",
        messages=(),
        refused="",
        lines=lines,
        omitted=omitted,
    )


def test_pipelined_commands_and_replies_become_entries() -> None:
    """What went over the wire in one piece is told apart; lines of one reply stay together."""
    entries = render(
        a_conversation(
            Line(1.0, True, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"),
            Line(2.0, False, b"250-2.1.0 a\r\n250 2.1.0 b\r\n550 5.1.1 no\r\n"),
        )
    )
    assert [(entry.who, entry.lines, entry.code, entry.after) for entry in entries] == [
        (Who.CLIENT, ("MAIL FROM:<a@b>",), 0, 1.0),
        (Who.CLIENT, ("RCPT TO:<c@d>",), 0, 1.0),
        (Who.SERVER, ("250-2.1.0 a", "250 2.1.0 b"), 250, 2.0),
        (Who.SERVER, ("550 5.1.1 no",), 550, 2.0),
    ]


def test_a_reply_of_ours_is_explained_by_its_key() -> None:
    """The gloss of a keyed reply is the catalogue's own, in both languages."""
    reply = say(Key.RELAY_DENIED, forward_path="<x@y.example>")
    for lang in ("en", "zh"):
        (entry,) = spoken(Line(0.0, False, reply.wire, reply.key), lang)
        assert entry.gloss is not None
        assert all((entry.gloss.title, entry.gloss.meaning, entry.gloss.fix))


def test_marks_become_notes() -> None:
    """Content and TLS are notes; a redacted secret is the client's line."""
    lines = (b"<content: 5120 octets>\r\n", b"<TLS: TLSv1.3 X>\r\n", b"<redacted>\r\n")
    assert [(entry.who, entry.lines) for octets in lines for entry in spoken(Line(0.0, True, octets))] == [
        (Who.NOTE, ("content: 5120 octets",)),
        (Who.NOTE, ("TLS: TLSv1.3 X",)),
        (Who.CLIENT, ("<redacted>",)),
    ]


def test_what_was_left_out_is_said() -> None:
    """A transcript over its bound ends with a note."""
    (entry,) = render(a_conversation(omitted=12))
    assert entry == Entry(after=0.0, who=Who.NOTE, lines=("12 octets left out",))


@given(st.binary(max_size=200), st.booleans())
def test_no_octet_moves_a_cursor(octets: bytes, from_client: bool) -> None:  # noqa: FBT001 - hypothesis hands it over
    """Whatever was said is shown on one line and printable."""
    for entry in spoken(Line(0.0, from_client, octets)):
        assert all(text.isprintable() for text in entry.lines)
