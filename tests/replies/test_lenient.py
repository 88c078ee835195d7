"""What mail declares of its octets, as it is meant: names of charsets, escapes, base 64."""

from __future__ import annotations

import encodings
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.replies.lenient import codec, escaped, unbase64


@pytest.mark.parametrize(
    ("charset", "decoder"),
    [
        ("utf-8", "utf-8"),
        (" UTF8 ", "utf-8"),
        ('"utf-8";', "utf-8"),
        ("us-ascii", "utf-8"),
        ("ANSI_X3.4-1968", "utf-8"),
        ("iso-8859-1", "cp1252"),
        ("ISO_8859-15", "iso8859-15"),
        ("ANSI_X3.110-1983", "cp1252"),
        ("windows-1251", "cp1251"),
        ("windows-874", "cp874"),
        ("koi8-u", "koi8-u"),
        ("GB2312", "gb18030"),
        ("x-gbk", "gb18030"),
        ("Shift_JIS", "cp932"),
        ("iso-2022-jp", "iso2022_jp_ext"),
        ("euc-kr", "cp949"),
        ("unicode-1-1-utf-7", "utf-7"),
        ("utf-8-sig", "utf-8-sig"),
        (None, None),
        ("", None),
        ("unknown-8bit", None),
        ("default_charset", None),
        ("\u00fctf-8", None),
        ("utf-8\0", "utf-8"),
        ("x" * 100_000, None),
    ],
)
def test_a_charset_is_what_its_name_is_used_for(charset: str | None, decoder: str | None) -> None:
    """Names are read in any case and with what stands around them; those that are used for more than they mean mean that."""
    assert decoder == codec(charset)


NO_CHARSETS = ("punycode", "idna", "unicode_escape", "raw-unicode-escape", "undefined", "hex", "zlib_codec", "mbcs", "rot13")


@pytest.mark.parametrize("charset", NO_CHARSETS)
def test_not_every_codec_is_a_charset(charset: str) -> None:
    """What the interpreter decodes and no mail is written in is no charset, nor is a decoder that this system has not."""
    assert codec(charset) is None


@given(st.text(max_size=30))
def test_any_name_is_a_decoder_or_none(charset: str) -> None:
    """Whatever is declared, nothing raises, and a decoder that comes of it can be used."""
    found = codec(charset)

    assert found is None or b"a".decode(found, "replace") is not None


def test_names_that_strangers_make_up_are_not_remembered() -> None:
    """A name that is no charset leaves nothing behind in the interpreter, which keeps each that it is asked for."""
    before = len(encodings._cache)
    for number in range(50):
        assert codec(f"made-up-{number}") is None

    assert before == len(encodings._cache)


def test_escapes_tell() -> None:
    """ISO-2022 is known by its escapes alone."""
    assert escaped(b"\x1b$B$3$s\x1b(B") == "iso2022_jp_ext"
    assert escaped(b"red \x1b[31m") is None


@given(st.binary(max_size=100), st.integers(1, 40))
def test_base64_is_undone_however_it_is_cut(octets: bytes, width: int) -> None:
    """Line ends, strange characters and a missing end change nothing."""
    packed = b64encode(octets)
    lines = b"\r\n".join(packed[at : at + width] for at in range(0, len(packed), width))

    assert octets == unbase64(packed) == unbase64(lines) == unbase64(packed.rstrip(b"=")) == unbase64(b"*" + packed + b"!")


@given(st.binary(max_size=100))
def test_base64_of_any_octets(octets: bytes) -> None:
    """What is no base 64 gives what it gives, never more than it could hold."""
    assert len(unbase64(octets)) <= len(octets) * 3 // 4
