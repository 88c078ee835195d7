"""The pieces that reading a message is made of: the scanner, fields, addresses, mailboxes."""

# ruff: noqa: E501 - messages and tables stand as they are read

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.invented_bounces import KNOWN, STRANGE, fields
from waypost.replies.bounce import read_message
from waypost.replies.bounce.addresses import Place, mentions
from waypost.replies.bounce.decoding import as_text, header_text, html_text, untransferred
from waypost.replies.bounce.fields import address_of, host_of, read_fields
from waypost.replies.bounce.mime import DEPTH, PARTS, scan
from waypost.replies.bounce.verp import recipient_of

REPORT = KNOWN[0].octets()


@given(st.binary(max_size=400))
def test_any_octets_are_scanned(octets: bytes) -> None:
    """Whatever comes, the scanner gives a message with one part at least, of octets that came."""
    mail = scan(octets)

    assert mail.parts
    assert all(0 <= part.start <= part.end <= len(part.octets) for part in mail.parts)


@settings(deadline=None)
@given(st.data())
def test_any_cut_is_read(data: st.DataObject) -> None:
    """A report that is cut at any octet is read without a fault."""
    octets = data.draw(st.sampled_from(KNOWN + STRANGE)).octets()
    kind, found = read_message(octets[: data.draw(st.integers(0, len(octets)))])

    assert all(reading.permanence for reading in found)
    assert kind


@given(
    st.lists(st.sampled_from([b"--b", b"\n", b"--b--", b"Content-Type: multipart/mixed; boundary=b", b"x: y", b" ", b"text"]), max_size=40)
)
def test_line_ends_part_nothing_else(pieces: list[bytes]) -> None:
    """However delimiter lines stand, LF and CRLF give the same parts."""
    octets = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"\n".join(pieces)

    assert [part.body for part in scan(octets).parts] == [part.body for part in scan(octets.replace(b"\n", b"\r\n")).parts]


def test_depth_and_number_are_limited() -> None:
    """Multiparts in multiparts are opened so deep, and parts taken so many, and no more."""
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(DEPTH * 3))
    wide = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * PARTS * 3

    assert len(scan(deep).parts) == 1
    assert len(scan(wide).parts) == PARTS


def test_a_boundary_that_no_header_names() -> None:
    """Parts are found by their delimiter lines where the header lost the boundary."""
    octets = REPORT.replace(b'; boundary="cut"', b"")

    assert read_message(REPORT) == read_message(octets)


def test_a_header_without_a_blank_line() -> None:
    """A body that follows its header at once is a body."""
    mail = scan(b"From: a@example.org\nSubject: s\nThis is text, not a field\n")

    assert mail.parts[0].body == b"This is text, not a field\n"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822; kim@example.com", "kim@example.com"),
        ("RFC822;<kim@example.com>", "kim@example.com"),
        ("kim@example.com", "kim@example.com"),
        ("rfc822; Kim <kim@example.com>", "kim@example.com"),
        ("rfc822; kim@example.com (expanded)", "kim@example.com"),
        ("utf-8; \\x{43F}@example.com", "п@example.com"),
        ("rfc822; kim+40example.com", "kim@example.com"),
        ('rfc822; "kim of old"@example.com', '"kim of old"@example.com'),
        ("rfc822; @relay.example.net:kim@example.com", "kim@example.com"),
        ("system; <>", None),
        ("x400; /C=us/ADMD= /", None),
        ("", None),
    ],
)
def test_addresses_of_fields(value: str, address: str | None) -> None:
    """A recipient field gives its address, whatever its type and spelling (3464#2.3.2, 6533#3)."""
    assert address == address_of(value)


@pytest.mark.parametrize(
    ("final", "original", "recipient"),
    [
        ("kim@example.com", "kim@example.com", "kim@example.com"),
        ("kim@elsewhere.example", "ann@example.com", "kim@elsewhere.example"),
        ("kim7@store.example.com", "kim@example.com", "kim@example.com"),
        ("kim@daemon", "kim@example.com", "kim@example.com"),
        ("<>", "kim@example.com", "kim@example.com"),
    ],
)
def test_final_or_original(final: str, original: str, recipient: str) -> None:
    """The final recipient counts, unless the mail system only renamed the one that was written."""
    (outcome,) = read_fields(f"Original-Recipient: rfc822; {original}\nFinal-Recipient: rfc822; {final}\nAction: failed")

    assert recipient == outcome.recipient


def test_fields_may_be_folded_and_commented() -> None:
    """Folds are undone, comments left out, and the type of a diagnostic taken off."""
    (outcome,) = read_fields(
        "Final-Recipient: rfc822; kim@example.com\nAction: failed (gone)\nStatus: 5.1.1 (permanent)\nDiagnostic-Code: smtp; 550\n 5.1.1 no\nRemote-MTA: dns; mx.example.com (192.0.2.9)"
    )

    assert (outcome.action, outcome.status, outcome.diagnostic, outcome.host) == ("failed", "5.1.1", "550 5.1.1 no", "mx.example.com")


def test_groups_without_blank_lines() -> None:
    """A field that comes again begins the next recipient."""
    found = read_fields("Final-Recipient: rfc822; a@example.com\nAction: failed\nFinal-Recipient: rfc822; b@example.com\nAction: failed")

    assert [outcome.recipient for outcome in found] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("value", "host"), [("dns; mx.example.com", "mx.example.com"), ("[192.0.2.9]", "192.0.2.9"), ("", None), (";", None)]
)
def test_hosts_of_fields(value: str, host: str | None) -> None:
    """A host is read with and without its type."""
    assert host == host_of(value)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("  kim@example.com", Place.ALONE),
        ("<kim@example.com>:", Place.ALONE),
        ("Kim <mailto:kim@example.com>", Place.ALONE),
        ("* kim@example.com", Place.ALONE),
        ("kim@example.com: 550 no", Place.HEAD),
        ("<kim@example.com>... User unknown", Place.HEAD),
        ("Unknown user: kim@example.com", Place.TAIL),
        ("we could not reach kim@example.com today", Place.INSIDE),
        ("收件人kim@example.com不存在", Place.INSIDE),
    ],
)
def test_places_of_addresses(line: str, place: Place) -> None:
    """How an address stands on its line is told from what is around it."""
    (found,) = mentions(line)

    assert ("kim@example.com", place) == (found.address, found.place)


@given(st.text(max_size=200))
def test_any_line_has_its_mentions(line: str) -> None:
    """No line makes the search for addresses raise, and each that it finds stands in the line."""
    for found in mentions(line):
        assert "@" in found.address
        assert found.address.replace('"', "") in line.replace('"', "")


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "7bit", "x-uuencode", ""]), st.sampled_from([None, "utf-8", "gb2312", "iso-2022-jp", "nonsense", "utf-16", "hex"]))  # fmt: skip
def test_any_octets_become_text(octets: bytes, encoding: str, charset: str | None) -> None:
    """Every transfer encoding and charset, known or not, gives text."""
    assert isinstance(as_text(untransferred(octets, encoding), charset), str)


@given(st.text(max_size=300))
def test_any_markup_becomes_text(source: str) -> None:
    """HTML of any sort is read as text."""
    assert isinstance(html_text(source), str)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?B?6YCA5L+h?=", "退信"),
        (b"=?iso-8859-1?q?Non_remis_=3A?= =?iso-8859-1?q?_Test?=", "Non remis : Test"),
        (b"=?gb2312?B?zcvQxQ==?=", "退信"),
        (b"=?broken", "=?broken"),
        (None, ""),
    ],
)
def test_header_values(raw: bytes | None, text: str) -> None:
    """Encoded words are decoded, their gaps closed (2047#6.2)."""
    assert text == header_text(raw)


def test_links_show_their_address() -> None:
    """An address that only a link holds is seen."""
    assert "Kim <kim@example.com>" in html_text('<p>To <a href="mailto:kim@example.com">Kim</a></p>')


@pytest.mark.parametrize(
    ("path", "recipient"),
    [("bounces+kim=example.com@lists.example.net", "kim@example.com"), ("<return-7-kim=example.com@lists.example.net>", "7-kim@example.com"), ("kim@example.com", None)],
)  # fmt: skip
def test_variable_return_paths(path: str, recipient: str | None) -> None:
    """The recipient in a variable return path is found."""
    assert recipient == recipient_of(path)


def test_a_report_of_many() -> None:
    """A report of a hundred recipients names each once, in order."""
    wanted = [f"kim{number}@example.com" for number in range(100)]
    octets = fields(*(f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1" for address in wanted))

    assert wanted == [reading.recipient for reading in read_message(octets)[1]]


def test_an_indented_report() -> None:
    """Fields that stand indented, as where somebody copied them, are fields and no folds."""
    (outcome,) = read_fields("    Final-Recipient: rfc822; kim@example.com\n    Action: failed\n    Status: 5.1.1\n")

    assert (outcome.recipient, outcome.action, outcome.status) == ("kim@example.com", "failed", "5.1.1")


def test_the_end_of_retries_is_the_reason() -> None:
    """Where the status says that the mailer gave up, a passing reason has lasted too long (3463#3.5)."""
    octets = fields(
        "Final-Recipient: rfc822; kim@example.com\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; connect to mx.example.com: Connection refused"
    )

    _, (reading,) = read_message(octets)

    assert reading.category == "route.expired"
