"""Messages out of files: one message, an mbox, a Maildir, or folders of them. Reads files and nothing else.

RFC 4155 (application/mbox): the variants with quoted From lines are undone, whether one ``>`` or more were put before.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FROM = re.compile(
    rb"^From (?:[^\n]{0,500}?)[ \t](?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[ ,]+)?"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|\d{1,2})[^\n]{0,60}\r?\n"
    rb"(?=[!-9;-~]{1,76}[ \t]*:|>?From )",
    re.MULTILINE,
)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def split_mailbox(octets: bytes) -> Iterator[bytes]:
    """The messages of an mbox in order, each with its From line and with quoted From lines undone; what is no mbox is one message.

    A From line counts where a blank line or the beginning is before it and a field after it, so that text may begin a line with From.
    """
    starts = [found.start() for found in _FROM.finditer(octets) if _is_first(octets, found.start())]
    if not starts or octets[: starts[0]].strip():
        if octets.strip():
            yield octets
        return
    for start, end in zip(starts, [*starts[1:], len(octets)], strict=True):
        yield _QUOTED.sub(rb"\1", octets[start:end])


def _is_first(octets: bytes, place: int) -> bool:
    return place == 0 or octets[max(0, place - 4) : place].replace(b"\r", b"").endswith(b"\n\n") or not octets[:place].strip()


def messages_in(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Each message below ``paths`` with its name: the path, and ``path:3`` for the third of an mbox.

    Folders are walked in order of names; of a Maildir ``cur`` and ``new`` are read and ``tmp`` is not. Raises OSError for what
    cannot be read.
    """
    for path in paths:
        if path.is_dir():
            yield from messages_in(sorted(child for child in path.iterdir() if _is_read(path, child)))
        else:
            yield from _of_file(path)


def _is_read(folder: Path, child: Path) -> bool:
    """Not what a Maildir keeps for itself: deliveries under way, and the files of mail programs."""
    maildir = (folder / "cur").is_dir() and (folder / "new").is_dir()
    if maildir:
        return child.is_dir() and child.name != "tmp"
    return not child.name.startswith(".")


def _of_file(path: Path) -> Iterator[tuple[str, bytes]]:
    messages = split_mailbox(path.read_bytes())
    first, second = next(messages, None), next(messages, None)
    if first is not None and second is None:
        yield str(path), first
        return
    both = (message for message in (first, second) if message is not None)
    for number, message in enumerate(itertools.chain(both, messages), 1):
        yield f"{path}:{number}", message
