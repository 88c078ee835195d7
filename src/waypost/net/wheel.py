"""One timer for all deadlines of a loop: a wheel of coarse slots. Knows nothing of what waits in it.

A timer per connection costs a heap entry per command; here a deadline is a number on the connection, and the wheel looks
at each connection only when the slot it stands in comes round. A deadline that moved later meanwhile is put back there and
then, so that moving it later (each command does) costs nothing. Deadlines fire up to a tick late, never early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

TICK = 0.125
"""Seconds from slot to slot."""
SCRATCH = 32_768
"""Octets that one read brings at most."""


class Timed(Protocol):
    """What can stand in a wheel. Both numbers are the wheel's to change."""

    due: float
    """The loop's seconds at which it expires; 0 for never."""
    slot: int
    """The slot it stands in; 0 for none."""

    def expire(self) -> None:
        """The deadline passed. Called once; never raises."""


class Wheel:
    """What the connections of one loop share: their deadlines, and the scratch that they read into."""

    __slots__ = ("_call_later", "_clock", "_handle", "_slots", "_turned", "scratch")

    def __init__(self, clock: Callable[[], float], call_later: Callable[[float, Callable[[], None]], object]) -> None:
        self._clock = clock
        self._call_later = call_later
        self._slots: dict[int, set[Timed]] = {}
        self._turned = 0
        self._handle: object = None
        self.scratch = memoryview(bytearray(SCRATCH))
        """Octets that a transport of the loop reads into, for the instant until they are taken."""

    def set(self, timed: Timed, seconds: float) -> None:
        """Let ``timed`` expire ``seconds`` from now, instead of when it would have."""
        due = self._clock() + seconds
        standing = timed.slot
        later = standing and 0.0 < timed.due <= due
        timed.due = due
        if later:
            return  # the usual case, without the division below
        slot = int(due / TICK) + 1
        if standing:
            if standing <= slot:
                return  # it is looked at before that, and put back then
            self._leave(timed)
        self._enter(timed, slot)

    def lift(self, timed: Timed) -> None:
        """``timed`` does not expire; it may go on standing in its slot until that comes round."""
        timed.due = 0.0

    def remove(self, timed: Timed) -> None:
        """Forget ``timed`` altogether."""
        timed.due = 0.0
        if timed.slot:
            self._leave(timed)

    def turn(self) -> None:
        """Look at every slot up to now: expire what is due, put back what moved."""
        now = int(self._clock() / TICK)
        for slot in range(self._turned + 1, now + 1) if now - self._turned < len(self._slots) else sorted(self._slots):
            if slot > now:
                break
            for timed in self._slots.pop(slot, ()):
                timed.slot = 0
                self._look(timed, now)
        self._turned = now

    def __len__(self) -> int:
        return sum(len(slot) for slot in self._slots.values())

    def _look(self, timed: Timed, now: int) -> None:
        if not timed.due:
            return
        slot = int(timed.due / TICK) + 1
        if slot > now:
            self._enter(timed, slot)
        else:
            timed.due = 0.0
            timed.expire()

    def _enter(self, timed: Timed, slot: int) -> None:
        timed.slot = slot
        standing = self._slots.get(slot)
        if standing is None:
            self._slots[slot] = {timed}
        else:
            standing.add(timed)
        if self._handle is None:
            self._turned = int(self._clock() / TICK)
            self._handle = self._call_later(TICK, self._tick)

    def _leave(self, timed: Timed) -> None:
        standing = self._slots[timed.slot]
        standing.discard(timed)
        if not standing:
            del self._slots[timed.slot]
        timed.slot = 0

    def _tick(self) -> None:
        self._handle = None
        self.turn()
        if self._slots and self._handle is None:
            self._handle = self._call_later(TICK, self._tick)


# Keyed by the loop and gone with it: a loop has no other place where its one wheel could be found by two rooms.
_WHEELS: WeakKeyDictionary[asyncio.AbstractEventLoop, Wheel] = WeakKeyDictionary()


def of(loop: asyncio.AbstractEventLoop) -> Wheel:
    """The one wheel of ``loop``."""
    wheel = _WHEELS.get(loop)
    if wheel is None:
        wheel = _WHEELS[loop] = Wheel(loop.time, loop.call_later)
    return wheel
