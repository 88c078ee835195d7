"""Who speaks: the provider of a host, or the one whose signature a text bears. Knows no rule.

A provider is told by the end of its host's name, else by words that it alone puts in its replies.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from waypost.replies.library import facts
from waypost.replies.line.fold import plain, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.replies.line.fold import Folded


def speakers(host: str | None, folded: Folded) -> tuple[str, ...]:
    """The provider, and the one whom it is like, as Outlook.com is like Microsoft 365; empty where nothing tells."""
    known = (_of_host(host) if host else "") or _of_text(folded)
    if not known:
        return ()
    like = facts("idioms")["providers"][known].get("like")
    return (known, like) if like else (known,)


def _of_host(host: str) -> str:
    """The provider whose host this is, or an empty text."""
    name = host.rstrip(".").lower()
    ends = _ends()
    while name:
        if name in ends:
            return ends[name]
        name = name.partition(".")[2]
    return ""


def _of_text(folded: Folded) -> str:
    """The provider whose signature stands in the text, or an empty text."""
    signs = _signs()
    for word in folded.order:
        for sign, provider in signs.get(word, ()):
            if sign in folded.whole:
                return provider
    return ""


@cache
def _ends() -> Mapping[str, str]:
    return {end: provider for provider, row in facts("idioms")["providers"].items() for end in row.get("hosts", ())}


@cache
def _signs() -> Mapping[str, list[tuple[str, str]]]:
    """By one word of the signature: signature and provider."""
    found: dict[str, list[tuple[str, str]]] = {}
    for provider, row in facts("idioms")["providers"].items():
        for sign in row.get("signs", ()):
            words = tokens(plain(sign))
            found.setdefault(max(words, key=len), []).append((f" {' '.join(words)} ", provider))
    return found
