"""Who guesses passwords: failed logins counted by the network they come from and by the account they name. Knows no password and no reply.

A network that failed too often is turned away until its failures are old. An account is never locked, or anybody could lock out its
owner: who tries it from elsewhere waits longer and longer, and from where it was opened before nobody waits at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.policy.checks.rate import network_of

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 600.0
"""Seconds for which a failure counts."""
SLOWEST = 32.0
"""Longest wait before an attempt on an account that is under attack, in seconds."""
_LONGEST = 320
"""Characters of an account's name that are looked at."""
_KEPT = 4096
"""Names that may be out of date before they are thrown away together, and logins that are remembered."""


class Guessing:
    """The failures of one process."""

    __slots__ = ("_accounts", "_known", "_most", "_networks", "_now")

    def __init__(self, *, network: int, account: int, now: Callable[[], float]) -> None:
        """``network`` failures turn a network away, ``account`` failures make attempts on an account slow; ``now``: monotonic seconds."""
        self._most = (network, account)
        self._now = now
        self._networks = _Failures()
        self._accounts = _Failures()
        self._known: dict[tuple[str, str], None] = {}

    def limit(self, *, network: int, account: int) -> None:
        """Change the limits; what was counted stays."""
        self._most = (network, account)

    def refuses(self, address: str, account: str) -> bool:
        """Whether nobody at ``address`` may try now, unless ``account`` was opened from there before."""
        return self._networks.count(network_of(address), self._now()) >= self._most[0] and not self._knows(address, _name(account))

    def delay(self, address: str, account: str) -> float:
        """Seconds that an attempt on ``account`` from ``address`` waits: 1 at the limit, doubled by each failure more, SLOWEST at most."""
        name = _name(account)
        beyond = self._accounts.count(name, self._now()) - self._most[1]
        if beyond < 0 or self._knows(address, name):
            return 0.0
        return min(2.0 ** min(beyond, 10), SLOWEST)

    def failed(self, address: str, account: str) -> None:
        """A login failed."""
        now = self._now()
        self._networks.add(network_of(address), now)
        self._accounts.add(_name(account), now)

    def succeeded(self, address: str, account: str) -> None:
        """A login succeeded: its network knows the account."""
        known, key = self._known, (network_of(address), _name(account))
        known.pop(key, None)
        known[key] = None  # the last of all: the first is forgotten first
        if len(known) > _KEPT:
            del known[next(iter(known))]

    def _knows(self, address: str, name: str) -> bool:
        return (network_of(address), name) in self._known


def _name(account: str) -> str:
    """By which two spellings of an account are the same; no longer than any account is."""
    return account[:_LONGEST].lower()


class _Failures:
    """How often each name failed lately: counted in windows that begin with a name's first failure."""

    __slots__ = ("_counts", "_swept")

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, int]] = {}
        self._swept = _KEPT

    def count(self, name: str, now: float) -> int:
        began, number = self._counts.get(name, (now, 0))
        return number if now - began < WINDOW else 0

    def add(self, name: str, now: float) -> None:
        number = self.count(name, now)
        self._counts[name] = (self._counts[name][0] if number else now, number + 1)
        if len(self._counts) > self._swept:
            self._counts = {name: row for name, row in self._counts.items() if now - row[0] < WINDOW}
            self._swept = max(2 * len(self._counts), _KEPT)
