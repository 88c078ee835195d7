"""However octets are cut, the server's session hears the same, keeps the same content and needs no more memory."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from smtp.server_kit import READY, TERMS
from support.yes_driver import YesDriver, play
from waypost.smtp import events
from waypost.smtp.lines import SKIP
from waypost.smtp.terms import Role, Terms

PIECES = st.sampled_from(
    [
        b"EHLO c\r\n",
        b"HELO c\r\n",
        b"LHLO c\r\n",
        b"MAIL FROM:<a@example.org>\r\n",
        b"MAIL FROM:<> SIZE=9 BODY=8BITMIME\r\n",
        b"MAIL FROM:<later@example.org>\r\n",
        b"RCPT TO:<b@example.net>\r\n",
        b"RCPT TO:<no@example.net>\r\n",
        b"RCPT TO:<b>\r\n",
        b"DATA\r\n",
        b"text\r\n",
        b"..dot\r\n.\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r",
        b"\n",
        b"\0",
        b".",
        b"BDAT 5\r\nab\r\nc",
        b"BDAT 3 LAST\r\nx\r\n",
        b"BDAT 0 LAST\r\n",
        b"BDAT 61\r\n",
        b"x" * 61,
        b"BDAT 999999\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"HELP\r\n",
        b"VRFY x\r\n",
        b"AUTH PLAIN AHVzZXIAcmlnaHQ=\r\n",
        b"AUTH LOGIN\r\n",
        b"dXNlcg==\r\n",
        b"*\r\n",
        b"NOOP " + b"x" * 600,
        b"\xff\xfe\r\n",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n",
        b"XYZZY\r\n",
        b"QUIT\r\n",
    ]
)


CONVERSATIONS = st.lists(PIECES, max_size=14).map(b"".join)


def _same(whole: YesDriver, parts: YesDriver) -> None:
    assert whole.said == parts.said
    assert whole.heard == parts.heard
    assert whole.messages == parts.messages
    assert whole.session.over == parts.session.over


@settings(max_examples=200, deadline=None)
@given(CONVERSATIONS, st.data(), st.sampled_from([Role.RELAY, Role.LMTP]), st.booleans())
def test_cuts_make_no_difference(octets: bytes, data: st.DataObject, role: Role, mend: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """The same octets, cut anywhere or at every octet, give the same events, replies and messages."""
    terms = Terms(hostname="h", role=role, mechanisms=("PLAIN", "LOGIN"), auth_in_clear=True, message_size=60, swallow=100, normalize=mend)
    whole = play(octets, terms)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(octets))), max_size=6)))
    _same(whole, play(octets, terms, cuts))
    _same(whole, play(octets, terms, range(1, len(octets))))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.data())
def test_any_octets_cut_anywhere(octets: bytes, data: st.DataObject) -> None:
    """No octets break a session, and no cut changes what they mean, in data too."""
    octets = READY + data.draw(st.sampled_from([b"", b"DATA\r\n", b"BDAT 20\r\n", b"AUTH LOGIN\r\n"])) + octets
    whole = play(octets, TERMS)
    cut = data.draw(st.integers(len(READY), len(octets)))
    _same(whole, play(octets, TERMS, (cut,)))


LINES = st.lists(st.text(st.sampled_from(".a \u00e9"), max_size=8), max_size=12)


@settings(max_examples=150, deadline=None)
@given(LINES, st.data())
def test_data_round_trip(lines: list[str], data: st.DataObject) -> None:
    """Content stuffed by a client arrives as it was, with its size and whether it needs eight bits."""
    content = "".join(f"{line}\r\n" for line in lines).encode()
    stuffed = "".join(f".{line}\r\n" if line.startswith(".") else f"{line}\r\n" for line in lines).encode()
    octets = READY + b"DATA\r\n" + stuffed + b".\r\nNOOP\r\n"
    driver = play(octets, None, (data.draw(st.integers(len(READY), len(octets))),))
    assert driver.messages == [content]
    ended = next(event for event in driver.heard if isinstance(event, events.ContentEnded))
    assert (ended.size, ended.fault, ended.eight_bit) == (len(content), None, not content.isascii())
    assert driver.codes[-1] == "250 2.0.0"


@settings(max_examples=100, deadline=None)
@given(LINES, st.lists(st.integers(0, 40), max_size=5))
def test_chunks_round_trip(lines: list[str], sizes: list[int]) -> None:
    """Content in chunks of any size arrives as it was."""
    content = "".join(f"{line}\r\n" for line in lines).encode()
    octets, rest = READY, content
    for size in sizes:
        octets += b"BDAT %d\r\n" % len(rest[:size]) + rest[:size]
        rest = rest[size:]
    driver = play(octets + b"BDAT %d LAST\r\n" % len(rest) + rest, None)
    assert driver.messages == [content]


def test_mending() -> None:
    """With ``normalize`` each bare CR and bare LF becomes CRLF; dots are taken away where CRLF stood before them alone; NUL is refused."""
    terms = Terms(hostname="h", normalize=True)
    octets = READY + b"DATA\r\na\nb\rc\r\r\nd\n.e\r\n.f\r\n.\r\n"
    for cut in range(len(octets)):
        assert play(octets, terms, (cut,)).messages == [b"a\r\nb\r\nc\r\n\r\nd\r\n.e\r\nf\r\n"]
    assert play(READY + b"DATA\r\na\nb\0\r\n.\r\n", terms).codes[-1] == "554 5.6.0"


def test_an_endless_line_costs_no_memory() -> None:
    """A line of any length is answered once with 500, thrown away as it comes, and over the cap the session ends."""
    driver = YesDriver(TERMS)
    assert driver.send(b"NOOP " + b"x" * 4096).startswith(b"500 5.5.2")
    piece = b"x" * 65_536
    for _ in range(SKIP // len(piece) - 1):
        assert driver.send(piece) == b""
        assert not driver.session.unread
    assert not driver.session.over
    assert driver.send(piece).startswith(b"421 4.7.0")
    assert driver.session.over
    assert driver.send(b"\r\nNOOP\r\n") == b""


def test_a_line_at_the_cap_goes_on() -> None:
    """SKIP octets with the end of line among them are skipped; one more ends the session."""
    assert play(b"x" * (SKIP - 2) + b"\r\nNOOP\r\n").codes == ["500 5.5.2", "250 2.0.0"]
    assert play(b"x" * (SKIP - 1) + b"\r\nNOOP\r\n").codes == ["500 5.5.2", "421 4.7.0"]
