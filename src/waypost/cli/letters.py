"""What ``explain`` is given on the command line, made into texts and messages: files, mailbox files, Maildir folders, standard input.

Knows no explanation. An mbox file begins with a ``From `` line, and each further one behind an empty line begins a message (RFC 4155),
unless the line before announces a quoted one; a file named .eml holds one message.
"""

from __future__ import annotations

import os
import re
import sys
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from waypost.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

_MOST = 64 * 1024 * 1024
"""Octets of one message that are read: what tells why it came back stands near its beginning."""
_PARTS = re.compile(rb"From \S.* (?:[01]?\d|2\d):\d\d(?::\d\d)?.* \d{4}")
"""The line that begins a message in an mbox file."""
_QUOTES = re.compile(rb".*:|[-=_*\s]{4,}")
"""The line that announces a quoted message: what follows it begins no message of the file."""
_MESSAGE = re.compile(rb"\s*[A-Za-z][\w.-]{0,75}[ \t]?:|>?From ")
"""How a message begins: it is one, whatever odd octets it holds."""
_QUOTED = re.compile(rb">+From ")
"""A line of text that would begin a message, marked so that it does not."""
_LOOKED_AT = 1024
"""Octets by which text is told from other files."""


class Given(NamedTuple):
    """One input: a text or message, or why there is none."""

    name: str
    content: str | bytes = b""
    fault: str = ""
    """What is wrong, in a line."""
    code: Exit = Exit.OK


def letters(name: str) -> Iterator[Given]:
    """The messages in the file or folder ``name``, ``-`` for standard input; a Given with a fault for what cannot be read."""
    if name == "-":
        yield from _from_stream(sys.stdin.buffer, name)
    elif os.path.isdir(name):  # noqa: PTH112 - pathlib would cost more than all else here
        yield from _from_folder(name)
    else:
        yield from _from_file(name)


def lines(name: str) -> Iterator[Given]:
    """The lines of a file, each of its own; empty ones are none."""
    try:
        with sys.stdin.buffer if name == "-" else open(name, "rb") as stream:  # noqa: PTH123 - as above
            begun = _begun(stream)
            if _is_binary(b"".join(begun)):
                yield _binary(name)
                return
            if begun and not begun[-1].endswith(b"\n"):
                begun[-1] += stream.readline()
            for line in chain(begun, stream):
                if line.strip():
                    yield Given("", line.decode("utf-8", "replace").strip("\r\n"))
    except OSError as fault:
        yield _unread(name, fault)


def _from_file(name: str) -> Iterator[Given]:
    try:
        with open(name, "rb") as stream:  # noqa: PTH123 - as above
            yield from _from_stream(stream, name)
    except OSError as fault:
        yield _unread(name, fault)


def _from_folder(name: str) -> Iterator[Given]:
    """A Maildir's messages, or the files of any other folder, by name."""
    try:
        parts = [part for part in ("cur", "new") if os.path.isdir(os.path.join(name, part))]  # noqa: PTH112, PTH118 - as above
        folders = [os.path.join(name, part) for part in parts] or [name]  # noqa: PTH118 - as above
        found = [entry for folder in folders for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith(".")]
    except OSError as fault:
        yield _unread(name, fault)
        return
    if not found:
        yield Given(name, fault=f"{name}: there is no message in this folder", code=Exit.DATA)
    for entry in sorted(found, key=lambda entry: entry.name):
        yield from _from_file(entry.path)


def _from_stream(stream: BinaryIO, name: str) -> Iterator[Given]:
    begun = _begun(stream)
    octets = b"".join(begun)
    if _is_binary(octets):
        yield _binary(name)
    elif not _PARTS.match(octets) or name.endswith(".eml"):
        yield Given(name, octets + stream.read(_MOST))
    else:
        yield from _numbered(_parted(chain(begun, stream)), name)


def _begun(stream: BinaryIO) -> list[bytes]:
    """The first lines, by which it is told what the rest is; the last may be broken off."""
    found: list[bytes] = []
    while sum(map(len, found)) < _LOOKED_AT and (line := stream.readline(_LOOKED_AT)):
        found.append(line)
    return found


def _numbered(messages: Iterator[bytes], name: str) -> Iterator[Given]:
    """A message alone has the file's name; of several each its number too."""
    first = next(messages)
    second = next(messages, None)
    if second is None:
        yield Given(name, first)
        return
    yield Given(f"{name}#1", first)
    yield Given(f"{name}#2", second)
    for number, message in enumerate(messages, 3):
        yield Given(f"{name}#{number}", message)


def _parted(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Message by message, so that a mailbox of any size is read in little room; quoted From lines are undone."""
    gathered: list[bytes] = []
    size, blank, last, begins = 0, False, b"", b""
    for line in stream:
        if begins and _MESSAGE.match(line):
            yield b"".join(gathered)
            gathered, size = [], 0
        if size < _MOST:
            gathered.append(begins)
            size += len(begins)
        starts = blank and line.startswith(b"From ") and _PARTS.match(line) and not _QUOTES.fullmatch(last)
        begins = line if starts else b""
        if not starts and size < _MOST:
            gathered.append(line[1:] if _QUOTED.match(line) else line)
            size += len(line)
        said = line.strip()
        blank, last = not said, said or last
    yield b"".join((*gathered, begins))


def _is_binary(begun: bytes) -> bool:
    """Whether octets are no text: they hold a NUL, or many that no text of any kind holds."""
    if _MESSAGE.match(begun):
        return False
    odd = sum(octet < 32 and octet not in b"\t\r\n\x1b\x0c\x08\x07" for octet in begun)
    return b"\0" in begun or odd * 20 > len(begun)


def _binary(name: str) -> Given:
    return Given(name, fault=f"{name}: this is no text: give a message, a mailbox file, a Maildir folder or a reply", code=Exit.DATA)


def _unread(name: str, fault: OSError) -> Given:
    code = Exit.NO_PERMISSION if isinstance(fault, PermissionError) else Exit.NO_INPUT
    return Given(name, fault=f"{name}: {fault.strerror or fault}", code=code)
