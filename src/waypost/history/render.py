"""A kept conversation as people read it: one entry per thing said, each reply explained. Pure data: knows no colour and no page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.observe.dialogue import Entry, Who, entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.history.transcript import Line, Transcript

__all__ = ["Entry", "Who", "render", "spoken"]


def render(transcript: Transcript, lang: str = "en") -> Sequence[Entry]:
    """The conversation, entry by entry; what the bound left out is named at the end. Raises LookupError for an unknown language."""
    said = [entry for line in transcript.lines for entry in spoken(line, lang)]
    if transcript.omitted:
        after = transcript.lines[-1].after if transcript.lines else 0.0
        said.append(Entry(after=after, who=Who.NOTE, lines=(f"{transcript.omitted} octets left out",)))
    return said


def spoken(line: Line, lang: str = "en") -> Iterator[Entry]:
    """What stands in one line of a transcript."""
    return entries(line.octets, from_client=line.from_client, key=line.key, after=line.after, lang=lang)
