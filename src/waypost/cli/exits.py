"""Exit codes of every command; the meanings of sysexits.h where it has one. Knows no command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    """Done."""
    NOT_FOUND = 1
    """Done, and what was looked for is not there."""
    USAGE = 64
    """The command line makes no sense; nothing was done."""
    DATA = 65
    """What was given to read is not what it should be."""
    NO_INPUT = 66
    """A file to read is missing or cannot be read."""
    NO_USER = 67
    """There is no such account."""
    UNAVAILABLE = 69
    """A server or store that is needed cannot be had now."""
    SOFTWARE = 70
    """A fault in Waypost itself."""
    CANNOT_CREATE = 73
    """What should be made is there already, or cannot be made."""
    IO = 74
    """Reading or writing failed."""
    TEMPORARY = 75
    """Not now: try again."""
    NO_PERMISSION = 77
    """This account may not do that."""
    CONFIG = 78
    """The configuration is wrong."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""
    PIPE = 141
    """Whoever read the output stopped reading."""


class FailureError(Exception):
    """A command cannot be done; the text is the one line that says why and what to do."""

    def __init__(self, text: str, code: Exit = Exit.NOT_FOUND) -> None:
        super().__init__(text)
        self.code = code


class UsageError(FailureError):
    """The command line makes no sense."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Exit.USAGE)
