"""The accounts file: names and password hashes in ``DATA/accounts.json``, mode 0600. Knows no session and no terminal.

Written whole: to a new file beside it, synced, renamed over it, the folder synced; a reader sees the old file or the new one. Writers
take turns by a lock on ``accounts.lock``. Names are compared in NFC and without regard to case.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from waypost.directory.passwords import hash_password, prepare
from waypost.store.folder import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from waypost.clock import Clock

FILE = "accounts.json"
LOCK = "accounts.lock"
VERSION = 1
LONGEST_NAME = 255
"""Octets of an account's name."""


class AccountError(Exception):
    """The accounts cannot be changed or read so; the text names the account or file and what to do."""


class AccountExistsError(AccountError):
    """There is one of that name."""


class AccountMissingError(AccountError):
    """There is none of that name."""


class AccountNameError(AccountError):
    """No account can have that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One who may authenticate."""

    name: str
    """As it was given when the account was made."""
    hash: str
    """argon2id, in PHC form."""
    created: float
    """Wall-clock seconds."""
    changed: float
    """When the password was last set, wall-clock seconds."""


def folded(name: str) -> str:
    """The form in which names are compared."""
    return unicodedata.normalize("NFC", name).lower()


class Accounts:
    """The accounts of one data directory, for the operator: each call reads the file, changes it and writes it."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._data = data
        self._clock = clock

    def list(self) -> tuple[Account, ...]:
        """All accounts, by name. Raises AccountError."""
        return tuple(sorted(read_accounts(self._data / FILE).values(), key=lambda account: folded(account.name)))

    def add(self, name: str, password: str) -> None:
        """A new account. Raises AccountError (there is one already, the name cannot be) or PasswordError."""
        _require_name(name)
        self.require(name, present=False)
        made = self._account(name, password)
        with self._changing() as accounts:
            if folded(name) in accounts:
                raise AccountExistsError(_exists(name))
            accounts[folded(name)] = made

    def passwd(self, name: str, password: str) -> None:
        """A new password for an account. Raises AccountError (there is none) or PasswordError."""
        self.require(name, present=True)
        made = self._account(name, password)
        with self._changing() as accounts:
            old = _present(accounts, name)
            accounts[folded(name)] = Account(name=old.name, hash=made.hash, created=old.created, changed=made.changed)

    def remove(self, name: str) -> None:
        """No account any more. Raises AccountError when there was none."""
        self.require(name, present=True)
        with self._changing() as accounts:
            _present(accounts, name)
            del accounts[folded(name)]

    def require(self, name: str, *, present: bool) -> None:
        """Complain early, before a password is asked for. Raises AccountError when the account is not as required."""
        accounts = read_accounts(self._data / FILE)
        if present:
            _present(accounts, name)
        elif folded(name) in accounts:
            raise AccountExistsError(_exists(name))

    def _account(self, name: str, password: str) -> Account:
        now = self._clock.wall()
        return Account(name=name, hash=hash_password(prepare(password)), created=now, changed=now)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """The accounts, to change within the block; written when it ends well."""
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _lock(self._data / LOCK):
                accounts = read_accounts(self._data / FILE)
                yield accounts
                _write(self._data / FILE, accounts)
        except OSError as fault:
            raise AccountError(f"{fault.filename or self._data}: {fault.strerror}") from fault


def read_accounts(file: Path) -> dict[str, Account]:
    """The accounts in ``file`` by folded name; none when there is no file. Raises AccountError."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except OSError as fault:
        raise AccountError(f"{file}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise AccountError(
            f"{file} is damaged: it is not UTF-8; restore it from a backup, or move it away and add the users anew"
        ) from fault
    return _parsed(file, text)


def _parsed(file: Path, text: str) -> dict[str, Account]:
    try:
        kept = json.loads(text)
        version, rows = kept["version"], kept["accounts"]
        if version != VERSION:
            raise AccountError(f"{file} is of version {version}, this Waypost reads version {VERSION}: upgrade Waypost")
        accounts = [Account(**row) for row in rows]
        return {folded(account.name): account for account in accounts}
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise AccountError(f"{file} is damaged: restore it from a backup, or move it away and add the users anew") from fault


def _write(file: Path, accounts: Mapping[str, Account]) -> None:
    rows = [asdict(account) for account in accounts.values()]
    text = json.dumps({"version": VERSION, "accounts": rows}, ensure_ascii=False, indent=1) + "\n"
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as sink:  # noqa: PTH123 - a descriptor, not a path
        sink.write(text.encode())
        sink.flush()
        os.fsync(sink.fileno())
    _give_to_owner(fresh, file.parent)
    fresh.replace(file)
    sync_folder(file.parent)


def _give_to_owner(file: Path, folder: Path) -> None:
    """What root writes into the folder of the account that the server drops to must be readable to it."""
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Alone among those who change the accounts."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _give_to_owner(file, file.parent)
        _locker()(descriptor)
        yield
    finally:
        os.close(descriptor)


def _locker() -> Callable[[int], None]:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows alone

        return lambda descriptor: msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    import fcntl  # noqa: PLC0415 - does not exist on Windows

    return lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_EX)


def _require_name(name: str) -> None:
    if not name or len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise AccountNameError(f"an account's name has 1 to {LONGEST_NAME} octets")
    if any(letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in name):
        raise AccountNameError("an account's name holds neither blanks nor control characters")


def _exists(name: str) -> str:
    return f"there is an account {name} already: change its password with `waypost user passwd {name}`"


def _present(accounts: Mapping[str, Account], name: str) -> Account:
    account = accounts.get(folded(name))
    if account is None:
        raise AccountMissingError(f"there is no account {name}: `waypost user list` shows all, `waypost user add {name}` makes it")
    return account
