"""How the commands end: the codes of the book, and what is said with each."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.dialogue import Dialogue
from support.needs import require_root
from support.server import PROGRAM
from waypost.cli.exits import Exit

if TYPE_CHECKING:
    from cli.command_kit import Place


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("inbox list to:nobody@example.org", 0, ""),
        ("inbox show 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "there is no captured message 01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("inbox wait to:nobody@example.org --timeout 0", 1, "no such message came within 0 s"),
        ("inbox delete to:nobody@example.org", 0, ""),
        ("queue show 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "no message 01ARZ3NDEKTSV4RRFFQ69G5FAV waits"),
        ("queue plan 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "no message 01ARZ3NDEKTSV4RRFFQ69G5FAV waits"),
        ("queue hold 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "nothing to hold matches 01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("queue fail all --dry-run", 1, "nothing to fail matches all"),
        ("trace 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "no conversation is kept under 01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("inbox list colour:red", 64, "'colour:red' is no filter"),
        ("inbox list to:example.org", 64, "'to:example.org' names no address: write ada@example.org, @example.org"),
        ("inbox list from:a@b from:c@d", 64, "from: is said twice"),
        ("inbox list older:1h", 64, "older: is for the queue"),
        ("inbox list --refused to:a@b", 64, "--refused takes no filter"),
        ("inbox list --limit 0", 64, "'0' is no number from 1 on"),
        ("inbox wait --timeout -1", 64, "'-1' is no number of seconds"),
        ("inbox delete", 64, "the following arguments are required: FILTER"),
        ("queue list subject:x", 64, "subject: is for the inbox"),
        ("queue list newer:soon", 64, "'soon' is no span of time: write 90s, 30m, 2h or 5d"),
        ("queue list state:lost", 64, "'lost' is no state of a waiting recipient"),
        ("queue", 64, "say what to do: list, show, plan, hold, release, retry, fail, delete"),
        ("queue lst", 64, "has no verb lst; did you mean list?"),
        ("config show limits.recipents", 64, "did you mean limits.recipients?"),
        ("config check --set limits.recipients=1", 78, "limits.recipients"),
        ("inbox list --config /nowhere.toml", 78, "/nowhere.toml"),
        ("inbox list --set data=/nowhere", 66, "there is no data directory /nowhere"),
        ("inbox list --data /nowhere", 66, "there is no data directory /nowhere"),
        ("queue list --data /dev/null", 66, "/dev/null is no directory"),
        ("user passwd nobody", 67, "nobody"),
    ],
)
def test_exit_codes(dev: Place, words: str, code: int, said: str) -> None:
    """Each kind of end has its code, and whatever is wrong is one line on standard error."""
    done = dev.run(*words.split())
    assert (done.returncode, done.stderr.count("\n")) == (code, 1 if code else 0), done.stderr
    assert said in done.stderr


def test_the_codes_are_those_of_the_book() -> None:
    """docs/operating.md lists every code and no other."""
    book = (ROOT / "docs" / "operating.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    listed = {int(code) for row in re.findall(r"(?m)^\| ([\d, ]+) \|", book) for code in row.split(", ")}
    assert listed == {int(code) for code in Exit}


def test_the_readme_quotes_the_server(dev: Place) -> None:
    """What the README shows of HELP is what the server says, to the letter."""
    command, *answer = re.findall(r"```\n(HELP .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0].splitlines()
    with Dialogue(dev.port) as talk:
        talk.hello()
        assert talk.ask(command).splitlines() == answer


def test_a_second_server_says_which_setting_is_in_the_way(dev: Place, folder: Path) -> None:
    """One line names the setting, as --set takes it, and the place."""
    more = ["serve", "--data", str(folder / "other"), "--set", f"listeners.0.bind=127.0.0.1:{dev.port}"]
    done = subprocess.run([str(PROGRAM), *more], env=dev.server.environ(), capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == (
        f"waypost: listeners.0.bind: 127.0.0.1:{dev.port} is in use by another program: stop that one, or choose another port\n"
    )


def test_a_server_of_another_account(dev: Place) -> None:
    """Whoever may not ask is told so, with the code for it."""
    require_root()
    # The interpreter may stand where that account may not look: everything is imported before root is given up.
    program = (
        "import difflib, os, sys; import waypost.cli.queue, waypost.cli.main, waypost.config.dev, waypost.daemon.offline, encodings.idna;"
        "os.setgid(65534); os.setuid(65534);"
        "sys.exit(waypost.cli.main.main(sys.argv[1:]))"
    )
    words = ["queue", "list", "--data", str(dev.server.folder / "state" / "waypost")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (77, 1), done.stderr
    assert "may be used by the server's own user and root alone" in done.stderr
