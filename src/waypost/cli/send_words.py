"""The command line of ``waypost send`` as users of swaks write it: options from a file, --h-Name, --no-OPTION, questions.

What comes out is a command line of our own parser. Knows no option by name but these.
"""

from __future__ import annotations

import getpass
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.cli.exits import Exit, FailureError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

_HEADER = re.compile(r"--?h(?:eader)?-([!-9;-~]+):?")
"""``--h-Subject``, ``--header-Subject``, with its colon or without."""
_TOGETHER = frozenset({"header", "add_header", "attached", "attach", "attach_type", "attach_name", "attach_body"})
"""What a file gives and the command line adds to, instead of taking its place."""


@dataclass(slots=True)
class _Given:
    """An option and what stands behind it."""

    option: str
    values: list[str] = field(default_factory=list)
    from_file: bool = False

    @property
    def words(self) -> list[str]:
        """As they stand on a command line."""
        return [*([self.option] if self.option else []), *self.values]


def rewritten(words: Sequence[str], actions: Mapping[str, argparse.Action], *, asking: bool) -> list[str]:
    """``words`` for a parser that has ``actions`` by option; ``asking``: somebody is there to ask. Raises FailureError."""
    given = _grouped(words, actions)
    file = next((each for each in given if each.option == "--config"), None)
    if file is not None and file.values:
        given = [*_from_file(Path(file.values[0]), actions), *given]
    kept: list[_Given] = []
    for each in _heads(given):
        negated = _negated(each.option, actions)
        if negated is not None:
            kept = [other for other in kept if _dest(other.option, actions) != _dest(negated, actions)]
        else:
            kept.append(each)
    own = {_dest(each.option, actions) for each in kept if not each.from_file} - _TOGETHER
    chosen = [each for each in kept if not each.from_file or _dest(each.option, actions) not in own]
    return [word for each in chosen for word in (_asked(each, actions) if asking else each.words)]


def _grouped(words: Sequence[str], actions: Mapping[str, argparse.Action]) -> list[_Given]:
    """Each option with the words up to the next one."""
    found = [_Given("")]
    for word in words:
        name, equals, value = word.partition("=")
        if _known(name, actions):
            found.append(_Given(name, [value] if equals else []))
        else:
            found[-1].values.append(word)
    return [each for each in found if each.words]


def _known(name: str, actions: Mapping[str, argparse.Action]) -> bool:
    return name in actions or _HEADER.fullmatch(name) is not None or _negated(name, actions) is not None


def _negated(name: str, actions: Mapping[str, argparse.Action]) -> str | None:
    """The option that ``--no-...`` takes back; None where it is an option itself."""
    if not name.startswith("--no-") or name in actions:
        return None
    bare = name.removeprefix("--no-")
    return next((option for option in (f"--{bare}", f"-{bare}") if option in actions), None)


def _dest(option: str, actions: Mapping[str, argparse.Action]) -> str:
    return actions[option].dest if option in actions else option


def _from_file(path: Path, actions: Mapping[str, argparse.Action]) -> list[_Given]:
    """One option a line, its dashes left out or not; all behind the first blank is its argument."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "is no UTF-8"
        raise FailureError(f"--config {path}: {why}", Exit.NO_INPUT) from fault
    found = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            name, blank, value = line.partition(" ")
            bare = name.lstrip("-")
            option = next((each for each in (f"--{bare}", f"-{bare}") if _known(each, actions)), f"--{bare}")
            found.append(_Given(option, [value] if blank else [], from_file=True))
    return found


def _heads(given: Sequence[_Given]) -> list[_Given]:
    """``--h-Name value`` as ``--header 'Name: value'``."""
    found = []
    for each in given:
        head = None if each.option in _EXACT else _HEADER.fullmatch(each.option)
        found.append(_Given("--header", [f"{head[1]}: {' '.join(each.values)}"], each.from_file) if head else each)
    return found


_EXACT = frozenset({"--header"})


def _asked(given: _Given, actions: Mapping[str, argparse.Action]) -> list[str]:
    """An option that wants an argument and has none: asked for on the terminal, as swaks does."""
    action = actions.get(given.option)
    if action is None or given.values or action.nargs is not None or not isinstance(action.metavar, str):
        return given.words
    prompt = f"{given.option.lstrip('-')}: "
    return [given.option, getpass.getpass(prompt) if action.dest == "auth_password" else question(prompt)]


def question(prompt: str) -> str:
    """What somebody on the terminal answers; asked on standard error, for the transcript is standard output."""
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().removesuffix("\n")
