"""The seam of a check: a named function of a subject that gives a verdict at its phase. Knows no pipeline.

    @check(Phase.RCPT)
    def no_abuse(subject: Subject) -> Verdict:
        ...

A check that must wait (for the DNS, a database) is an ``async def``; all others are plain functions, and cost no task and no turn
of the loop. A check that raises defers the mail (451): it never lets mail in, and what it raised never reaches a client.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from waypost.policy.phase import Phase
    from waypost.policy.subject import Subject
    from waypost.policy.verdict import Verdict

Judge: TypeAlias = "Callable[[Subject], Verdict | Awaitable[Verdict]]"


class Check(Protocol):
    """What the pipeline runs."""

    @property
    def name(self) -> str:
        """What logs call it."""

    @property
    def phase(self) -> Phase:
        """When it runs."""

    @property
    def waits(self) -> bool:
        """Whether ``judge`` gives an awaitable."""

    def judge(self, subject: Subject) -> Verdict | Awaitable[Verdict]:
        """The verdict on ``subject``."""


@dataclass(frozen=True, slots=True)
class FunctionCheck:
    """A check that is a function."""

    name: str
    phase: Phase
    function: Judge
    waits: bool

    def judge(self, subject: Subject) -> Verdict | Awaitable[Verdict]:
        """The function's verdict."""
        return self.function(subject)


def check(phase: Phase) -> Callable[[Judge], FunctionCheck]:
    """Make a check of a function, named as the function is."""

    def made(function: Judge) -> FunctionCheck:
        name = getattr(function, "__name__", type(function).__name__)
        return FunctionCheck(name, phase, function, iscoroutinefunction(function))

    return made
