"""Runs the probes, each as soon as what it builds on is known, all within the time that a check may take. Knows no probe's inside."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from waypost.clock import SYSTEM
from waypost.diagnose.dialling import dial as open_eyed
from waypost.diagnose.echo import echo as ping
from waypost.diagnose.finding import Finding, Stage
from waypost.diagnose.lookup import DnsLookup
from waypost.diagnose.plan import Limits, Options
from waypost.diagnose.probes import dialogue, domain, greeting, mailbox, names, reach, tls
from waypost.diagnose.scene import Scene
from waypost.diagnose.verdict import Diagnosis, diagnosis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from waypost.clock import Clock
    from waypost.diagnose.lookup import Lookup
    from waypost.diagnose.plan import Target
    from waypost.diagnose.scene import Dial, Echo


class Probe(Protocol):
    """What finds something out."""

    def __call__(self, scene: Scene) -> AsyncIterator[Finding]:
        """Each finding as soon as it is known."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table: a probe, and the stages that must be over before it begins."""

    stage: Stage
    probe: Probe
    after: tuple[Stage, ...] = ()


PROBES: tuple[Step, ...] = (
    Step(Stage.NAMES, names.probe),
    Step(Stage.REACH, reach.probe, (Stage.NAMES,)),
    Step(Stage.GREETING, greeting.probe, (Stage.REACH,)),
    Step(Stage.DIALOGUE, dialogue.probe, (Stage.REACH,)),
    Step(Stage.TLS, tls.probe, (Stage.REACH,)),
    Step(Stage.DOMAIN, domain.probe, (Stage.NAMES,)),
    Step(Stage.MAILBOX, mailbox.probe, (Stage.REACH,)),
)
"""Every probe. One that needs the answers to EHLO stands behind DIALOGUE, one that needs names alone behind NAMES."""


_ASIDE = (Stage.TLS, Stage.DOMAIN)
"""Stages without which it is known all the same whether mail arrives."""


@dataclass(frozen=True, slots=True)
class Began:
    """A stage is under way."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, as it was made."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage is over."""

    stage: Stage
    seconds: float


Progress: TypeAlias = Began | Found | Ended


def _unheard(progress: Progress) -> None:
    """For callers that only want the end."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One check under way: its scene and what was found."""

    scene: Scene
    tell: Callable[[Progress], None]
    found: list[Finding] = field(default_factory=list)
    over: dict[Stage, asyncio.Event] = field(default_factory=dict)

    async def step(self, step: Step) -> None:
        for stage in step.after:
            if stage in self.over:
                await self.over[stage].wait()
        began = self.scene.clock.monotonic()
        self.tell(Began(step.stage))
        try:
            async for finding in step.probe(self.scene):
                self.add(finding)
        except Exception as fault:  # noqa: BLE001 - a fault of ours in one probe must not hide what the others found: it is told as one
            self.add(
                Finding(key="probe-broke", about=step.stage, evidence=(f"{type(fault).__name__}: {fault}",), facts={"stage": step.stage})
            )
        self.over[step.stage].set()
        self.tell(Ended(step.stage, self.scene.clock.monotonic() - began))

    def add(self, finding: Finding) -> None:
        self.found.append(finding)
        self.tell(Found(finding))


async def check(  # noqa: PLR0913 - each stands in for one thing outside, and has a default
    target: Target,
    options: Options | None = None,
    *,
    tell: Callable[[Progress], None] = _unheard,
    limits: Limits | None = None,
    lookup: Lookup | None = None,
    dial: Dial = open_eyed,
    echo: Echo = ping,
    clock: Clock = SYSTEM,
    probes: tuple[Step, ...] = PROBES,
) -> Diagnosis:
    """Check ``target`` and tell of the progress; ends within ``limits.whole`` seconds.

    Nothing leaves this machine but by ``lookup``, ``dial`` and ``echo``: who must keep a check within bounds gives others.
    """
    limits = limits or Limits()
    scene = Scene(
        target=target,
        options=options or Options(),
        limits=limits,
        lookup=lookup or DnsLookup(seconds=limits.dns),
        clock=clock,
        dial=dial,
        echo=echo,
    )
    run = _Run(scene=scene, tell=tell, over={step.stage: asyncio.Event() for step in probes})
    began = clock.monotonic()
    tasks = {asyncio.ensure_future(run.step(step)): step for step in probes}
    try:
        _, late = await asyncio.wait(tasks, timeout=limits.whole)
        for task in late:
            stage = tasks[task].stage
            key = "cut-short" if stage in _ASIDE else "cut-short-unknown"
            run.add(Finding(key=key, about=stage, facts={"stage": stage, "seconds": f"{limits.whole:g}"}))
    finally:
        await _end(list(tasks), scene)
    return diagnosis(scene, run.found, seconds=clock.monotonic() - began)


async def _end(tasks: list[asyncio.Future[None]], scene: Scene) -> None:
    """Leave nothing behind: no probe under way, no connection open."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for contact in scene.contacts:
        contact.close()
    await asyncio.sleep(0)  # a transport that was closed just now is gone after one turn of the loop
    await asyncio.sleep(0)
