"""The limits of the server's session at their edge and one past it: lines, sizes, chunks, recipients."""

from __future__ import annotations

import pytest

from smtp.server_kit import READY, TERMS
from support.yes_driver import play
from waypost.replies import Key
from waypost.smtp.extensions import AUTH_LINE, offer


@pytest.mark.parametrize("verb", ["MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "AUTH PLAIN ", "VRFY ", "NOOP "])
def test_length_of_command_lines(verb: str) -> None:
    """A command line is taken at its limit, CRLF included, and refused one octet over; extensions lengthen MAIL, RCPT and AUTH."""
    limit = offer(TERMS, secured=False).limits.get(verb[:4], TERMS.command_line)
    expected = {"MAIL": 512 + 26 + 10 + 500 + 14 + 116, "RCPT": 512 + 536, "AUTH": AUTH_LINE}
    assert limit == expected.get(verb[:4], 512)
    for octets, refused in ((limit, False), (limit + 1, True)):
        line = f"{verb}{'x' * (octets - len(verb) - 2)}\r\n".encode()
        assert len(line) == octets
        driver = play(b"EHLO c\r\n" + line, TERMS)
        too_long = Key.AUTH_LINE_TOO_LONG if verb.startswith("AUTH") else Key.LINE_TOO_LONG  # 4954#4
        assert (driver.heard[-1].suggested.key == too_long) is refused


@pytest.mark.parametrize(("octets", "code"), [(AUTH_LINE, "501 5.5.2"), (AUTH_LINE + 1, "500 5.5.6")])
def test_length_of_responses(octets: int, code: str) -> None:
    """A line of an AUTH exchange is taken at 12288 octets and refused one over (4954#4)."""
    driver = play(b"EHLO c\r\nAUTH LOGIN\r\n" + b"!" * (octets - 2) + b"\r\nNOOP\r\n", TERMS)
    assert driver.codes == ["250", "334", code, "250 2.0.0"]


@pytest.mark.parametrize(("size", "code"), [(60, "250 2.0.0"), (61, "552 5.3.4"), (160, "552 5.3.4"), (161, "421 4.3.0")])
def test_size_of_content(size: int, code: str) -> None:
    """Content is taken at its limit, refused one octet over, swallowed up to the cap, and over that the session ends."""
    content = b"x" * (size - 2) + b"\r\n"
    octets = READY + b"DATA\r\n" + content + b".\r\n"
    driver = play(octets, TERMS)
    assert driver.codes[-1] == code
    assert driver.session.over == code.startswith("421")
    assert driver.said == play(octets, TERMS, range(1, len(octets))).said


@pytest.mark.parametrize(("size", "codes"), [(60, ["250 2.0.0"]), (61, ["552 5.3.4"]), (160, ["552 5.3.4"]), (161, ["552 5.3.4"])])
def test_size_of_chunks(size: int, codes: list[str]) -> None:
    """A chunk too big is swallowed and refused; one that is more than can be swallowed ends the session before it comes."""
    driver = play(READY + b"BDAT %d LAST\r\n" % size, TERMS)
    assert driver.session.over == (size == 161)
    driver.send(b"x" * size)
    assert driver.codes[3:] == codes


def test_refused_chunks_are_swallowed_up_to_a_cap() -> None:
    """Chunks that come where none may are thrown away, but not for ever."""
    octets = b"BDAT 80\r\n" + b"x" * 80
    assert play(octets * 2, TERMS).codes == ["503 5.5.1", "503 5.5.1"]
    assert play(octets * 3, TERMS).codes == ["503 5.5.1", "503 5.5.1", "421 4.3.0"]


@pytest.mark.parametrize(("size", "code"), [(110, "552 5.3.4"), (111, "421 4.3.0")])
def test_chunks_that_add_up(size: int, code: str) -> None:
    """What is read of one message in all its chunks has the same bounds as one big chunk, whatever the cut."""
    octets = READY + b"BDAT 50\r\n" + b"x" * 50 + b"BDAT %d\r\n" % size + b"x" * size
    driver = play(octets, TERMS)
    assert driver.codes[3:] == ["250 2.0.0", code]
    assert driver.said == play(octets, TERMS, range(1, len(octets))).said


def test_declared_size_at_its_edge() -> None:
    """SIZE= is taken at the limit and refused one over with 552, the session open for another."""
    assert play(b"EHLO c\r\nMAIL FROM:<a@b.c> SIZE=61\r\nMAIL FROM:<a@b.c> SIZE=60\r\n", TERMS).codes == ["250", "552 5.3.4", "250 2.1.0"]


def test_recipients_at_their_edge() -> None:
    """As many recipients as the terms say are taken, refused ones not counted; one more is 452."""
    driver = play(READY + b"RCPT TO:<no@b.c>\r\n" + b"RCPT TO:<b@example.net>\r\n" * 3, TERMS)
    assert driver.codes[2:] == ["250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.1.5", "452 4.5.3"]
    assert not driver.heard[-1].syntax


def test_a_long_first_line_of_a_browser_ends_the_session_too() -> None:
    """A request of HTTP is known by its first word where its line is too long to be read."""
    driver = play(b"GET /" + b"x" * 600 + b" HTTP/1.1\r\nNOOP\r\n")
    assert driver.codes == ["554 5.5.0"]
    assert play(b"NOOP\r\nGET / HTTP/1.1\r\n").codes == ["250 2.0.0", "500 5.5.1"]
