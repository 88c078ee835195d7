"""Runs the checks of a phase in order; the first that does not accept decides. Knows no session and no reply text.

An error in a check defers with ``check-failed``: a fault of ours never lets mail in and never loses any. It is told once per check,
with the check's name, to the log and never to the client.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, cast

from waypost.observe.events import SILENT, ServerChanged
from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Accept, Defer, Reject
from waypost.replies.keys import Key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from waypost.observe.events import Observers
    from waypost.policy.check import Check
    from waypost.policy.checks.recipients import Recipients
    from waypost.policy.checks.relay import Relay
    from waypost.policy.subject import Subject
    from waypost.policy.verdict import Verdict

FAILED = Defer(Key.CHECK_FAILED)


class Pipeline:
    """The checks of one server. Relay control and the existence of recipients are no options: they come first, always."""

    __slots__ = ("_checks", "_observers", "_told", "_waits", "idle")

    def __init__(self, relay: Relay, recipients: Recipients, checks: Sequence[Check] = (), observers: Observers = SILENT) -> None:
        everything: tuple[Check, ...] = (relay, recipients, *checks)
        self._checks = {phase: tuple(one for one in everything if one.phase is phase) for phase in Phase}
        self._waits = frozenset(phase for phase, some in self._checks.items() if any(one.waits for one in some))
        self.idle = frozenset(phase for phase, some in self._checks.items() if not some)
        """Phases at which nothing is judged."""
        self._observers = observers
        self._told: set[str] = set()

    def waits(self, phase: Phase) -> bool:
        """Whether a check of ``phase`` must wait: then ask ``judge_waiting``, else ``judge``."""
        return phase in self._waits

    def judge(self, phase: Phase, subject: Subject) -> Verdict:
        """The verdict of ``phase``, none of whose checks waits."""
        for check in self._checks[phase]:
            try:
                verdict = check.judge(subject)
            except Exception as error:  # noqa: BLE001 - whatever a check raises defers, and is told
                return self._failed(check, error)
            if verdict is not ACCEPT and (sound := self._sound(check, verdict)) is not ACCEPT:
                return sound
        return ACCEPT

    async def judge_waiting(self, phase: Phase, subject: Subject) -> Verdict:
        """The same where a check waits."""
        for check in self._checks[phase]:
            try:
                verdict = check.judge(subject)
                if check.waits:
                    verdict = await cast("Awaitable[Verdict]", verdict)
            except Exception as error:  # noqa: BLE001 - likewise
                return self._failed(check, error)
            if verdict is not ACCEPT and (sound := self._sound(check, verdict)) is not ACCEPT:
                return sound
        return ACCEPT

    def _sound(self, check: Check, verdict: object) -> Verdict:
        """``verdict``, if it is one: a check that forgets its return statement accepts nothing."""
        match verdict:
            case Accept():
                return ACCEPT
            case Reject() | Defer():
                return verdict
            case _:
                if inspect.iscoroutine(verdict):
                    verdict.close()
                return self._failed(check, TypeError(f"gave {type(verdict).__name__}, which is no verdict"))

    def _failed(self, check: Check, error: Exception) -> Verdict:
        if check.name not in self._told:
            self._told.add(check.name)
            detail = f"{check.name}: {type(error).__name__}: {error}"
            self._observers.tell(ServerChanged(what="check-failed", detail=detail, severity="error"))
        return FAILED
