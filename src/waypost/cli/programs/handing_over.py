"""Handing a message to the drop folder: makes the folder where that is allowed, and turns what fails into an exit code. Knows no option."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from waypost.accept.dropped import FOLDER, Envelope, Writer, poke
from waypost.cli.exits import Exit, FailureError
from waypost.clock import SYSTEM
from waypost.config.dev import dev_data
from waypost.mail import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waypost.config.settings import Settings

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Door:
    """The drop folder of one data directory, for whoever has mail to hand over."""

    def __init__(self, settings: Settings) -> None:
        self.domain = settings.drop.domain or settings.hostname
        """Behind addresses that name none."""
        self._most = settings.limits.message_size
        self._data = settings.data

    @contextlib.contextmanager
    def message(self, envelope: Envelope) -> Iterator[Parcel]:
        """A message to write and commit; it is forgotten unless it was committed. Raises FailureError."""
        writer = None
        try:
            folder = _folder(self._data)
            writer = Writer(folder, identifier.new(SYSTEM.wall()), envelope)
            yield Parcel(writer, folder, self._most)
        except OSError as error:
            raise _failure(error, self._data) from error
        finally:
            if writer is not None:
                writer.discard()


class Parcel:
    """One message on its way."""

    def __init__(self, writer: Writer, folder: Path, most: int) -> None:
        self.id = writer.id
        self._writer = writer
        self._folder = folder
        self._most = most

    def write(self, octets: bytes) -> None:
        """Take content. Raises FailureError when the message grows too large."""
        self._writer.write(octets)
        if self._writer.size > self._most:
            raise FailureError(f"the message is larger than {self._most} octets (limits.message_size); nothing was sent", Exit.DATA)

    def commit(self) -> bool:
        """Return when it is safe; whether a server was there to take it at once."""
        self._writer.commit()
        return poke(self._folder)


def _folder(data: Path) -> Path:
    """The drop folder, made where there is none yet and we may: before the first start of a server."""
    folder = data / FOLDER
    if folder.is_dir():
        return folder
    if data == dev_data(os.environ):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        owner = data.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
    return folder


def _failure(error: OSError, data: Path) -> FailureError:
    said = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return FailureError(
            f"{data / FOLDER}: {said}. This server takes mail of root and its own account; drop.everyone = true opens it to all",
            Exit.NO_PERMISSION,
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return FailureError(f"there is no data directory {data}: name the one that `waypost serve` uses", Exit.TEMPORARY)
    if error.errno in _FULL:
        return FailureError(f"{data / FOLDER}: {said}; nothing was sent", Exit.TEMPORARY)
    return FailureError(f"{data / FOLDER}: {said}; nothing was sent", Exit.IO)
