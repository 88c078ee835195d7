"""``waypost newaliases``: there is no alias database to make. Knows nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import output
from waypost.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "nothing: aliases are in the configuration"


def run_words(words: Sequence[str]) -> int:  # noqa: ARG001 - whatever is asked, the answer is the same
    """Say where aliases are; what calls newaliases goes on."""
    output.line("Aliases are in the configuration, domains.aliases: a reload (SIGHUP) takes up what changed there.")
    return Exit.OK
