"""Content made to be misread: a reader of our own, as plain as can be, says what each stream of octets holds; the session must agree.

The seeds are saved, so that what was drawn once is drawn again; a seed that found something stays in the list for good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from support.yes_driver import YesDriver, play
from waypost.smtp.terms import Role, Terms

SEEDS = (1, 5321, 20231218, 51764, 51765, 51766, 27305, 45185)
READY = b"EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
TAIL = b"RSET\r\nMAIL FROM:<last@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nlast\r\n.\r\nQUIT\r\n"
END = b"\r\n.\r\n"
SECOND = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"
PIECES = (
    b"\r",
    b"\n",
    b"\r\n",
    b".",
    b"..",
    b"\r\n.",
    b"\n.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b".\r\n",
    b"\r\r\n",
    b"\r\n\n.\r\n",
    b"\0",
    b"\x0b",
    b"\x0c",
    b"\x1a",
    b"\x85",
    "\u2028".encode(),
    b"\xff\n",
    b" ",
    b"x",
    b"x: y\r\n\r\n",
    b"MAIL FROM:<evil@example.org>\r\n",
    b"RCPT TO:<b@example.net>\r\n",
    b"DATA\r\n",
    b"BDAT 4 LAST\r\n",
    b"RSET\r\n",
    b"QUIT\r\n",
    SECOND,
)
BODIES = st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join)
STRAY = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")


@dataclass(frozen=True)
class Told:
    """What the plain reader says of a stream that follows DATA."""

    content: bytes
    stray: bool
    """It holds a bare CR, a bare LF or a NUL."""
    rest: bytes
    """What stands behind its true end."""


def told(stream: bytes) -> Told:
    """Only CRLF.CRLF ends content, and the first CRLF may be that of the command; a dot at the beginning of a line goes."""
    end = (b"\r\n" + stream).index(END)
    lines = stream[:end].split(b"\r\n")  # `end` is that of the CRLF before the dot, moved by the two octets put in front
    content = b"\r\n".join(line.removeprefix(b".") for line in lines)
    return Told(content, STRAY.search(stream[:end]) is not None, stream[end + 3 :])


def mended(octets: bytes) -> bytes:
    """Every line end as CRLF."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", octets)


def same(one: YesDriver, other: YesDriver) -> None:
    """The two heard the same and said the same."""
    assert (one.said, one.messages, one.session.over) == (other.said, other.messages, other.session.over)


def cuts_of(data: st.DataObject, octets: bytes) -> list[int]:
    return sorted(data.draw(st.sets(st.integers(1, len(octets)), max_size=8), label="cuts"))


@pytest.mark.parametrize("start", SEEDS)
def test_content_is_what_a_plain_reader_says(start: int) -> None:
    """One message, octet for octet, or one refusal that ends the session; never a second message; and no cut makes a difference."""

    @seed(start)
    @settings(max_examples=60, deadline=None, database=None)
    @given(BODIES, st.data())
    def judged(body: bytes, data: st.DataObject) -> None:
        stream = body + END + TAIL
        expected = told(stream)
        octets = READY + b"DATA\r\n" + stream
        driver = play(octets)
        if expected.stray:
            assert (driver.messages, driver.session.over) == ([], True)
            assert driver.codes[-1] == "554 5.6.0"
        else:
            assert driver.messages[0] == expected.content
            if expected.rest == TAIL:  # no true end stood within: then nothing of the content was ever obeyed
                assert driver.messages[1:] == [b"last\r\n"]
                assert driver.codes[4:] == ["250 2.0.0", "250 2.0.0", "250 2.1.0", "250 2.1.5", "354", "250 2.0.0", "221 2.0.0"]
        same(driver, play(octets, cuts=cuts_of(data, octets)))
        same(driver, play(octets, cuts=range(1, len(octets))))

    judged()


@pytest.mark.parametrize("start", SEEDS)
def test_mended_content_is_what_a_plain_reader_says(start: int) -> None:
    """Where line ends are mended the end of content is no other, and every line of what is kept ends with CRLF."""
    terms = Terms(hostname="mx.example.org", normalize=True)

    @seed(start)
    @settings(max_examples=40, deadline=None, database=None)
    @given(BODIES, st.data())
    def judged(body: bytes, data: st.DataObject) -> None:
        stream = body + END + TAIL
        expected = told(stream)
        octets = READY + b"DATA\r\n" + stream
        driver = play(octets, terms)
        if b"\0" in expected.content:
            assert (driver.messages, driver.session.over) == ([], True)
        else:
            assert driver.messages[0] == mended(expected.content)
        same(driver, play(octets, terms, cuts_of(data, octets)))
        same(driver, play(octets, terms, range(1, len(octets))))

    judged()


@pytest.mark.parametrize("start", SEEDS)
@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize("role", [Role.RELAY, Role.LMTP])
def test_chunks_are_counted_and_never_read(start: int, role: Role, *, mend: bool) -> None:
    """Whatever chunks hold, their octets are content: dots stay, nothing in them is obeyed, and a stray line end anywhere refuses all, or
    is mended where that is wanted, also between two chunks and at the end of the last.
    """
    terms = Terms(hostname="mx.example.org", role=role, normalize=mend)

    @seed(start)
    @settings(max_examples=30, deadline=None, database=None)
    @given(st.lists(BODIES, min_size=1, max_size=4), st.data())
    def judged(bodies: list[bytes], data: st.DataObject) -> None:
        octets = READY.replace(b"EHLO", b"LHLO") if role is Role.LMTP else READY
        for place, body in enumerate(bodies):
            octets += b"BDAT %d%s\r\n" % (len(body), b" LAST" if place == len(bodies) - 1 else b"") + body
        octets += b"NOOP\r\n"
        driver, content = play(octets, terms), b"".join(bodies)
        if (b"\0" in content) if mend else STRAY.search(content):
            assert (driver.messages, driver.session.over) == ([], True)
        else:
            assert (driver.messages, driver.codes[-1]) == ([mended(content) if mend else content], "250 2.0.0")
            assert len(driver.codes) == 3 + len(bodies) + 1
        same(driver, play(octets, terms, cuts_of(data, octets)))
        same(driver, play(octets, terms, range(1, len(octets))))

    judged()
