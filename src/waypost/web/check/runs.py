"""Checks under way and checks made: one at a time for a client, so many at once and in an hour, none of the same thing twice in a row.

What was asked just now is answered from what was found, with its age. Knows no request and no page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from waypost.diagnose.check import check
from waypost.diagnose.dialling import Withheld
from waypost.diagnose.dialling import dial as open_eyed
from waypost.diagnose.lookup import DnsLookup
from waypost.diagnose.plan import Limits
from waypost.observe.escape import printable
from waypost.observe.events import ServerChanged
from waypost.web.check.discretion import FAULT, discreet
from waypost.web.check.gate import Gate, Names, Rules, is_own
from waypost.web.check.special import client_network, parsed
from waypost.web.check.wanted import TurnedAwayError, Wanted
from waypost.web.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from waypost.clock import Clock
    from waypost.diagnose.check import Progress
    from waypost.diagnose.lookup import Lookup
    from waypost.diagnose.scene import Dial
    from waypost.diagnose.verdict import Diagnosis
    from waypost.web.check.special import Address

HOUR = 3600.0
EVERYBODY = 10
"""All clients together may ask this many times as often as one."""
ADDRESS_CHECKS, ADDRESS_SECONDS = 20, 600.0
"""Checks that may reach one address, and the seconds in which they come back, whoever asks and whatever name leads there."""
KEPT, KEPT_SECONDS = 256, 3600.0
"""Results kept at hand, and for how long."""
_Asked: TypeAlias = tuple[bool, str, str, int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the operator wants it."""

    rules: Rules = field(default_factory=Rules)
    hourly: int = 20
    """Checks of one client in an hour."""
    at_once: int = 4
    """Checks of all clients at the same time."""
    again: int = 60
    """Seconds between two checks of one domain or host."""
    hostname: str = ""
    """What is said in EHLO; empty: our address, as a literal."""
    resolvers: tuple[str, ...] = ()
    """Who is asked for names; empty: those of the system."""
    behind_proxy: bool = False
    """Whether a proxy on this machine names its visitor."""


@dataclass(eq=False, slots=True, kw_only=True)
class Run:
    """One check, under way or over."""

    id: str
    wanted: Wanted
    client: str
    home: bool
    began: float
    """Monotonic seconds."""
    wall: float
    gate: Gate
    names: Names
    progress: list[Progress] = field(default_factory=list)
    diagnosis: Diagnosis | None = None
    broken: bool = False
    """Whether it ended without a diagnosis, by a fault of ours."""
    ended: float = 0.0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, whenever something happens."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.diagnosis is not None or self.broken

    @property
    def withheld(self) -> Withheld | None:
        """Why nothing was reached, where only this check's own rules kept it from trying: then nothing is known."""
        whys = [contact.withheld for contact in self.diagnosis.contacts] if self.diagnosis is not None else []
        return None if None in whys or Withheld.NOT_PUBLIC in whys else next(iter(whys), None)

    def happen(self) -> None:
        """Wake whoever waits."""
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()


class Checks:
    """Takes wishes, runs checks, remembers what they came to."""

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        tell: Callable[[ServerChanged], None],
        *,
        lookup: Callable[[], Lookup] | None = None,
        dial: Dial = open_eyed,
        own: Callable[[Address], bool] = is_own,
        limits: Limits | None = None,
    ) -> None:
        """``tell`` takes what the log shall know; the others stand in for the network."""
        self.plan = plan
        self._clock = clock
        self._tell = tell
        self._limits = limits or Limits()
        self._lookup = lookup or (lambda: DnsLookup(plan.resolvers, seconds=self._limits.dns))
        self._dial = dial
        self._own = own
        self._each = Rate(plan.hourly, HOUR, clock.monotonic)
        self._all = Rate(plan.hourly * EVERYBODY, HOUR, clock.monotonic)
        self._often = Rate(ADDRESS_CHECKS, ADDRESS_SECONDS, clock.monotonic)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._latest: dict[_Asked, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, id_: str) -> Run | None:
        """A check by its name, which cannot be guessed; None where it is not kept any more."""
        self._forget()
        return self._runs.get(id_)

    def age(self, run: Run) -> int:
        """Whole seconds since it began."""
        return max(0, int(self._clock.monotonic() - run.began))

    def waits(self, run: Run) -> int:
        """Seconds until the same is found out anew; before, whoever asks is given this."""
        return self._left(run)

    def ask(self, wish: Wanted, client: str, *, home: bool) -> Run:
        """The check that answers ``wish``: a new one, or one of the same that is under way or young. Raises TurnedAwayError.

        ``client`` is an IP address; ``home``: it is somebody at this machine.
        """
        self._forget()
        gate = self._gate(home=home)
        self._demand_reachable(wish, gate)
        asked = (home, wish.target.name, wish.target.mailbox, wish.target.port, wish.sender)
        known = self._latest.get(asked)
        if known is not None and not known.broken and (not known.over or self._is_young(known)):
            return known
        self._demand_room(wish, client_network(client), home=home)
        run = self._begin(wish, client, gate, home=home)
        self._latest[asked] = run
        return run

    def end(self) -> None:
        """Break off what is under way."""
        for task in self._tasks:
            task.cancel()

    # ---- may it be?

    def _gate(self, *, home: bool) -> Gate:
        given = self.plan.rules
        rules = Rules(inside=given.inside, never=given.never, ports=given.ports, home=home)
        return Gate(rules=rules, often=self._often, inner=self._dial, own=self._own)

    def _demand_reachable(self, wish: Wanted, gate: Gate) -> None:
        """An address that is asked for by itself is refused at once, before any question about it leaves this machine."""
        address = parsed(wish.target.name)
        why = gate.forbids(address) if address is not None else None
        if why is not None:
            raise TurnedAwayError(403, why.value.replace("-", "_"), address=wish.target.name)

    def _demand_room(self, wish: Wanted, client: str, *, home: bool) -> None:
        running = [run for run in self._runs.values() if not run.over]
        if any(client_network(run.client) == client for run in running):
            raise TurnedAwayError(429, "one_at_a_time", seconds=int(self._limits.whole) + 1)
        spaced = [run for run in self._runs.values() if run.wanted.target.name == wish.target.name and run.home == home]
        wait = max((self._left(run) for run in spaced), default=0)
        if wait:
            raise TurnedAwayError(429, "again", seconds=wait, name=wish.target.name)
        if len(running) >= self.plan.at_once:
            raise TurnedAwayError(503, "full", seconds=int(self._limits.whole) + 1)
        if not self._each.take(client):
            raise TurnedAwayError(429, "hourly", seconds=int(HOUR / self.plan.hourly) + 1, most=self.plan.hourly)
        if not self._all.take(""):
            raise TurnedAwayError(503, "everybody", seconds=int(HOUR / self.plan.hourly / EVERYBODY) + 1)

    def _is_young(self, run: Run) -> bool:
        return self._left(run) > 0

    def _left(self, run: Run) -> int:
        """Seconds until the same may be asked again."""
        return max(0, self.plan.again - self.age(run))

    # ---- doing it

    def _begin(self, wish: Wanted, client: str, gate: Gate, *, home: bool) -> Run:
        run = Run(
            id=secrets.token_urlsafe(16),
            wanted=wish,
            client=client,
            home=home,
            began=self._clock.monotonic(),
            wall=self._clock.wall(),
            gate=gate,
            names=Names(lookup=self._lookup(), gate=gate),
        )
        self._runs[run.id] = run
        self._note("check-asked", run, "")
        task = asyncio.get_running_loop().create_task(self._make(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    async def _make(self, run: Run) -> None:
        def tell(progress: Progress) -> None:
            run.progress.append(progress)
            run.happen()

        try:
            options = run.wanted.options(self.plan.hostname)
            diagnosis = await check(
                run.wanted.target,
                options,
                tell=tell,
                limits=self._limits,
                lookup=run.names,
                dial=run.gate.dial,
                echo=run.gate.echo,
                clock=self._clock,
            )
            self._note("check-made", run, f": {diagnosis.verdict.value}, {diagnosis.seconds:.1f} s")
            self._note_faults(run, diagnosis)
            run.diagnosis = discreet(diagnosis)
        except Exception as fault:  # noqa: BLE001 - a fault of ours, told in the log; whoever waits must hear that it is over
            self._note("check-broke", run, f": {type(fault).__name__}: {fault}", severity="error")
        finally:
            run.broken = run.diagnosis is None
            run.ended = self._clock.monotonic()
            run.happen()
            self._note_withheld(run)
            self._forget()

    def _note(self, what: str, run: Run, more: str, *, severity: str = "info") -> None:
        """A line for the log: who asked for what."""
        target = run.wanted.target
        place = target.text if target.port is None or target.text.endswith(f":{target.port}") else f"{target.text} port {target.port}"
        self._tell(ServerChanged(what=what, detail=printable(f"{place} for {run.client}{more}"), severity=severity))

    def _note_faults(self, run: Run, diagnosis: Diagnosis) -> None:
        """Faults of ours, with what the system said, which the page does not tell."""
        for finding in diagnosis.findings:
            if finding.key == FAULT:
                self._note("check-broke", run, f": {finding.about}: {' '.join(finding.evidence)}", severity="error")

    def _note_withheld(self, run: Run) -> None:
        """Tell the operator, and nobody else, which inner addresses somebody tried to reach."""
        for address, name in run.names.inner.items():
            self._note("check-withheld", run, f": {name} leads to {address}", severity="warning")
        for place, why in run.gate.refused.items():
            judged = parsed(place)
            if why is not Withheld.NOT_PUBLIC or judged is None or judged.is_loopback:  # of the others the name is told above
                self._note("check-withheld", run, f": {place} ({why.value})", severity="warning")

    def _forget(self) -> None:
        """Let go of what is old, or too much."""
        now = self._clock.monotonic()
        over = [run for run in self._runs.values() if run.over]
        old = [run for run in over if now - run.ended > KEPT_SECONDS]
        for run in dict.fromkeys([*old, *over[: max(0, len(over) - KEPT)]]):
            del self._runs[run.id]
        gone = [asked for asked, run in self._latest.items() if run.id not in self._runs]
        for asked in gone:
            del self._latest[asked]
