"""History in memory: the fake of tests, and the model that the other body is tested against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.history.settings import HistorySettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.clock import Clock
    from waypost.history.transcript import Transcript

_DEFAULT = HistorySettings()
_DAY = 86_400


class MemoryHistory:
    """Keeps ``History`` as long as the process lives."""

    def __init__(self, clock: Clock, settings: HistorySettings = _DEFAULT) -> None:
        self._clock = clock
        self._settings = settings
        self._kept: dict[str, Transcript] = {}
        self.dropped = 0

    def keep(self, transcript: Transcript) -> None:
        """See ``History.keep``."""
        if not self._settings.keep:
            return
        self._kept[transcript.session] = transcript
        since = self._clock.wall() - self._settings.days * _DAY if self._settings.days else float("-inf")
        for session in [session for session, kept in self._kept.items() if kept.began < since]:
            del self._kept[session]
        while self._settings.most and len(self._kept) > self._settings.most:
            del self._kept[next(iter(self._kept))]

    async def read(self, session: str) -> Transcript | None:
        """See ``History.read``."""
        return self._kept.get(session)

    async def recent(self, *, refused: bool, limit: int) -> Sequence[Transcript]:
        """See ``History.recent``."""
        return [each for each in reversed(self._kept.values()) if each.refused or not refused][:limit]

    async def about(self, message: str) -> Sequence[Transcript]:
        """See ``History.about``."""
        return [each for each in self._kept.values() if message in each.messages]
