"""The table of what is looked at when one's own server is checked from inside. Knows no probe's inside."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from waypost.diagnose.check import Step
from waypost.diagnose.finding import Stage
from waypost.diagnose.own import doors, files, here, hops, keep, published, relaying
from waypost.diagnose.own.view import View
from waypost.diagnose.plan import Given, Target
from waypost.diagnose.shown import found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Own
    from waypost.diagnose.scene import Scene


def steps(own: Own) -> tuple[Step, ...]:
    """Probes for ``diagnose.check.check``, over the facts of ``own``."""
    view = View(own=own)
    return (
        Step(Stage.OWN, partial(_facts, view)),
        Step(Stage.NAMES, partial(published.probe_name, view)),
        Step(Stage.REACH, partial(doors.probe, view)),
        Step(Stage.DIALOGUE, partial(hops.probe, view)),
        Step(Stage.TLS, partial(files.probe, view), (Stage.REACH,)),
        Step(Stage.DOMAIN, partial(published.probe_domains, view), (Stage.NAMES, Stage.TLS)),
        Step(Stage.MAILBOX, partial(relaying.probe, view), (Stage.REACH,)),
    )


def target(own: Own) -> Target:
    """What the answer is about."""
    return Target(text=own.hostname, given=Given.NAME, name=own.hostname)


async def _facts(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """What was told, judged; and what cannot be seen from here."""
    own = view.own
    for finding in (*here.judge(own), *keep.judge(own, now=scene.clock.wall())):
        yield finding
    if not own.dev:
        yield found("own-seen-from-inside", own.hostname, hostname=own.hostname)
