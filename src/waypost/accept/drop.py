"""The drop folder's keeper: takes what programs of this machine handed over, judges it, and puts it into the spool. Knows no socket.

A file goes only after the commit, so a crash brings a message twice and never loses one. What cannot be kept now waits for the next
look; what can never be is set aside in ``corrupt`` and told once. Refused recipients are told to the sender by a notice, for nobody
waits for an answer. It looks when it is poked (a FIFO that anybody may write to) and once a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import stat
from typing import TYPE_CHECKING

from waypost.accept.dropped import CORRUPT, FOLDER, POKE, BrokenError, Waiting, opened
from waypost.accept.handing import Handing, NotNowError, RefusedError
from waypost.observe.events import ServerChanged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from waypost.accept.rules import Plan, Services
    from waypost.accept.settings import DropSettings

_PAUSE = 60.0
"""Seconds between two looks that nobody asked for."""
_AT_ONCE = 1000
"""Files of one look."""
_PIECE = 262_144
_ABANDONED = 86_400
"""Seconds after which a file that never became whole is removed: its writer is gone."""


class Drop:
    """The folder ``drop`` of one data directory; one process alone keeps it."""

    def __init__(self, data: Path, services: Services, plan: Plan, settings: DropSettings) -> None:
        self._data = data
        self._folder = data / FOLDER
        self._services = services
        self._handing = Handing(services, plan)
        self._settings = settings
        self._poked = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._fifo = -1
        self._told: set[str] = set()

    def start(self) -> None:
        """Make the folder and begin to look. A folder that cannot be had is told, and mail by the network goes on without it."""
        try:
            self._prepare()
        except OSError as error:
            self._tell("drop-unusable", f"{self._folder}: {error.strerror or error}; sendmail cannot hand over mail", "error")
            return
        asyncio.get_running_loop().add_reader(self._fifo, self._hear)
        self._task = asyncio.ensure_future(self._run())

    def apply(self, plan: Plan, settings: DropSettings) -> None:
        """Go by these from now on."""
        self._settings = settings
        self._handing = Handing(self._services, plan)
        if self._task is not None:
            try:
                self._open_up()
            except OSError as error:
                self._tell("drop-unusable", f"{self._folder}: {error.strerror or error}", "error")

    async def stop(self, seconds: float) -> None:
        """Finish the message under way, for at most ``seconds``, and look no more; idempotent."""
        self._stopping = True
        self._poked.set()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._fifo >= 0:
            asyncio.get_running_loop().remove_reader(self._fifo)
            os.close(self._fifo)
            self._fifo = -1

    # ---- the folder

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if not stat.S_ISDIR(self._folder.lstat().st_mode):
            raise NotADirectoryError(20, "it is no directory")
        poke = self._folder / POKE
        with contextlib.suppress(FileNotFoundError):
            poke.unlink()
        os.mkfifo(poke, 0o600)
        self._fifo = os.open(poke, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # open for writing too: so it never ends
        corrupt = self._folder / CORRUPT
        if not corrupt.is_symlink():
            corrupt.mkdir(mode=0o700, exist_ok=True)
        self._open_up()

    def _open_up(self) -> None:
        """Let in whom the settings let in. The data directory is opened as little as can be, and never closed: that is the operator's."""
        everyone = self._settings.everyone
        (self._folder / POKE).chmod(0o622 if everyone else 0o600)
        self._folder.chmod(0o1733 if everyone else 0o700)
        mode = stat.S_IMODE(self._data.stat().st_mode)
        if everyone and mode & 0o011 != 0o011:
            self._data.chmod(mode | 0o011)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._fifo, 4096)
        self._poked.set()

    # ---- looking

    async def _run(self) -> None:
        while not self._stopping:
            self._poked.clear()
            more = await self._look()
            if more or self._stopping:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE):
                    await self._poked.wait()

    async def _look(self) -> bool:
        """Take what is there; whether to look again at once, because there was more than one look takes and some of it went."""
        try:
            names = await asyncio.to_thread(_names, self._folder, self._services.clock.wall())
        except OSError as error:
            self._tell_once("folder", f"{self._folder} cannot be read: {error.strerror}")
            return False
        gone = 0
        for name in names:
            if self._stopping:
                break
            gone += await self._take(name)
        return gone > 0 and len(names) == _AT_ONCE

    async def _take(self, name: str) -> bool:
        """Take one file; whether it is gone."""
        path = self._folder / name
        try:
            waiting = await asyncio.to_thread(opened, path)
            try:
                self._demand_owner(waiting)
                await self._hand_on(waiting)
            finally:
                os.close(waiting.descriptor)
            path.unlink()
        except FileNotFoundError:
            return False
        except (BrokenError, RefusedError) as error:
            return self._set_aside(path, str(error))
        except NotNowError as error:
            self._tell_once(name, f"{name} waits: {error}")
            return False
        except OSError as error:
            self._tell_once(name, f"{name} waits: {error.strerror or error}")
            return False
        self._told.discard(name)
        return True

    def _demand_owner(self, waiting: Waiting) -> None:
        if not self._settings.everyone and waiting.uid not in (0, os.geteuid()):
            raise BrokenError(f"account {waiting.uid} may hand over no mail: drop.everyone is false")

    async def _hand_on(self, waiting: Waiting) -> None:
        handed = self._handing.begin(waiting, _login(waiting.uid))
        try:
            while piece := await asyncio.to_thread(os.read, waiting.descriptor, _PIECE):
                if not handed.write(piece):
                    await handed.drain()
            await handed.keep()
        finally:
            handed.discard()

    def _set_aside(self, path: Path, why: str) -> bool:
        try:
            path.rename(self._folder / CORRUPT / path.name)
        except OSError as error:
            self._tell_once(path.name, f"{path.name}: {why}; it cannot be set aside: {error.strerror}")
            return False
        self._tell("drop-refused", f"{path.name}: {why}; it lies in {self._folder / CORRUPT}", "warning")
        return True

    def _tell_once(self, name: str, detail: str) -> None:
        if name not in self._told:
            if len(self._told) > _AT_ONCE:
                self._told.clear()
            self._told.add(name)
            self._tell("drop-waits", detail, "warning")

    def _tell(self, what: str, detail: str, severity: str) -> None:
        self._services.observers.tell(ServerChanged(what=what, detail=detail, severity=severity))


def _names(folder: Path, now: float) -> Sequence[str]:
    """The files to take, oldest first as far as ids tell; what was never finished long ago is removed."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in (POKE, CORRUPT):
                continue
            if entry.name.startswith("."):
                _sweep(entry, now)
                continue
            found.append(entry.name)
            if len(found) == _AT_ONCE:
                break
    return sorted(found)


def _sweep(entry: os.DirEntry[str], now: float) -> None:
    with contextlib.suppress(OSError):
        if now - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED:
            os.unlink(entry.path)  # noqa: PTH108 - an entry speaks in strings


def _login(uid: int) -> str:
    """The account's name, or its number where it has none (any more)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
