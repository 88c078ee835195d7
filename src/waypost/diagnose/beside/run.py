"""Runs the check and the script against two servers at once, and holds what they showed against each other. Knows no output."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.clock import SYSTEM
from waypost.diagnose.beside.point import Difference, Side, difference
from waypost.diagnose.beside.survey import Survey
from waypost.diagnose.beside.traits import Seen, traits
from waypost.diagnose.check import PROBES, Step, check
from waypost.diagnose.dialling import dial as open_eyed
from waypost.diagnose.finding import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.clock import Clock
    from waypost.diagnose.check import Progress
    from waypost.diagnose.lookup import Lookup
    from waypost.diagnose.plan import Limits, Options, Target
    from waypost.diagnose.scene import Dial


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Two servers beside each other."""

    a: Seen
    b: Seen
    difference: Difference
    seconds: float

    def seen(self, side: Side) -> Seen:
        """One of the two."""
        return self.a if side is Side.A else self.b

    @property
    def unreached(self) -> tuple[Side, ...]:
        """Those where nothing that speaks SMTP answered."""
        return tuple(side for side in Side if not self.seen(side).diagnosis.reachable)

    @property
    def exit_code(self) -> int:
        """0 the same, 1 they differ, 2 one could not be reached."""
        if self.unreached:
            return 2
        return 1 if self.difference.differing else 0


def _unheard(progress: Progress) -> None:
    """For callers that only want the end."""


async def compare(
    targets: tuple[Target, Target],
    options: Options,
    *,
    lookup: Lookup,
    tell: Callable[[Progress], None] = _unheard,
    limits: Limits | None = None,
    dial: Dial = open_eyed,
    clock: Clock = SYSTEM,
) -> Beside:
    """Check both side by side; ends within ``limits.whole`` seconds, whichever of the two is slow."""
    began = clock.monotonic()

    async def see(target: Target) -> Seen:
        survey = Survey()
        probes = (*PROBES, Step(Stage.MAILBOX, survey.probe, (Stage.REACH,)))
        found = await check(target, options, tell=tell, limits=limits, lookup=lookup, dial=dial, clock=clock, probes=probes)
        return Seen(diagnosis=found, survey=survey)

    a, b = await asyncio.gather(see(targets[0]), see(targets[1]))
    return Beside(a=a, b=b, difference=difference(traits(a), traits(b)), seconds=clock.monotonic() - began)
