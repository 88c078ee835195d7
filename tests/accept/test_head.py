from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.accept.head import Head
from waypost.accept.submission import completed


def fed(pieces: list[bytes]) -> tuple[bytes, bytes]:
    """The header section found, and everything that was given back."""
    head, given_back = Head(), b""
    for piece in pieces:
        if head.whole:
            given_back += piece
        else:
            given_back += head.feed(piece) or b""
    if not head.whole:
        given_back += head.finish()
    return head.octets, given_back


@pytest.mark.parametrize(
    ("content", "section"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody", b"A: 1\r\nB: 2\r\n"),
        (b"A: 1\r\n folded\r\n\tmore\r\n\r\n", b"A: 1\r\n folded\r\n\tmore\r\n"),
        (b"A : 1\r\n\r\n", b"A : 1\r\n"),
        (b"\r\nbody\r\n", b""),
        (b"", b""),
        (b"just text\r\nA: 1\r\n", b""),
        (b"A: 1\r\nno field\r\nB: 2\r\n\r\n", b"A: 1\r\n"),
        (b"A: 1\r\n", b"A: 1\r\n"),
        (b"A: 1\r\nB", b"A: 1\r\n"),
        (b" leading fold\r\nA: 1\r\n", b""),
        ("Sübject: 1\r\nA: 1\r\n".encode(), b""),
    ],
)
def test_section_ends_at_the_first_line_that_is_no_field(content: bytes, section: bytes) -> None:
    """Fields with their folds are the header section; a blank line or any other line ends it."""
    assert fed([content]) == (section, content)


_PARTS = st.sampled_from([b"A: 1", b"\r\n", b" ", b"\t", b"x", b":", b"\r\n\r\n", b"Received: y\r\n"])


@given(st.lists(_PARTS, max_size=12).map(b"".join))
def test_section_is_the_same_however_it_is_cut(content: bytes) -> None:
    """Cut at every octet, the same section is found, and not an octet is lost."""
    assert fed([content[place : place + 1] for place in range(len(content))]) == fed([content])


@given(st.lists(_PARTS, max_size=10).map(b"".join), st.integers(0, 60))
def test_section_is_the_same_cut_in_two(content: bytes, cut: int) -> None:
    """Likewise at any one place."""
    assert fed([content[:cut], content[cut:]]) == fed([content])


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (b"", [b"Date", b"Message-ID"]),
        (b"DATE: x\r\n", [b"Message-ID"]),
        (b"message-id : <x@y>\r\n", [b"Date"]),
        (b"X: a\r\n Date: b\r\n", [b"Date", b"Message-ID"]),
        (b"Date: x\r\nMessage-Id: y\r\n", []),
    ],
)
def test_submission_adds_what_is_missing(head: bytes, names: list[bytes]) -> None:
    """Date and Message-ID, each only where it is not there in any case."""
    added = completed(head, id="01ABC", hostname="mx.test", wall=0.0)
    assert [line.split(b":")[0] for line in added.split(b"\r\n") if line] == names
