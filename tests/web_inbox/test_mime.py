"""Messages taken apart: within limits, of any octets, never with an exception."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.mailroom import Room
from support.needs import require
from waypost.web.inbox.charsets import as_text, untransferred
from waypost.web.inbox.letter import Letter
from waypost.web.inbox.mime import DEPTH, PARTS, parse

SUITES = ("mikel-mail", "cpython-email", "mox-data")
PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b'Content-Type: multipart/alternative; boundary="b"\n',
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=utf-16\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''a%ff; filename*1=\"b\r\n",
        b"Content-ID: <a@b>\r\n",
        b"\r\n",
        b"\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"<b>x</b><img src=cid:a@b>",
        b"=?utf-8?b?////?=",
        b" folded",
        b"AAAA====AA\xff\x00",
    ]
)


def everything(octets: bytes) -> Letter:
    """All that any view makes of a message."""
    letter = Letter(octets)
    _ = letter.texts, letter.framed, letter.source, letter.fields, letter.parts, letter.html, letter.subject()
    return letter


def shape(octets: bytes) -> list[tuple[int, str, bytes]]:
    return [(part.depth, part.kind, octets[part.start : part.end]) for part in parse(octets).parts]


@given(st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=25).map(b"".join)))
def test_anything_can_be_shown(octets: bytes) -> None:
    """Whatever octets come, every view can be made of them, and each part lies within the message."""
    letter = everything(octets)

    assert all(0 <= part.start <= part.end <= len(octets) for part in letter.mail.parts)
    assert [part.number for part in letter.mail.parts] == list(range(len(letter.mail.parts)))


@pytest.mark.parametrize("suite", SUITES)
def test_every_message_of_the_suites_has_its_page(suite: str) -> None:
    """Each message that others collected because it is odd is shown in every view, with 200."""
    folder = os.environ.get("WAYPOST_SUITES")
    require(f"the suite {suite}", folder and Path(folder, suite).is_dir(), "set WAYPOST_SUITES to the folder of suites")
    room = Room()
    count = 0
    for path in sorted(Path(folder or "", suite).rglob("*")):
        if path.is_file() and not path.name.startswith(("LICENSE", "MIT-LICENSE", "SOURCE")):
            id_ = room.keep(path.read_bytes())
            count += 1
            for view in ("", "/text", "/headers", "/source", "/parts"):
                assert room.get(f"/inbox/{id_}{view}").status == 200, (path, view)
            assert room.get(f"/inbox/{id_}/frame").status in (200, 404), path

    assert count > 5


def test_parts_stand_where_their_delimiters_say() -> None:
    """Preamble and epilogue belong to no part, nor does the line end before a delimiter; an open part ends with the body."""
    octets = (
        b'Content-Type: multipart/mixed; boundary="o o"\r\n\r\npreamble\r\n--o o\r\n\r\none\r\n\r\n--o o  \r\n'
        b"Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\ntwo\r\n--i\r\n"
        b"Content-Type: text/html\r\n\r\nthree\r\n--o o--\r\nepilogue"
    )

    assert shape(octets)[1:] == [
        (1, "text/plain", b"one\r\n"),
        (1, "multipart/alternative", b"--i\r\n\r\ntwo\r\n--i\r\nContent-Type: text/html\r\n\r\nthree"),
        (2, "text/plain", b"two"),
        (2, "text/html", b"three"),
    ]


def test_an_enclosed_message_is_opened_and_so_is_one_in_it() -> None:
    """Messages within messages are taken apart, and known to be enclosed; their texts are not taken for the message's own."""
    inner = b"Subject: inner\r\nContent-Type: text/plain\r\n\r\ninner text\r\n"
    letter = Letter(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nown text\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"--b--\r\n"
    )

    assert [(part.kind, part.enclosed) for part in letter.mail.parts[1:]] == [
        ("text/plain", False),
        ("message/rfc822", False),
        ("text/plain", True),
    ]
    assert "".join(piece.text for text in letter.texts for piece in text.pieces) == "own text"
    assert "inner" in [one.subject for one in letter.parts]


def test_depth_and_number_are_bounded() -> None:
    """However deep or wide a message is nested, only so much of it is opened, and the page says that there is more."""
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"\r\nend"
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(500))
    false = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bx\r\n" * 100_000

    assert max(part.depth for part in parse(deep).parts) == DEPTH
    assert len(parse(wide).parts) == PARTS
    assert max(part.depth for part in parse(nested).parts) == DEPTH
    assert all(parse(each).cut for each in (deep, wide, nested, false))


def test_a_message_in_itself_ends() -> None:
    """A multipart whose parts claim its own boundary again is read once per level, and no more parts come of it than the limit."""
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 300

    assert len(parse(octets).parts) <= PARTS


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b'attachment; filename="a b.pdf"', "a b.pdf"),
        (b"attachment; filename=plain.txt", "plain.txt"),
        (b"attachment; filename*=utf-8''M%C3%A4rz.pdf", "M\u00e4rz.pdf"),
        (b"attachment; filename*0*=utf-8''M%C3; filename*1*=%A4rz; filename*2=.pdf", "M\u00e4rz.pdf"),
        (b'attachment; filename="=?utf-8?q?M=C3=A4rz.pdf?="', "M\u00e4rz.pdf"),
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b'attachment; filename="C:\\\\evil\\\\x.exe"', "x.exe"),
        (b'attachment; filename="a\\"b.txt"', 'a"b.txt'),
        (b'attachment; filename=".."', ""),
        ('attachment; filename="gnp\u202e.exe"'.encode(), "gnp .exe"),
    ],
)
def test_names_of_files_name_files(field: bytes, name: str) -> None:
    """A name is decoded however it is written, and never holds a folder or what turns text around."""
    assert name == parse(b"Content-Disposition: " + field + b"\r\n\r\n").parts[0].name


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"gr\xc3\xbcn", "utf-8", "gr\u00fcn"),
        (b"gr\xfcn", "iso-8859-1", "gr\u00fcn"),
        (b"gr\xc3\xbcn", None, "gr\u00fcn"),
        (b"gr\xfcn", None, "gr\u00fcn"),
        (b"gr\xfcn", "us-ascii", "gr\u00fcn"),
        (b"\xc4\xe3\xba\xc3", "gb2312", "\u4f60\u597d"),
        (b"\x1b$B$3$s\x1b(B", None, "\u3053\u3093"),
        (b"\xff\xfeh\x00i\x00", None, "hi"),
        (b"plain", "no-such-charset", "plain"),
        (b"gr\xc3\xbcn", "punycode", "gr\u00fcn"),
        (b"\x81\x8d", "utf-8", "\ufffd\ufffd"),
    ],
)
def test_text_is_read_whatever_its_charset_is_called(octets: bytes, charset: str | None, text: str) -> None:
    """A declared charset is believed where it fits; else what the octets show; nothing is lost but what no charset explains."""
    assert text == as_text(octets, charset)


@pytest.mark.parametrize(
    ("octets", "encoding", "decoded"),
    [
        (b"aGVsbG8=", "base64", b"hello"),
        (b"aGVs\r\nbG8", "base64", b"hello"),
        (b"aGV*sbG8=!", "base64", b"hello"),
        (b"a", "base64", b""),
        (b"h=65llo=\r\n!", "quoted-printable", b"hello!"),
        (b"as it is", "8bit", b"as it is"),
        (b"as it is", "x-unknown", b"as it is"),
    ],
)
def test_transfer_encodings(octets: bytes, encoding: str, decoded: bytes) -> None:
    """Encodings are undone as far as they go; an unknown one leaves the octets as they are, and never more than asked for comes."""
    assert decoded == untransferred(octets, encoding, 100)
    assert decoded[:3] == untransferred(octets, encoding, 3)
