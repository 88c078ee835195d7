"""Checking names and passwords for AUTH, off the loop and bounded. Knows no session and no mechanism (RFC 4954).

An unknown name costs the same argon2id as a known one, with a hash made at start, and is answered the same. At most ``auth.parallel``
checks run (64 MiB each) and ``auth.queue`` wait; one more is Busy. A password that was right is remembered for ``auth.remember``
seconds under an HMAC with a key that this process alone holds; the stored hash is part of it, so a changed password is forgotten.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from waypost.directory.accounts import FILE, Account, AccountError, folded, read_accounts
from waypost.directory.passwords import PasswordError, hash_password, matches, prepare
from waypost.observe.events import SILENT, ServerChanged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from waypost.clock import Clock
    from waypost.directory.settings import AuthSettings
    from waypost.observe.events import Observers

REMEMBERED = 10_000
"""Right passwords remembered at the same time; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The password is right: ``auth-succeeded``."""

    account: str
    """The account's name as it was made, whatever the case in which it was given."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """No such account, or another password: ``auth-failed``; which of the two is not said."""


@dataclass(frozen=True, slots=True)
class Busy:
    """It cannot be checked now: ``auth-unavailable``."""


Verdict: TypeAlias = Verified | Wrong | Busy


class Credentials(Protocol):
    """Whoever can tell whether a name and a password belong together."""

    async def verify(self, name: str, password: str) -> Verdict:
        """Judge; never raises."""

    def apply(self, settings: AuthSettings) -> None:
        """Go by ``settings`` from the next check on."""

    def close(self) -> None:
        """Let go of threads; idempotent."""


class AnyCredentials:
    """Every name and password is right: legal only while nothing leaves (``auth.anyone``)."""

    async def verify(self, name: str, password: str) -> Verdict:  # noqa: ARG002 - whatever it is
        """Verified, always."""
        return Verified(name)

    def apply(self, settings: AuthSettings) -> None:
        """Nothing changes."""

    def close(self) -> None:
        """Nothing to let go of."""


class Verifier:
    """Checks against the accounts file of a data directory, which is read anew when it changes."""

    def __init__(self, data: Path, settings: AuthSettings, clock: Clock, observers: Observers = SILENT) -> None:
        """Makes one argon2id hash (a tenth of a second): call it before the loop serves, or in a thread."""
        self._file = data / FILE
        self._settings = settings
        self._clock = clock
        self._observers = observers
        self._accounts: Mapping[str, Account] = {}
        self._seen: tuple[int, ...] | None = None
        self._secret = secrets.token_bytes(32)
        self._remembered: dict[bytes, float] = {}
        self._dummy = hash_password(secrets.token_bytes(32))
        self._threads = ThreadPoolExecutor(settings.parallel, thread_name_prefix="password")
        self._leaving: list[ThreadPoolExecutor] = []
        """Those that a reload replaced: they end the checks that they were given."""
        self._underway = 0
        self._closed = False

    async def verify(self, name: str, password: str) -> Verdict:
        """Judge ``name`` and ``password``; never raises."""
        try:
            prepared = prepare(password)
        except PasswordError:
            return Wrong()
        if (remembered := self._remembers(name, prepared)) is not None:
            return Verified(remembered.name)
        if self._closed or self._underway >= self._settings.parallel + self._settings.queue:
            return Busy()
        found = await self._checked(name, prepared)
        if isinstance(found, Wrong | Busy):
            return found
        self._remember(found, prepared)
        return Verified(found.name)

    def apply(self, settings: AuthSettings) -> None:
        """Go by ``settings`` from the next check on; those that run or wait are ended as they began."""
        if self._closed:
            return
        before, self._settings = self._settings, settings
        if settings.parallel != before.parallel:
            self._threads.shutdown(wait=False)
            self._leaving.append(self._threads)
            self._threads = ThreadPoolExecutor(settings.parallel, thread_name_prefix="password")
        if settings.remember < before.remember:
            self._remembered.clear()

    def close(self) -> None:
        """Let the checks that run end, drop those that wait."""
        self._closed = True
        for threads in (*self._leaving, self._threads):
            threads.shutdown(wait=True, cancel_futures=True)

    async def _checked(self, name: str, prepared: bytes) -> Account | Wrong | Busy:
        loop = asyncio.get_running_loop()
        future = self._threads.submit(self._check, loop, name, prepared)
        self._underway += 1

        def ended(_: Future[Account | Wrong | Busy]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._ended)

        # Counted until the thread is free, not until the session that asked has gone.
        future.add_done_callback(ended)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            asker = asyncio.current_task()
            if asker is not None and not asker.cancelling():  # not the session was cancelled, but the check, by close()
                return Busy()
            raise

    def _ended(self) -> None:
        self._underway -= 1

    def _check(self, loop: asyncio.AbstractEventLoop, name: str, prepared: bytes) -> Account | Wrong | Busy:
        """In a thread: one argon2id, whether the name is known or not."""
        try:
            accounts = self._current()
        except AccountError as fault:
            event = ServerChanged(what="accounts-unreadable", detail=str(fault), severity="error")
            loop.call_soon_threadsafe(self._observers.tell, event)
            return Busy()
        account = accounts.get(folded(name))
        right = matches(self._dummy if account is None else account.hash, prepared)
        return account if right and account is not None else Wrong()

    def _current(self) -> Mapping[str, Account]:
        """The accounts, read anew when the file is another than the one seen last. Raises AccountError."""
        stamp = _stamp(self._file)
        if stamp != self._seen:
            self._accounts = read_accounts(self._file)
            self._seen = stamp
        return self._accounts

    def _remembers(self, name: str, prepared: bytes) -> Account | None:
        if not self._remembered or _stamp(self._file) != self._seen:
            return None
        account = self._accounts.get(folded(name))
        if account is None:
            return None
        until = self._remembered.get(self._digest(account, prepared))
        return account if until is not None and self._clock.monotonic() < until else None

    def _remember(self, account: Account, prepared: bytes) -> None:
        if not self._settings.remember:
            return
        digest = self._digest(account, prepared)
        self._remembered.pop(digest, None)
        self._remembered[digest] = self._clock.monotonic() + self._settings.remember
        if len(self._remembered) > REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    def _digest(self, account: Account, prepared: bytes) -> bytes:
        said = b"\0".join((folded(account.name).encode(), account.hash.encode(), prepared))
        return hmac.digest(self._secret, said, "sha256")


def _stamp(file: Path) -> tuple[int, ...]:
    """What changes when the file does; empty when there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116 - half the time of Path.stat, at each AUTH
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ino, found.st_size
