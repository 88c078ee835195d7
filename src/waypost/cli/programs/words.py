"""Command lines as getopt reads them: letters in a bundle, values attached or behind. Knows no program.

argparse reads none of this: ``-oi``, ``-FCronDaemon``, ``-q`` with or without a value, options behind addresses.
"""

from __future__ import annotations

from argparse import Namespace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from waypost.cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Takes(Enum):
    """What an option letter wants."""

    NOTHING = 0
    VALUE = 1
    """Attached, or the next word."""
    ATTACHED = 2
    """Attached or none."""


class Given(NamedTuple):
    """One option as it was given; ``letter`` is empty for a word that is none."""

    letter: str
    value: str


OURS = ("config", "data", "set")
"""Long options that every command of Waypost has: each takes a value."""


def read(words: Sequence[str], letters: Mapping[str, Takes], program: str, *, where: Namespace) -> Iterator[Given]:
    """The options and the words between and behind them, in order. What names the configuration goes into ``where``
    (``configured``). Raises UsageError.
    """
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from (Given("", each) for each in rest)
            return
        if word.startswith("--"):
            _ours(word[2:], rest, program, where)
        elif word.startswith("-") and word != "-":
            yield from _bundle(word[1:], rest, letters, program)
        else:
            yield Given("", word)


def configured() -> Namespace:
    """Where the configuration is, as ``options.resolve`` takes it."""
    return Namespace(config=None, data=None, set=[], help=False)


def _ours(word: str, rest: list[str], program: str, where: Namespace) -> None:
    name, equals, value = word.partition("=")
    if name == "help":
        where.help = True
        return
    if name not in OURS:
        raise UsageError(f"{program} knows no option --{name} (see `waypost {program} --help`)")
    if not equals:
        value = _next(rest, f"--{name}", program)
    if name == "set":
        where.set.append(value)
    else:
        setattr(where, name, value)


def _bundle(word: str, rest: list[str], letters: Mapping[str, Takes], program: str) -> Iterator[Given]:
    for place, letter in enumerate(word):
        takes = letters.get(letter)
        attached = word[place + 1 :]
        if takes is None:
            raise UsageError(f"{program} knows no option -{letter} (see `waypost {program} --help`)")
        if takes is Takes.NOTHING:
            yield Given(letter, "")
            continue
        if takes is Takes.VALUE and not attached:
            attached = _next(rest, f"-{letter}", program)
        yield Given(letter, attached)
        return


def _next(rest: list[str], option: str, program: str) -> str:
    if not rest:
        raise UsageError(f"{program}: {option} needs a value")
    return rest.pop(0)
