"""The message shapes that must arrive octet for octet, and what may be laid on top of them on the way."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "e2e" / "messages"
SHAPES = ("dots", "dot-last", "long-lines", "eight-bit", "empty-body", "odd-headers", "no-final-newline", "large")
"""Every file in messages/, and ``large``, which is made."""

TRACE = frozenset({"received", "return-path", "x-original-to", "delivered-to"})
_FIELD = re.compile(rb"(?P<name>[!-9;-~]+)[ \t]*:(?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*")


def shape(name: str) -> bytes:
    """The octets of a shape."""
    if name == "large":
        head = b"From: <ada@example.org>\r\nTo: <grace@example.net>\r\nSubject: a megabyte\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
        head += b"Message-ID: <large@example.org>\r\n\r\n"
        line = bytes(33 + at % 94 for at in range(76)) + b"\r\n"
        return head + line * (1_048_576 // len(line))
    return (FOLDER / f"{name}.eml").read_bytes()


def ended(content: bytes) -> bytes:
    """As DATA carries it: the last line ends with CRLF (5321#4.1.1.4)."""
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def laid_on_top(original: bytes, arrived: bytes) -> list[str]:
    """Names of the fields on top of ``original`` in ``arrived``; AssertionError when the original is not there octet for octet."""
    wanted = ended(original)
    assert arrived.endswith(wanted), (
        f"the message changed on its way; it differs first at octet {_first_difference(wanted, arrived)}: "
        f"{arrived[:300]!r} ... {arrived[-200:]!r}"
    )
    top, names, at = arrived[: len(arrived) - len(wanted)], [], 0
    while at < len(top):
        field = _FIELD.match(top, at)
        assert field, f"not a header field on top: {top[at : at + 200]!r}"
        names.append(field["name"].decode().lower())
        at = field.end()
    return names


def assert_carried(original: bytes, arrived: bytes, *, also: frozenset[str] = frozenset()) -> None:
    """The message arrived octet for octet, trace fields apart."""
    names = laid_on_top(original, arrived)
    assert set(names) <= TRACE | also, names
    assert "received" in names, names


def _first_difference(wanted: bytes, arrived: bytes) -> int:
    tail = arrived[-len(wanted) :]
    return next((at for at, (one, other) in enumerate(zip(wanted, tail, strict=False)) if one != other), len(tail))
