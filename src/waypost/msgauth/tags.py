"""Lists of ``tag=value`` pairs, as DKIM, DMARC, TLSRPT, MTA-STS and BIMI publish them. Knows no tag (RFC 6376 section 3.2)."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_\-.]*")


class TagError(ValueError):
    """A list that cannot be read; the text names the piece that is wrong."""


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs in order, blanks around names and values taken off. Raises TagError."""
    found: dict[str, str] = {}
    pieces = text.split(";")
    for number, piece in enumerate(pieces):
        if not piece.strip():
            if number < len(pieces) - 1:
                raise TagError("two semicolons follow one another")
            continue
        name, equals, value = piece.partition("=")
        name = name.strip()
        if not equals:
            raise TagError(f"{piece.strip()!r} is no pair of name and value")
        if not _NAME.fullmatch(name):
            raise TagError(f"{name!r} is no name of a tag")
        if name in found:
            raise TagError(f"{name}= stands twice")
        found[name] = value.strip()
    return tuple(found.items())
