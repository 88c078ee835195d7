r"""Strangers' text made harmless for a line: nothing in it ends a line, moves a cursor or hides. Knows no event.

What is not printable is written as Python writes it: ``\x1b``, ``\u202e``; a backslash stays, for nothing reads this back.
"""

from __future__ import annotations

LONGEST = 1024
"""Characters of one value; a log line stays below a pipe's atomic write as far as it can."""


def printable(text: str) -> str:
    """``text`` without control characters, direction marks or lone surrogates; other scripts stay as they are."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def ascii_only(text: str) -> str:
    """``text`` in printable ASCII alone."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if " " <= letter <= "~" else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode-escape").decode("ascii")
