"""What mail declares of its octets, as it is meant: charsets by the names in use, ISO-2022 by its escapes, base 64 as far as it goes.

Whether octets that do not keep what was declared are mended, replaced or guessed at is for whoever reads them to say. Nothing raises.
RFC 2045 section 6.8 (base 64), RFC 2046 section 4.1.2 (charsets), RFC 1468 (ISO-2022-JP).
"""

from __future__ import annotations

import binascii
import codecs
import string
from encodings import normalize_encoding
from encodings.aliases import aliases

_MEANT = {
    "ansi_x3.110-1983": "cp1252",
    "ansi_x3.4-1968": "utf-8",
    "ascii": "utf-8",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "us-ascii": "utf-8",
    "windows-874": "cp874",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
}
"""Charsets whose names are used for more than they mean, or that no decoder knows."""
_UNLISTED = ("cp720", "cp737", "cp856", "cp874", "cp1006", "koi8_t", "koi8_u", "mac_arabic", "mac_croatian", "mac_farsi", "utf_8_sig")
"""Decoders that the standard library has and its table of names has not."""
_DECODERS = {**aliases, **{each: each for each in (*aliases.values(), *_UNLISTED)}}
"""Every name of a decoder. Others are never looked up: the interpreter would remember each name that a stranger makes up, and some of
its codecs are no charsets, and slow (punycode).
"""
_NO_BASE64 = bytes(set(range(256)) - set((string.ascii_letters + string.digits + "+/").encode()))


def codec(charset: str | None) -> str | None:
    """The decoder that a declared ``charset`` means; None where it is none that is known."""
    name = (charset or "").strip().strip("\"';").lower()
    plain = normalize_encoding(_MEANT.get(name, name)) if name.isascii() else ""
    decoder = _DECODERS.get(plain) or _DECODERS.get(plain.replace(".", "_"))
    if decoder is None:
        return None
    try:
        found = codecs.lookup(decoder)
    except LookupError:  # a decoder of another system
        return None
    return found.name if getattr(found, "_is_text_encoding", True) else None


def escaped(octets: bytes) -> str | None:
    """The decoder that escapes of ISO-2022 ask for, whatever was declared; None where there are none."""
    return "iso2022_jp_ext" if b"\x1b$" in octets or b"\x1b(" in octets else None


def unbase64(octets: bytes) -> bytes:
    """``octets`` without their base 64, as far as it goes: what does not belong to it is passed over, an end that is missing is added."""
    packed = octets.translate(None, _NO_BASE64)
    packed = packed[:-1] if len(packed) % 4 == 1 else packed
    return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4))
