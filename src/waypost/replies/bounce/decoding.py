"""Octets into text: transfer encodings, charsets, encoded words, and HTML as a reader would see it. Knows no report.

RFC 2045 section 6 (transfer encodings), RFC 2047 (encoded words); what is broken is read as far as it goes, nothing raises.
Reports are read for the words that they hold, so what no charset explains stays visible (U+FFFD), and is guessed at by those words; a
page shows mail to people and reads it otherwise (``web.inbox.charsets``). What both mean by a name stands in ``replies.lenient``.
"""

from __future__ import annotations

import html
import quopri
import re

from waypost.replies.lenient import codec, escaped, unbase64

MOST = 256 * 1024
"""Octets of a part that are read as text; reports stand at the beginning."""

_GUESSES = ("gb18030", "cp932", "euc_jp", "koi8-r", "cp1251", "cp949", "big5")
"""Tried in turn on 8-bit text that names no charset and is no UTF-8, until a text holds words that bounces hold."""

_WORD = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_BETWEEN = re.compile(r"(\?=)\s+(=\?)")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=]{16,}\s*\Z")

_SEEN = 128 * 1024
"""Characters of HTML that are read."""
_UNSEEN = re.compile(
    r"<(style|script|head|title)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<![^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
"""What a reader does not see; what is never closed hides all that follows, so that no text is searched twice."""
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?tr|/?td|/?li|/?h[1-6]|/?pre|/?table|hr|/?blockquote|/?ul|/?ol)\b[^<>]*>", re.IGNORECASE)
_MAILTO = re.compile(r"<a\b[^<>]{0,400}?href\s*=\s*[\"']?mailto:([^\"'?<>\s]{1,300})[^<>]{0,400}>([^<]{0,200})</a\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9:]*(?:\s[^<>]*)?/?>")
_BLANKS = re.compile(r"[ \t\xa0\u3000]+")


def untransferred(octets: bytes, encoding: str) -> bytes:
    """``octets`` without their transfer encoding; an encoding that is not known leaves them as they are."""
    match encoding.strip().strip('"').lower():
        case "quoted-printable":
            return quopri.decodestring(octets)
        case "base64" | "b":
            return _unbase64(octets)
        case _:
            return octets


def _unbase64(octets: bytes) -> bytes:
    """Base 64 as far as it goes; what is plainly no base 64 is given back: some label their text so."""
    first = octets.lstrip()[:200].split(b"\n", 1)[0]
    if not _BASE64_LINE.match(first) and (b" " in first.strip() or b"@" in first):
        return octets
    return unbase64(octets.split(b"\n\n--", 1)[0].partition(b"=\n\n")[0])


def as_text(octets: bytes, charset: str | None) -> str:
    """Text in ``charset``, or in what the octets themselves show; replacement characters for what is in none."""
    known = codec(charset)
    if octets.isascii() and b"\x1b" not in octets and not (known or "").startswith("utf-16"):
        return octets.decode("ascii")
    if known in (None, "utf-8", "utf-7"):  # octets of 8 bits are no UTF-7, whatever was declared
        return octets.decode(escaped(octets) or "utf-8", "replace")
    try:
        return octets.decode(known, "replace")
    except (ValueError, LookupError):
        return octets.decode("latin-1")


def guesses(octets: bytes) -> list[str]:
    """The texts that 8-bit octets of no named charset may be, the likeliest first; empty where they are ASCII or UTF-8."""
    if octets.isascii():
        return []
    try:
        octets.decode("utf-8")
    except ValueError:
        return [octets.decode(name, "replace") for name in _GUESSES]
    return []


def header_text(raw: bytes | None) -> str:
    """A header value with its encoded words decoded."""
    if raw is None:
        return ""
    text = as_text(raw, None)
    if "=?" not in text:
        return text
    return _WORD.sub(_decode_word, _BETWEEN.sub(r"\1\2", text))


def _decode_word(word: re.Match[str]) -> str:
    charset, encoding, packed = word.groups()
    octets = packed.encode("utf-8")
    plain = _unbase64(octets) if encoding in "bB" else quopri.decodestring(octets, header=True)
    return as_text(plain, charset).replace("\n", " ")


def html_text(source: str) -> str:
    """What a reader of ``source`` sees, a line for each block; links to addresses show the address."""
    source = source[:_SEEN]
    if not _TAG.search(source):
        return html.unescape(source)
    text = _UNSEEN.sub(" ", source)
    text = _MAILTO.sub(_with_address, text)
    text = _TAG.sub("", _BREAK.sub("\n", text.replace("\r", " ").replace("\n", " ")))
    return "\n".join(_BLANKS.sub(" ", line).strip() for line in html.unescape(text).split("\n"))


def _with_address(link: re.Match[str]) -> str:
    address, shown = link.groups()
    return shown if "@" in shown else f"{shown} <{address}>"
