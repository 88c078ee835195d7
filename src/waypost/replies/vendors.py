"""Whose pages tell more of a reply: the provider that says it, and the lists that it names. Knows no rule and no prose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.replies.library import facts

if TYPE_CHECKING:
    from waypost.replies.explanation import Reading

_BARRACUDA = "barracudacentral"
"""The list of a vendor that is no list alone."""


def vendors_of(reading: Reading) -> tuple[str, ...]:
    """Names of vendors' records: lists that the text names first, then the one whose server or words it is; none for a bare code."""
    if not reading.text:
        return ()
    from waypost.replies.line.fold import fold  # noqa: PLC0415 - a code alone needs neither
    from waypost.replies.line.providers import speakers  # noqa: PLC0415 - likewise

    shelf = facts("registry")["vendor"]
    folded = fold(reading.text)
    named = [name for name, row in shelf.items() if row["kind"] == "list" and any(token.startswith(name) for token in folded.tokens)]
    if _BARRACUDA in folded.tokens:
        named.append("barracuda")
    spoken = [name for name in speakers(reading.host, folded) if name in shelf]
    return tuple(dict.fromkeys((*named, *spoken[:1])))
