"""``waypost explain`` given codes and replies: what it takes its arguments for and what it prints, on a terminal and in a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.explain_kit import LUNCH, objects, told
from waypost.cli.exits import Exit
from waypost.cli.options import spoken

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("in_english")


def test_a_code_answers_the_first_questions_first(capsys: pytest.CaptureFixture[str]) -> None:
    """What it is; whether it lasts, who must act, whether to retry; what it means; what to do: in this order, in a pipe one line each."""
    code, out, err = told(capsys, "550")
    lines = out.splitlines()
    assert (code, err) == (Exit.OK, "")
    assert lines[0].startswith("550  ")
    assert lines[1].startswith("permanent · ")
    assert "must act · retry: only after something was changed" in lines[1]
    assert out.index("What to do") < out.index("Sender: ") < out.index("Operator: ") < out.index("When: ") < out.index("Defined in: ")
    assert "\x1b" not in out


def test_chinese_is_chinese_throughout(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With --lang zh, or where the environment speaks Chinese; headings too."""
    asked = told(capsys, "550", "--lang", "zh")[1]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert asked == told(capsys, "550")[1]
    assert "永久失败 · 需要由" in asked
    assert [word for word in ("Sender", "permanent", "Example", "Defined", "retry") if word in asked] == []
    assert told(capsys, "550", "--lang", "en")[1].startswith("550  ")


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "zh_SG"}, "zh"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_the_language_of_the_environment(environ: dict[str, str], lang: str) -> None:
    """LC_ALL before LC_MESSAGES before LANG; what there is not is English."""
    assert lang == spoken(environ)


def test_a_reply_shows_what_was_said_and_how_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Evidence stands below the advice, and where to read on at the end."""
    _, out, _ = told(capsys, "550 5.1.1 <bob@example.net>: user unknown")
    assert out.startswith("550 5.1.1  ")
    assert "user unknown" in out
    assert out.index("What to do") < out.index("How this is known: ") < out.index("More: waypost codes 550")
    assert "waypost codes recipient.unknown" in out


def test_what_parses_as_a_reply_is_one_even_if_such_a_file_exists(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file named 550 does not hide the code; a path to it reads the file."""
    monkeypatch.chdir(tmp_path)
    for name in ("550", "550 no such user", "5.7.1"):
        (tmp_path / name).write_text(LUNCH)
    _, found = objects(capsys, "550", "550 no such user", "5.7.1", "./550")
    assert [(each["input"], each["kind"]) for each in found] == [
        ("550", "code"),
        ("550 no such user", "line"),
        ("5.7.1", "code"),
        ("./550", "ordinary"),
    ]


@pytest.mark.parametrize(
    ("given", "code", "status", "category"),
    [
        ("#5.1.1", None, "5.1.1", "recipient.unknown"),
        ("<550>", "550", None, "unknown"),
        ("mailbox is over its quota", None, None, "recipient.full"),
    ],
)
def test_a_code_in_brackets_and_words_alone_are_understood(
    capsys: pytest.CaptureFixture[str], given: str, code: str | None, status: str | None, category: str
) -> None:
    """As they are copied from somewhere."""
    (told_of,) = objects(capsys, given)[1]
    (report,) = told_of["reports"]
    assert (code, status, category) == (report["code"], report["status"], report["category"])
    assert told(capsys, given)[0] == Exit.OK


def test_a_line_may_be_long(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Longer than what is looked at first."""
    (tmp_path / "l").write_text(f"550 5.1.1 {'x' * 3000}\n550 5.1.1 user unknown\n")
    assert [len(each["input"]) for each in objects(capsys, "--lines", str(tmp_path / "l"))[1]] == [3010, 22]


def test_good_news_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """A reply of success asks nobody to act."""
    assert told(capsys, "250 2.1.5 OK")[1].splitlines()[1].startswith("no failure · nobody must act")
    assert told(capsys, "214")[1].splitlines()[1].startswith("no failure · nobody must act")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("given", ["550", "5.7.1", "550 5.7.26 This mail is unauthenticated, see https://example.org/help for more"])
def test_on_a_terminal_every_line_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: str, columns: int, lang: str
) -> None:
    """From 60 to 120 columns, wide letters counted double; a word that is longer stands alone; colour is welcome there only."""
    from waypost.observe.layout import columns as taken  # noqa: PLC0415 - for this test alone

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))
    out = told(capsys, given, "--lang", lang)[1]
    assert [line for line in out.splitlines() if taken(line) > columns and len(line.split()) > 2] == []
    assert "\x1b" not in out


def test_words_of_a_message_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown of a reply has no control characters."""
    assert "\x1b" not in told(capsys, "550 5.1.1 \x1b[2J user unknown \x07")[1]


def test_explaining_a_code_imports_nothing_heavy() -> None:
    """So that it answers at once: no parser of messages, no rules, no colour library, no network, no configuration."""
    code = (
        "import sys; before = set(sys.modules); from waypost.cli.main import main; main(['explain', '550']);"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.splitlines()[-1].split()
    heavy = ("email", "rich", "urllib", "asyncio", "socket", "ssl", "logging", "tomllib", "pathlib", "difflib", "msgspec", "csv")
    ours = ("catalogue", "keys", "help", "line", "bounce", "comparison", "choose", "own_words")
    assert [name for name in loaded if name.split(".")[0] in heavy] == []
    assert [name for name in loaded if name.startswith(tuple(f"waypost.replies.{room}" for room in ours))] == []
    assert [name for name in loaded if name.startswith(("waypost.config", "waypost.net", "waypost.store", "waypost.web"))] == []


def test_a_reader_that_leaves_early_is_no_fault(tmp_path: Path) -> None:
    """``waypost explain --lines ... | head -1`` ends in silence."""
    (tmp_path / "l").write_text("550 5.1.1 user unknown\n" * 3000)
    shell = f"'{sys.executable}' -m waypost.cli.main explain --json --lines l | head -c 20 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", shell], capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path, env=dict(os.environ)
    )
    assert ("", f"{Exit.PIPE.value}\n") == (done.stderr, done.stdout)
