"""The box into which a reply or a bounce is pasted: what is pasted is read, explained and forgotten. Writes nothing, logs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

from waypost.replies import explain
from waypost.replies.explaining import who_acts
from waypost.replies.library import words
from waypost.replies.records import lookup
from waypost.replies.vendors import vendors_of
from waypost.web.rate import Rate
from waypost.web.reference.names import page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from waypost.replies.explanation import Explained, Reading, Report
    from waypost.replies.records import Record, Who

_BURST, _SECONDS = 30, 60.0
"""Questions of one client, and the seconds in which they come back."""
_ALL = 300
"""Questions of all clients in the same time."""
_SHOWN = 50
"""Reports of one message that a page shows."""
_AT_ONCE = 2
"""Questions that are worked on at the same time; the others wait their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One report, with the pages that tell more."""

    report: Report
    pages: tuple[Record, ...]
    who: Sequence[Who]
    percent: int
    sure: bool
    because: str
    """Why it lasts or passes against what its first digit says; empty where it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the page shows."""

    explained: Explained
    reports: tuple[Told, ...]
    more: int
    """Reports that are not shown."""


class Box:
    """Explains, not too often."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._each = Rate(_BURST, _SECONDS, now)
        self._all = Rate(_ALL, _SECONDS, now)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def text(self, request: Request) -> str:
        """What was pasted: the field ``text`` of a form. Raises HTTPException."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise HTTPException(415, "send a form, application/x-www-form-urlencoded, with a field text")
        octets = await request.body()
        try:
            fields = parse_qsl(octets.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=8, errors="replace")
        except ValueError as error:
            raise HTTPException(400, "that is no form") from error
        return next((value for name, value in fields if name == "text"), "")

    async def explained(self, request: Request, given: str | bytes, lang: str) -> Explained:
        """The explanation alone. Raises HTTPException 429."""
        client = request.client.host if request.client else ""
        if not (self._each.take(client) and self._all.take("")):
            raise HTTPException(429, "too many questions at once: wait a minute", headers={"retry-after": "60"})
        async with self._turns:
            return await asyncio.to_thread(explain, _input(given), lang=lang)

    async def explain(self, request: Request, given: str, lang: str) -> Answer:
        """The explanation with the pages that tell more. Raises HTTPException 429."""
        explained = await self.explained(request, given, lang)
        shown = explained.reports[:_SHOWN]
        return Answer(explained=explained, reports=tuple(_told(one, lang) for one in shown), more=len(explained.reports) - len(shown))


def _input(given: str | bytes) -> str | bytes:
    """A message is octets, in whatever charset; anything else is text. What a form carries has CRLF at the end of each line."""
    if isinstance(given, bytes):
        return given
    return given.encode("utf-8", "surrogateescape") if "\n" in given.strip() else given


def _told(report: Report, lang: str) -> Told:
    reading = report.reading
    numbers = (reading.status, None if reading.code is None else str(reading.code))
    named = (reading.entry, reading.category, *numbers, *vendors_of(reading))
    pages = {page_of(record): record for name in named if name and name != "unknown" and (record := lookup(name, lang)) is not None}
    return Told(
        report=report,
        pages=tuple(pages.values()),
        who=who_acts(reading),
        percent=round(reading.confidence * 100),
        sure=reading.category != "unknown" or reading.confidence >= 1,
        because=_because(reading, lang),
    )


def _because(reading: Reading, lang: str) -> str:
    """Why the first digit does not decide how long it lasts, in words; empty where it does."""
    if not reading.because:
        return ""
    row = words(lang, "terms")["because"].get(reading.because)
    reason = lookup(reading.because, lang) if row is None else None
    return row["says"] if row is not None else reason.prose.title if reason is not None else reading.because
