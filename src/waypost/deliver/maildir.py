"""Into a Maildir on this machine: written whole under tmp, made durable, renamed into new. Knows no session.

Final delivery, so Return-Path goes on top (5321#4.4); Delivered-To says for whom. Addresses come from strangers: they name folders
only after everything that could lead out of the place was taken out of them. All disk work is done off the loop.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from waypost.deliver.attempt import Attempted
from waypost.mail.outcome import Action, Outcome
from waypost.replies.keys import Key
from waypost.smtp.consequence import outcome
from waypost.spool.spool import SpoolUnavailableError
from waypost.store.folder import sync_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from waypost.deliver.means import Means
    from waypost.mail.content import Content
    from waypost.mail.envelope import Envelope
    from waypost.mail.path import Mailbox
    from waypost.route.route import Route
    from waypost.spool.spool import Lease

_UNSAFE = re.compile(r"[^A-Za-z0-9_@=+.-]")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class MaildirWay:
    """The way of transport ``maildir``: one recipient after the other, each with its own copy and its own outcome."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._numbers = count()
        self._host = socket.gethostname().replace("/", "_").replace(":", "_")

    async def attempt(self, lease: Lease, route: Route) -> Attempted:
        """See ``Way``."""
        outcomes = [await self._keep(waiting.recipient.mailbox, lease, route) for waiting in lease.waiting]
        return Attempted(outcomes)

    async def _keep(self, mailbox: Mailbox, lease: Lease, route: Route) -> Outcome:
        folder = folder_for(route.transport.path, mailbox)
        try:
            await self._write(folder, head(lease.envelope, mailbox), lease.content)
        except SpoolUnavailableError as error:
            return outcome(Key.CONTENT_UNREADABLE, next_hop="maildir", detail=str(error))
        except OSError as error:
            key = Key.MAILBOX_FULL if error.errno in _FULL else Key.MAILBOX_UNWRITABLE
            return outcome(key, next_hop="maildir", detail=f"{folder}: {error.strerror or error}")
        return Outcome(action=Action.DELIVERED, key=Key.DELIVERED, status="2.0.0", next_hop="maildir", detail=str(folder))

    async def _write(self, folder: Path, top: bytes, content: Content) -> None:
        name = self._unique(len(top) + content.size)
        if content.octets is not None:
            await asyncio.to_thread(_write_whole, folder, name, top + content.octets)
        else:
            await _write_pieces(folder, name, top, content.chunks())

    def _unique(self, size: int) -> str:
        """A name that no other delivery has: time, process, number, host; the size as Dovecot likes it."""
        wall = self._means.clock.wall()
        return f"{int(wall)}.M{int(wall % 1 * 1e6):06}P{os.getpid()}Q{next(self._numbers)}.{self._host},S={size}"


def folder_for(pattern: str, mailbox: Mailbox) -> Path:
    """The Maildir of ``mailbox``: facts in braces filled in, local part in lower case, no fact with more than one harmless name."""
    return Path(pattern.replace("{local_part}", harmless(mailbox.local_part.lower())).replace("{domain}", harmless(mailbox.domain)))


def harmless(fact: str) -> str:
    """``fact`` as one name within a folder: neither empty nor hidden nor a way up; different facts stay different."""
    name = _UNSAFE.sub(lambda found: "".join(f"%{octet:02X}" for octet in found[0].encode()), fact)
    if name.startswith("."):
        name = "%2E" + name[1:]
    return name[:255] or "%"


def head(envelope: Envelope, mailbox: Mailbox) -> bytes:
    """What final delivery adds on top."""
    path = envelope.reverse_path
    return f"Return-Path: <{path.text if path is not None else ''}>\r\nDelivered-To: {mailbox.text}\r\n".encode()


def _prepare(folder: Path) -> None:
    """Make the Maildir where it is missing, durably."""
    if (folder / "new").is_dir() and (folder / "tmp").is_dir():
        return
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    for parent in {folder, *(path.parent for path in made)}:
        sync_folder(parent)


def _write_whole(folder: Path, name: str, octets: bytes) -> None:
    _prepare(folder)
    temporary = folder / "tmp" / name
    try:
        with _create(temporary) as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        _publish(folder, name)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


async def _write_pieces(folder: Path, name: str, top: bytes, pieces: AsyncIterator[bytes]) -> None:
    await asyncio.to_thread(_prepare, folder)
    temporary = folder / "tmp" / name
    file = await asyncio.to_thread(_create, temporary)
    try:
        with file:
            await asyncio.to_thread(file.write, top)
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(file.flush)
            await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(_publish, folder, name)
    except BaseException:  # cancelled too: nothing half may stay
        temporary.unlink(missing_ok=True)
        raise


def _publish(folder: Path, name: str) -> None:
    (folder / "tmp" / name).rename(folder / "new" / name)
    sync_folder(folder / "new")


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
