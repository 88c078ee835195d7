"""What operators do to messages: chosen a go at a time, kept from deliverers meanwhile, written in one transaction. Knows no SQL."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from waypost.spool import writing
from waypost.spool.search import moved
from waypost.spool.writing import Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from waypost.clock import Clock
    from waypost.spool.reading import Match
    from waypost.spool.rows import Extent
    from waypost.spool.shelf import Kept, Shelf
    from waypost.spool.spool import Altered, Change, Found, Notice, Telling
    from waypost.spool.states import State
    from waypost.store.sqlite import SqliteDatabase, Work


class Hand:
    """Does the changes of a shard; between what it reads of the leases and their being closed to others it never waits."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        *,
        show: Callable[[Match], Found],
        keep: Callable[[Sequence[Notice]], Awaitable[list[Kept]]],
        release: Callable[[Sequence[Extent]], None],
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._show = show
        self._keep = keep
        self._release = release

    def preview(self, matches: Sequence[Match], change: Change, altered: Altered) -> None:
        """Note in ``altered`` what ``alter`` would do."""
        altered.messages += [match.envelope.id for match, _ in self._choose(matches, change, altered)]

    async def alter(
        self, database: SqliteDatabase, matches: Sequence[Match], change: Change, altered: Altered, telling: Telling | None
    ) -> None:
        """Do ``change`` to ``matches`` and note it in ``altered``. They must have been read this moment. Raises StoreError."""
        chosen = self._choose(matches, change, altered)
        if not chosen:
            return
        reserved = self._shelf.reserve([match for match, _ in chosen])
        try:
            whole = [writing.Altering(match, targets, await self._told(match, targets, telling)) for match, targets in chosen]
            now = self._clock.wall()
            writes = database.write(
                lambda connection: writing.alter(connection, whole, change, now), after=partial(self._altered, whole, reserved), urgent=True
            )
        except BaseException:
            self._let_go([match for match, _ in chosen], reserved, {})
            raise
        changed = await writes
        altered.messages += [match.envelope.id for match, _ in chosen if match.number in changed]

    def _choose(self, matches: Sequence[Match], change: Change, altered: Altered) -> list[tuple[Match, list[Target]]]:
        chosen = []
        for match in matches:
            targets, is_busy = self._targets(match, change)
            if is_busy:
                altered.busy.append(match.envelope.id)
            if targets:
                chosen.append((match, targets))
        return chosen

    def _targets(self, match: Match, change: Change) -> tuple[list[Target], bool]:
        """The recipients of ``match`` that can be changed now, and whether some are being attempted."""
        targets: list[Target] = []
        is_busy = False
        for standing in match.meant:
            state: State | None = moved(change, standing.state)
            if self._shelf.leases.is_taken(match.number, standing.domain):
                is_busy = True
            elif state is not None:
                targets.append(Target(standing.position, standing.state, state))
        return targets, is_busy

    async def _told(self, match: Match, targets: Sequence[Target], telling: Telling | None) -> Sequence[Kept] | None:
        if telling is None:
            return None
        positions = {target.position for target in targets}
        notices = await telling(self._show(match), [standing for standing in match.meant if standing.position in positions])
        return await self._keep(notices)

    def _altered(self, chosen: Sequence[writing.Altering], reserved: Sequence[tuple[int, str]], work: Work[dict[int, bool]]) -> None:
        """In the loop, once it is durable or failed."""
        changed = (work.result or {}) if work.error is None else {}
        self._let_go([one.match for one in chosen], reserved, changed)
        for match, _, notices in chosen:
            if match.number in changed:
                for notice in notices or ():
                    self._shelf.arrive(notice)

    def _let_go(self, matches: Sequence[Match], reserved: Sequence[tuple[int, str]], changed: Mapping[int, bool]) -> None:
        """Deliverers may have them again, as they are now."""
        self._shelf.leases.free(reserved)
        for match in matches:
            self._shelf.altered(match, finished=changed.get(match.number))
            if changed.get(match.number):
                self._release(match.extents)
