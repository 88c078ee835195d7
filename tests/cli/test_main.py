"""The console script: commands, usage errors, exit codes, faults."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from waypost.cli import main as door
from waypost.cli.exits import Exit, FailureError
from waypost.config.problem import ConfigError, Place, Problem

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


class Stub:
    """A command of its own."""

    def __init__(self, act: Callable[[], int]) -> None:
        self.act = act

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--number", type=int)

    def run(self, _: argparse.Namespace) -> int:
        return self.act()


def run_stub(monkeypatch: pytest.MonkeyPatch, act: Callable[[], int], *argv: str) -> int:
    monkeypatch.setattr(importlib, "import_module", lambda _: Stub(act))
    return door.main(["queue", *argv])


def raising(fault: BaseException) -> Callable[[], int]:
    def act() -> int:
        raise fault

    return act


def program(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environ}
    return subprocess.run(
        [sys.executable, "-m", "waypost.cli.main", *argv], env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["help"]])
def test_help_names_every_command(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    """Help goes to standard output, with each command in a line."""
    assert door.main(argv) == Exit.OK
    out = capsys.readouterr().out
    assert all(f"  {name} " in out and about in out for name, (_, about) in door.COMMANDS.items())


def test_without_a_command_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing asked is a usage error."""
    assert door.main([]) == Exit.USAGE
    captured = capsys.readouterr()
    assert (captured.out, captured.err.splitlines()[0]) == ("", "usage: waypost COMMAND ...")


def test_help_loads_no_room() -> None:
    """``waypost --help`` starts fast because it imports neither a room nor argparse."""
    code = (
        "import sys; from waypost.cli.main import main; main(['--help']); print(sorted(n for n in sys.modules if n.startswith('waypost')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines()[-1] == "['waypost', 'waypost.cli', 'waypost.cli.exits', 'waypost.cli.main']"


def test_version() -> None:
    """The version is told to the operator."""
    done = program("--version")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("waypost ")


def test_every_command_is_there_and_says_of_itself_what_help_says() -> None:
    """Each row of the table names a module that configures and runs, and whose own line is the table's."""
    for name, (module_name, about) in door.COMMANDS.items():
        assert importlib.util.find_spec(module_name) is not None, name
        module = importlib.import_module(module_name)
        if name in door.PROGRAMS:
            assert callable(module.run_words)
        else:
            assert callable(module.configure)
            assert callable(module.run)
        assert about == module.HELP


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["qeue"], "waypost: unknown command qeue; did you mean queue? (see `waypost --help`)\n"),
        (["zzz"], "waypost: unknown command zzz (see `waypost --help`)\n"),
        (["--zzz"], "waypost: unknown option --zzz (see `waypost --help`)\n"),
        (["user"], "waypost: say what to do: add, passwd, remove, list (see `waypost user --help`)\n"),
        (["user", "add"], "waypost: the following arguments are required: NAME (see `waypost user add --help`)\n"),
        (["user", "list", "--jso"], "waypost: unrecognized arguments: --jso (see `waypost user --help`)\n"),
        (["user", "list", "--config"], "waypost: argument --config: expected one argument (see `waypost user list --help`)\n"),
        (["user", "list", "--config", ""], "waypost: --config needs a file\n"),
        (["user", "list", "--data", ""], "waypost: --data needs a folder\n"),
        (["user", "list", "--set", "x"], 'waypost: --set: "x" is not KEY=VALUE: write --set limits.recipients=200, for one\n'),
        (["config", "show", "limit.hops"], "waypost: there is no setting limit.hops; did you mean limits.hops?\n"),
        (["config", "explain", "zzzzzz"], "waypost: there is no setting zzzzzz: docs/settings.md lists all\n"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    """Every usage error is one line on standard error and exit code 64."""
    assert door.main(argv) == Exit.USAGE
    assert capsys.readouterr() == ("", said)


def test_an_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told with the one that was probably meant, or with those that there are."""
    assert door.main(["user", "ad"]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err == "waypost: waypost user has no verb ad; did you mean add? (see `waypost user --help`)\n"
    assert door.main(["user", "zzz"]) == Exit.USAGE
    assert "has no verb zzz: it has add, passwd, remove, list (see" in capsys.readouterr().err


def test_a_command_of_its_own_tells_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """``waypost user --help`` and ``waypost help user`` are the same."""
    assert door.main(["user", "--help"]) == Exit.OK
    first = capsys.readouterr().out
    assert door.main(["help", "user"]) == Exit.OK

    assert first == capsys.readouterr().out
    assert "usage: waypost user" in first


CONFIG_FAULT = ConfigError([Problem(Place("waypost.toml", 3), "a.b", "is wrong"), Problem(Place("waypost.toml", 4), "", "is worse")])


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (FailureError("it is so"), 1, "waypost: it is so\n"),
        (FailureError("it is so", Exit.TEMPORARY), 75, "waypost: it is so\n"),
        (FailureError("two\nlines"), 1, "waypost: two\\x0alines\n"),
        (CONFIG_FAULT, 78, "waypost: waypost.toml:3: a.b: is wrong\nwaypost: waypost.toml:4: is worse\n"),
        (PermissionError(13, "Permission denied", "/x"), 77, "waypost: /x: Permission denied\n"),
        (OSError(28, "No space left on device"), 74, "waypost: No space left on device\n"),
        (ValueError("odd"), 70, "waypost: a fault in Waypost: ValueError: odd (WAYPOST_TRACEBACK=1 shows where)\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_faults_are_one_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: BaseException, code: int, said: str
) -> None:
    """Whatever goes wrong in a command, the operator reads a line and never a traceback."""
    monkeypatch.delenv("WAYPOST_TRACEBACK", raising=False)

    assert code == run_stub(monkeypatch, raising(fault))
    assert capsys.readouterr() == ("", said)


def test_the_traceback_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """With WAYPOST_TRACEBACK=1 a fault comes through whole."""
    monkeypatch.setenv("WAYPOST_TRACEBACK", "1")

    with pytest.raises(ValueError, match="odd"):
        run_stub(monkeypatch, raising(ValueError("odd")))


def test_the_commands_code_is_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``run`` returns is the exit code."""
    assert run_stub(monkeypatch, lambda: 3) == 3


def test_a_reader_that_leaves_is_no_fault() -> None:
    """``waypost ... | head -1`` ends in silence."""
    shell = f"'{sys.executable}' -m waypost.cli.main config explain limits | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["/bin/bash", "-c", shell], capture_output=True, text=True, check=True, timeout=60)

    assert done.stderr == ""
    assert done.stdout in ("141\n", "0\n"), "0 when all was written before the reader left"
