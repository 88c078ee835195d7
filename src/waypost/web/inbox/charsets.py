"""Octets into what people read: transfer encodings and charsets, with fallbacks for what is declared wrongly. Nothing raises.

RFC 2045 section 6 (transfer encodings), RFC 2046 section 4.1.2 (charsets).
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import string

_ALIASES = {
    "ansi_x3.4-1968": "utf-8",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "us-ascii": "utf-8",
    "utf8": "utf-8",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
}
"""Charsets whose names are used for more than they mean, or that no decoder knows."""
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "undefined"})
"""Codecs that are no charset of mail; some are slow."""
_OUTSIDE = bytes(set(range(256)) - set((string.ascii_letters + string.digits + "+/").encode()))


def untransferred(octets: bytes, encoding: str, most: int) -> bytes:
    """``octets`` without their transfer encoding, at most ``most`` of them; an encoding that is not known leaves them as they are."""
    match encoding:
        case "base64":
            return _unbase64(octets[: most * 2 + 64])[:most]
        case "quoted-printable":
            return quopri.decodestring(octets[: most * 4])[:most]
        case _:
            return octets[:most]


def _unbase64(octets: bytes) -> bytes:
    packed = octets.translate(None, _OUTSIDE)
    packed = packed[:-1] if len(packed) % 4 == 1 else packed
    return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4))


def as_text(octets: bytes, charset: str | None) -> str:
    """Text in ``charset``; where that is unknown or plainly wrong, in what the octets themselves show."""
    name = (charset or "").strip().strip("\"'").lower()
    for codec in (_codec(_ALIASES.get(name, name)), _shown(octets), "utf-8"):
        if codec is not None:
            try:
                return octets.decode(codec)
            except (ValueError, LookupError):
                continue
    declared = _codec(_ALIASES.get(name, name))
    return octets.decode("cp1252" if declared in (None, "utf-8") else declared, "replace")


def _codec(name: str) -> str | None:
    if not name or name in _NO_CHARSETS:
        return None
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return found.name if getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS else None


def _shown(octets: bytes) -> str | None:
    """What escapes or a byte order mark say."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if octets.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "iso2022_jp_ext" if b"\x1b$" in octets or b"\x1b(" in octets else None
