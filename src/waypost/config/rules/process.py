"""Rules on the process: its name, its account, its folder, its schedule. Changes nothing on disk."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.config.problem import Severity, quoted
from waypost.config.rules.finding import Finding, warning
from waypost.directory.accounts import FILE
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_domain
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waypost.config.load import Loaded

LONGEST_SOFTWARE = 64
"""Characters of the software's name, which shares the greeting's line."""


def hostname_is_a_name(loaded: Loaded) -> Iterator[Finding]:
    """The server's name is a domain name, and outside the dev profile a full one."""
    name = loaded.settings.hostname
    if not _is_domain(name):
        yield Finding(("hostname",), f"{quoted(name)} is no host name: write a full domain name such as mx.example.org")
    elif "." not in name and not loaded.dev:
        yield warning(
            ("hostname",), f"{name} is no full domain name, and other servers may refuse it: set hostname = {quoted('mx.example.org')}"
        )


def _is_domain(name: str) -> bool:
    try:
        parse_domain(name)
    except AddressError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False


def software_is_a_word(loaded: Loaded) -> Iterator[Finding]:
    """What stands in the greeting is printable ASCII and short."""
    name = loaded.settings.software
    if not name or not name.isascii() or not name.isprintable() or len(name) > LONGEST_SOFTWARE:
        yield Finding(("software",), f"must be 1 to {LONGEST_SOFTWARE} printable ASCII characters: it stands in the greeting")


def user_exists(loaded: Loaded) -> Iterator[Finding]:
    """The account to drop to is one of this system."""
    user = loaded.settings.user
    if user is None:
        return
    if sys.platform == "win32":
        yield Finding(("user",), "there are no accounts to drop to on this system: remove it")
        return
    import pwd  # noqa: PLC0415 - does not exist on Windows

    try:
        pwd.getpwnam(user)
    except KeyError:
        severity = Severity.ERROR if os.geteuid() == 0 else Severity.WARNING  # who is not root drops nothing
        says = f"there is no account {quoted(user)} on this system: make it with `useradd --system {user}`, or name another"
        yield Finding(("user",), says, severity)


def data_can_be_written(loaded: Loaded) -> Iterator[Finding]:
    """The data directory, or else the folder in which it will be made, can be written."""
    data = loaded.settings.data
    try:
        existing = _nearest(data)
    except OSError as fault:
        yield Finding(("data",), f"{data} cannot be used: {fault.strerror}")
        return
    if not existing.is_dir():
        yield Finding(("data",), f"{existing} is not a folder")
    elif not os.access(existing, os.W_OK | os.X_OK):
        does = "cannot be written" if existing == data else f"cannot be made: {existing} cannot be written"
        yield Finding(("data",), f"{data} {does} by this account: change its owner or mode, or run as another")


def _nearest(folder: Path) -> Path:
    """It, or the closest folder above it that exists. Raises OSError when it cannot even be looked for."""
    for path in (folder, *folder.parents):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return path
    return folder


def retries_are_possible(loaded: Loaded) -> Iterator[Finding]:
    """There is a wait between attempts, and the lifetime leaves room for one."""
    queue = loaded.settings.queue
    if not queue.retry:
        yield Finding(("queue", "retry"), "is empty: list at least one wait in seconds, such as [300]")
    elif queue.lifetime < queue.retry[0]:
        yield warning(("queue", "lifetime"), f"ends before the first retry, {queue.retry[0]} seconds after the first attempt")


def errors_are_slowed_before_they_end(loaded: Loaded) -> Iterator[Finding]:
    """Soft limits lie below hard ones."""
    limits = loaded.settings.limits
    if limits.soft_errors > limits.hard_errors:
        yield warning(("limits", "soft_errors"), f"is never reached: hard_errors ends the session at {limits.hard_errors}")
    if limits.header_field_size > limits.header_size:
        yield warning(("limits", "header_field_size"), f"is never reached: header_size ends the header at {limits.header_size} octets")
    if limits.client_connections > limits.network_connections:
        yield warning(("limits", "client_connections"), f"is never reached: network_connections allows {limits.network_connections}")


def somebody_can_log_in(loaded: Loaded) -> Iterator[Finding]:
    """A submission listener needs accounts."""
    settings = loaded.settings
    submission = any(listener.role is Role.SUBMISSION for listener in settings.listeners)
    if submission and not settings.auth.anyone and _is_surely_missing(settings.data / FILE):
        yield warning(("listeners",), "nobody can log in for submission yet: make accounts with `waypost user add NAME`")


def _is_surely_missing(file: Path) -> bool:
    """Whether its folder is there without it; what cannot be looked at may hold it."""
    try:
        return file.parent.is_dir() and os.access(file.parent, os.X_OK) and not file.exists()
    except OSError:
        return False
