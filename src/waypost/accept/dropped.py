"""A message at rest in the drop folder, between the program that handed it over and the server that takes it: its file, written and read.

A file is one line of JSON, the envelope, and then the content with CRLF line ends. It is written under a name that begins with a dot and
gets its own name when it is whole on the disk. Knows no spool and no session; blocks, so a server reads it off its loop.

The folder lets others write and not list (mode 1733), as Postfix's maildrop once did: a file must be readable for the server's account
and is protected from others by its name, which holds 74 random bits that nobody can list.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from waypost.mail import identifier
from waypost.store.folder import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

FOLDER, POKE, CORRUPT = "drop", "poke", "corrupt"
_LINE = 16_777_216
"""Octets of the envelope at most: some hundred thousand recipients."""
_PEOPLE = 100_000


class BrokenError(Exception):
    """A file is none of ours, or not whole; the text says why."""


class Envelope(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What was asked for, as text; read with the grammar of SMTP when it is taken."""

    version: int = 1
    sender: str
    """Empty: the null reverse-path."""
    recipients: list[str]
    notify: list[str] = []
    """When to tell of each recipient; of one in ``wishes``, what stands there."""
    wishes: dict[str, list[str]] = {}
    orcpt: dict[str, str] = {}
    ret: str | None = None
    envid: str | None = None
    """xtext."""
    smtputf8: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that was opened to be taken."""

    id: str
    uid: int
    """Whose it is: the account that handed it over."""
    envelope: Envelope
    descriptor: int
    """Open, at the first octet of the content; whoever asked for it closes it."""


class Writer:
    """One message on its way into ``folder``. Raises OSError wherever the disk does."""

    def __init__(self, folder: Path, id: str, envelope: Envelope) -> None:  # noqa: A002 - the queue id that it asks for
        self.id = id
        self.size = 0
        """Octets of content so far."""
        self._folder = folder
        self._path = folder / f".{id}"
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb")
        try:
            self._file.write(msgspec.json.encode(envelope) + b"\n")
        except BaseException:
            self.discard()
            raise

    def write(self, octets: bytes) -> None:
        """Take content, CRLF line ends alone."""
        self.size += len(octets)
        self._file.write(octets)

    def commit(self) -> None:
        """Return when it is whole on the disk under its own name; the server may take it from then on."""
        self._file.flush()
        descriptor = self._file.fileno()
        if os.geteuid() == 0 or self._folder.stat().st_uid != os.geteuid():
            os.fchmod(descriptor, 0o644)  # its reader is another account, or will be: a server of root's gives root up
        os.fsync(descriptor)
        self._path.rename(self._folder / self.id)
        _sync_folder(self._folder, descriptor)
        self._file.close()

    def discard(self) -> None:
        """Forget it; idempotent."""
        with contextlib.suppress(OSError, ValueError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def _sync_folder(folder: Path, within: int) -> None:
    """Let the new name survive a power cut. A folder that we may not list cannot be opened to be synced: then its file system is."""
    try:
        sync_folder(folder)
    except PermissionError:
        _sync_file_system(within)


def _sync_file_system(descriptor: int) -> None:
    try:
        failed = ctypes.CDLL(None, use_errno=True).syncfs(descriptor)
    except AttributeError:  # not Linux
        os.sync()
        return
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def poke(folder: Path) -> bool:
    """Wake the server that looks after ``folder``; False when there is none."""
    try:
        descriptor = os.open(folder / POKE, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return False
        os.write(descriptor, b".")
    except BlockingIOError:  # full: the server is awake
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def opened(path: Path) -> Waiting:
    """Open what lies at ``path``. Raises BrokenError, FileNotFoundError, and OSError when the disk fails."""
    if not identifier.is_identifier(path.name):
        raise BrokenError("its name is no queue id")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:  # a symbolic link, a socket, a file that we may not read
        raise BrokenError(f"it cannot be opened: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        _demand_plain(found)
        envelope = _envelope(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return Waiting(id=path.name, uid=found.st_uid, envelope=envelope, descriptor=descriptor)


def _demand_plain(found: os.stat_result) -> None:
    """Raises BrokenError: what has several names, or more writers than its owner, may be another's text."""
    if not stat.S_ISREG(found.st_mode):
        raise BrokenError("it is no regular file")
    if found.st_nlink != 1:
        raise BrokenError("it has more than one name")
    if found.st_mode & 0o022:
        raise BrokenError("others than its owner may write to it")


def _envelope(descriptor: int) -> Envelope:
    gathered = bytearray()
    while (end := gathered.find(b"\n")) < 0:
        piece = os.read(descriptor, 65_536)
        if not piece or len(gathered) > _LINE:
            raise BrokenError("its envelope has no end")
        gathered += piece
    os.lseek(descriptor, end + 1, os.SEEK_SET)
    try:
        envelope = msgspec.json.decode(bytes(gathered[:end]), type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenError(f"its envelope cannot be read: {error}") from error
    if envelope.version != 1 or not 0 < len(envelope.recipients) <= _PEOPLE:
        raise BrokenError("its envelope is of another version, or names no recipient or too many")
    return envelope
