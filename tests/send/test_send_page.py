"""docs/send.md says what holds: exit codes, mechanisms, stages, options."""

from __future__ import annotations

import re
from pathlib import Path

from waypost.cli import send
from waypost.cli.options import Parser
from waypost.diagnose.send.auth import MECHANISMS
from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Stage

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "send.md").read_text()


def test_exit_codes() -> None:
    """Every ending stands in the table, and nothing else."""
    assert re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE) == [str(int(ending)) for ending in Ending]


def test_mechanisms_and_stages() -> None:
    """Each in its order."""
    assert ", ".join(f"`{name}`" for name in MECHANISMS) in PAGE
    assert re.findall(r"`([a-z-]+)`", PAGE.partition("The stages are ")[2].partition(". Behind")[0]) == [stage.value for stage in Stage]


def test_options() -> None:
    """Every long option that is named is one of ours."""
    parser = Parser(prog="waypost send", allow_abbrev=False)
    send.configure(parser)
    ours = {option for action in parser._actions for option in action.option_strings}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]", PAGE)) - ours == set()
