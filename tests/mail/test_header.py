from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.mail import header

HEAD = (
    b"Received: from a.test by b.test; today\r\n"
    b"RECEIVED : from c.test\r\n\tby d.test; yesterday\r\n"
    b"Subject: one\r\n two\r\n\tthree\r\n"
    b"no field this\r\n"
    b"To:\r\n"
    b"X-Received: not one\r\n"
)


def test_fields_keep_every_octet() -> None:
    """The raw fields laid end to end are the header section."""
    assert b"".join(field.raw for field in header.fields(HEAD)) == HEAD


def test_fields_are_named_in_lower_case_without_blanks() -> None:
    """A field's name is what stands before the colon, lower case; a line without colon has none."""
    assert [field.name for field in header.fields(HEAD)] == [b"received", b"received", b"subject", b"", b"to", b"x-received"]


def test_fields_end_at_the_blank_line() -> None:
    """What follows the blank line is no header field."""
    assert [field.name for field in header.fields(b"A: 1\r\n\r\nB: 2\r\n")] == [b"a"]


def test_field_value_is_unfolded() -> None:
    """A value reads on one line, as it is meant."""
    assert [field.value for field in header.fields(HEAD)][2:5] == [b"one two\tthree", b"", b""]


@pytest.mark.parametrize(
    ("octets", "end"),
    [
        (b"", -1),
        (b"A: 1\r\n", -1),
        (b"A: 1\r\n\r", -1),
        (b"A: 1\r\n\r\n", 8),
        (b"A: 1\r\n\r\nbody\r\n\r\n", 8),
        (b"\r\nbody", 2),
        (b"\n\nbody", -1),
        (b"A: 1\n\nbody", -1),
    ],
)
def test_header_ends_at_the_first_blank_line(octets: bytes, end: int) -> None:
    """The end is behind CRLF CRLF, or behind a CRLF that comes first; bare LF ends nothing."""
    assert header.end_of_header(octets) == end


@given(st.binary(max_size=40).map(lambda octets: octets.replace(b"a", b"\r\n")))
def test_header_end_is_found_wherever_the_search_is_resumed(octets: bytes) -> None:
    """Searching piece by piece, three octets back each time, finds what one search finds."""
    found = -1
    for cut in range(len(octets) + 1):
        found = header.end_of_header(octets[:cut], max(cut - 4, 0))
        if found >= 0:
            break
    assert found == header.end_of_header(octets)


def test_count_sees_case_and_blanks_but_no_other_name() -> None:
    """Received is counted in any case, with blanks before the colon, and never inside another name."""
    assert header.count(HEAD, "received") == 2


def test_count_does_not_take_a_folded_line_for_a_field() -> None:
    """A continuation line that begins like a field is none."""
    assert header.count(b"Subject: a\r\n Received: b\r\n", "received") == 0


def test_first_gives_the_topmost_value() -> None:
    """The first of several, unfolded; None where there is none."""
    assert header.first(HEAD, "received") == b"from a.test by b.test; today"
    assert header.first(HEAD, "Subject") == b"one two\tthree"
    assert header.first(HEAD, "to") == b""
    assert header.first(HEAD, "from") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?gr=C3=BC=C3=9Fe?=", "grüße"),
        (b"=?utf-8?b?5L2g?= =?utf-8?b?5aW9?=", "你好"),
        (b"a =?iso-8859-1?q?=E9?= b", "a é b"),
        ("schön".encode(), "schön"),
        (b"=?nowhere?q?=E9?=", "é"),
        (b"=?GB2312?b?6UY=?=", "镕"),
        (b"=?iso-8859-1?q?=93a=94?=", "“a”"),
        (b"=?punycode?q?=E9-?=", "é-"),
        (b"=?utf-8?b?A?=", "=?utf-8?b?A?="),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"red\x1b[31m\r\nX: y", "red [31m  X: y"),
        ("a\u202eb".encode(), "a b"),
    ],
)
def test_decoded_is_what_people_read(value: bytes, text: str) -> None:
    """Encoded words are undone, and nothing that moves a cursor or turns a line is left."""
    assert header.decoded(value) == text


@given(st.binary(max_size=80) | st.text(alphabet="=?qQbButf-8 _\\u09A", max_size=60).map(str.encode))
def test_decoded_never_raises(value: bytes) -> None:
    """Whatever stands there, text comes out, on one line."""
    assert header.decoded(value).isprintable() or {"\u200c", "\u200d"} & set(header.decoded(value))
