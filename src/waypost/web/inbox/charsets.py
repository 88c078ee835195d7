"""Octets into what people read: transfer encodings and charsets, with fallbacks for what is declared wrongly. Nothing raises.

RFC 2045 section 6 (transfer encodings), RFC 2046 section 4.1.2 (charsets). A page shows something legible wherever it can, and no more
than it asked for; reports are read for words, otherwise (``replies.bounce.decoding``). What both mean by a name: ``replies.lenient``.
"""

from __future__ import annotations

import codecs
import quopri

from waypost.replies.lenient import codec, escaped, unbase64


def untransferred(octets: bytes, encoding: str, most: int) -> bytes:
    """``octets`` without their transfer encoding, at most ``most`` of them; an encoding that is not known leaves them as they are."""
    match encoding:
        case "base64":
            return unbase64(octets[: most * 2 + 64])[:most]
        case "quoted-printable":
            return quopri.decodestring(octets[: most * 4])[:most]
        case _:
            return octets[:most]


def as_text(octets: bytes, charset: str | None) -> str:
    """Text in ``charset``; where that is unknown or plainly wrong, in what the octets themselves show."""
    declared = codec(charset)
    for decoder in (declared, _shown(octets), "utf-8"):
        if decoder is not None:
            try:
                return octets.decode(decoder)
            except (ValueError, LookupError):
                continue
    return octets.decode("cp1252" if declared in (None, "utf-8") else declared, "replace")


def _shown(octets: bytes) -> str | None:
    """What escapes or a byte order mark say."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if octets.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return escaped(octets)
