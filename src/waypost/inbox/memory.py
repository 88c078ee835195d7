"""The inbox in memory: the fake of tests, and the model that the other body is tested against."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from waypost.inbox.search import described, matches
from waypost.inbox.settings import InboxSettings
from waypost.inbox.waiting import Waiting
from waypost.mail import trace
from waypost.mail.content import MemoryContent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.clock import Clock
    from waypost.inbox.inbox import Captured, Search
    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope

_DEFAULT = InboxSettings()
_DAY = 86_400


class MemoryInbox:
    """Keeps ``Inbox`` as long as the process lives."""

    def __init__(self, clock: Clock, settings: InboxSettings = _DEFAULT) -> None:
        self._clock = clock
        self._settings = settings
        self._kept: dict[str, tuple[Captured, bytes]] = {}
        self._waiting = Waiting()

    async def keep(self, envelope: Envelope, content: Content) -> None:
        """See ``Inbox.keep``."""
        octets = b"".join([piece async for piece in content.chunks()])
        before = self._kept.get(envelope.id)
        if before is None:
            captured = described(envelope, octets, len(octets), self._clock.wall())
        else:
            captured, octets = before
            new = tuple(each for each in envelope.recipients if each not in captured.envelope.recipients)
            captured = replace(captured, envelope=structs.replace(captured.envelope, recipients=captured.envelope.recipients + new))
        self._kept[envelope.id] = captured, octets
        self._forget()
        self._waiting.came(captured)

    async def list(self, wanted: Search) -> Sequence[Captured]:
        """See ``Inbox.list``."""
        found = [captured for captured, _ in reversed(self._kept.values()) if matches(captured, wanted)]
        return found[: wanted.limit]

    async def open(self, id_: str) -> tuple[Captured, Content] | None:
        """See ``Inbox.open``."""
        if id_ not in self._kept:
            return None
        captured, octets = self._kept[id_]
        return captured, MemoryContent(trace.return_path(captured.envelope.reverse_path) + octets)

    async def wait(self, wanted: Search, *, seconds: float) -> Captured | None:
        """See ``Inbox.wait``."""
        return await self._waiting.wait(wanted, seconds, lambda: self.list(wanted))

    async def delete(self, wanted: Search) -> int:
        """See ``Inbox.delete``."""
        found = await self.list(wanted)
        for captured in found:
            del self._kept[captured.id]
        return len(found)

    def _forget(self) -> None:
        most, days = self._settings.messages, self._settings.days
        since = self._clock.wall() - days * _DAY if days else float("-inf")
        old = [id_ for id_, (captured, _) in self._kept.items() if captured.captured < since]
        old += [id_ for id_ in self._kept if id_ not in old][: max(0, len(self._kept) - len(old) - most)] if most else []
        for id_ in old:
            del self._kept[id_]
