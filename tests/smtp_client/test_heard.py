"""Reading the replies of next hops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.smtp.errors import RemoteProtocolError
from waypost.smtp.heard import LINE, LINES, REPLY, ReplyReader

if TYPE_CHECKING:
    from waypost.mail.outcome import Heard


def read(*pieces: bytes) -> list[Heard | str]:
    """Every reply in ``pieces``, and ``garbled`` where reading ended so."""
    reader, found = ReplyReader(), []
    try:
        for piece in pieces:
            reader.receive(piece)
            while (heard := reader.next_reply("MAIL")) is not None:
                found.append(heard)
    except RemoteProtocolError:
        found.append("garbled")
    return found


def one(octets: bytes) -> Heard:
    found = read(octets)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("octets", "code", "status", "lines"),
    [
        (b"250 2.1.0 ok\r\n", 250, "2.1.0", ("ok",)),
        (b"250 ok\r\n", 250, None, ("ok",)),
        (b"250\r\n", 250, None, ("",)),
        (b"250 \r\n", 250, None, ("",)),
        (b"250 ok\n", 250, None, ("ok",)),
        (b"550 5.7.2\r\n", 550, "5.7.2", ("",)),
        (b"550 5.7.2 \r\n", 550, "5.7.2", ("",)),
        (b"550 4.7.2 mixed\r\n", 550, None, ("4.7.2 mixed",)),
        (b"450 5.7.2 mixed\r\n", 450, None, ("5.7.2 mixed",)),
        (b"354 3.0.0 go\r\n", 354, None, ("3.0.0 go",)),
        (b"550 5.7.2x no status\r\n", 550, None, ("5.7.2x no status",)),
        (b"550 5.7.1234 no status\r\n", 550, None, ("5.7.1234 no status",)),
        (b"250-2.0.0 one\r\n250 2.0.0 two\r\n", 250, "2.0.0", ("one", "two")),
        (b"250-one\r\n550 5.1.1 two\r\n", 550, "5.1.1", ("one", "two")),
        (b"599 unheard of\r\n", 599, None, ("unheard of",)),
        (b"250 \x1b[2J\x00\x85\r\n", 250, None, ("?[2J?\ufffd",)),
        ("250 grüß dich\r\n".encode(), 250, None, ("grüß dich",)),
        ("250 turn\u202eed\r\n".encode(), 250, None, ("turn?ed",)),
    ],
)
def test_what_a_reply_says(octets: bytes, code: int, status: str | None, lines: tuple[str, ...]) -> None:
    """Code, status and text come apart; a status of another class stays text; what could harm a terminal is masked."""
    heard = one(octets)
    assert (code, status, lines) == (heard.code, heard.status, heard.lines)


@pytest.mark.parametrize(
    "octets", [b"199 no\r\n", b"600 no\r\n", b"25 no\r\n", b"250ok\r\n", b"\r\n", b" 250 ok\r\n", b"hello\r\n", b"2\xb20 ok\r\n"]
)
def test_what_is_no_reply(octets: bytes) -> None:
    """A line that does not begin with a code of 2xx to 5xx is garbled, not guessed at."""
    assert read(octets) == ["garbled"]


def test_pipelined_replies_are_told_apart() -> None:
    """Several replies in one read are several replies."""
    assert [heard.code for heard in read(b"250 a\r\n550-b\r\n550 c\r\n354 d\r\n")] == [250, 550, 354]


def test_a_long_line_is_cut_at_its_limit() -> None:
    """2048 octets of a line are kept whole; the 2049th is dropped and the reply still counts."""
    assert len(one(b"250 " + b"x" * (LINE - 4) + b"\r\n").lines[0]) == LINE - 4
    assert len(one(b"250 " + b"x" * (LINE - 3) + b"\r\n").lines[0]) == LINE - 4


def test_the_most_lines() -> None:
    """100 lines are a reply, one more is none."""
    assert len(one(b"250-x\r\n" * (LINES - 1) + b"250 x\r\n").lines) == LINES
    assert read(b"250-x\r\n" * LINES + b"250 x\r\n") == ["garbled"]


def test_the_longest_reply() -> None:
    """64 KiB in all are read, also in one line; one octet more ends the session, with or without a line end."""
    whole = b"250 " + b"x" * (REPLY - 6) + b"\r\n"
    assert one(whole).code == 250
    assert read(b"250 x" + whole[4:]) == ["garbled"]
    assert read(b"250 " + b"x" * REPLY) == ["garbled"]


def test_pending_sees_every_unused_octet() -> None:
    """Octets behind a reply are seen, be they whole lines or not."""
    reader = ReplyReader()
    reader.receive(b"220 go\r\n2")
    assert reader.next_reply("STARTTLS") is not None
    assert reader.pending == 1
    reader.receive(b"50-more\r\n")
    assert reader.next_reply("") is None
    assert reader.pending == 10


LINES_OF_REPLIES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"250 ok\r\n", b"250-more\r\n", b"550 5.1.1 no\r\n", b"421\n", b"250-2.0.0 x\r\n", b"\r\n", b"999 x\r\n", b"250 \r\r\n"]
        ),
        st.binary(max_size=30),
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(LINES_OF_REPLIES, st.lists(st.integers(0, 200), max_size=6))
def test_cuts_change_nothing(octets: bytes, cuts: list[int]) -> None:
    """The same octets, cut anywhere, are the same replies."""
    places = sorted({cut for cut in cuts if cut < len(octets)})
    pieces = [octets[start:end] for start, end in zip([0, *places], [*places, len(octets)], strict=True)]
    assert read(octets) == read(*pieces)
    assert read(octets) == read(*(octets[place : place + 1] for place in range(len(octets))))
