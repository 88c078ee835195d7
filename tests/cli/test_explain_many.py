"""``waypost explain`` given files, folders, logs and streams: each of what they hold, and which of them cannot be explained."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.explain_kit import BOUNCE, LUNCH, objects, told
from waypost.cli.exits import Exit
from waypost.cli.letters import letters

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("in_english")
HELP = "(see `waypost explain --help`)"


def typed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_recipients_who_share_a_failure_are_told_of_together(capsys: pytest.CaptureFixture[str], bounce: Path) -> None:
    """A bounce names both, and gives its advice once."""
    _, out, _ = told(capsys, str(bounce))
    assert out.startswith(f"{bounce}\n")
    assert "Recipients: bob@example.net, grace@example.net" in out
    assert out.count("What to do") == 1


def test_the_same_explanation_is_given_once(capsys: pytest.CaptureFixture[str], bounce: Path) -> None:
    """Recipients who fail for the same reason in other words are told apart, and advised once."""
    bounce.write_text(BOUNCE.replace("550 5.1.1 <grace", "554 5.1.1 <grace"))
    _, out, _ = told(capsys, str(bounce))
    assert (out.count("How this is known"), out.count("What to do"), out.count("The explanation is the one above.")) == (2, 1, 1)


def test_json_is_one_object_per_input_in_order(capsys: pytest.CaptureFixture[str], bounce: Path, tmp_path: Path) -> None:
    """For failures too, each on a line of its own, and the exit code is that of the first failure."""
    lunch = tmp_path / "lunch.eml"
    lunch.write_text(LUNCH)
    code, found = objects(capsys, str(bounce), "550", "no/such/file", str(lunch), "999")
    assert code == Exit.NO_INPUT
    assert [(str(bounce), "dsn", 2), ("550", "code", 1), ("no/such/file", None, 0), (str(lunch), "ordinary", 0), ("999", None, 0)] == [
        (each["input"], each["kind"], len(each["reports"])) for each in found
    ]
    assert found[2]["error"] == "no/such/file: no such file, and no reply code or reply either"
    assert [report["recipient"] for report in found[0]["reports"]] == ["bob@example.net", "grace@example.net"]


def test_standard_input_is_a_message_or_a_reply(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever comes."""
    typed(monkeypatch, BOUNCE.encode())
    assert [(each["input"], each["kind"]) for each in objects(capsys, "-")[1]] == [("-", "dsn")]
    typed(monkeypatch, b"550 5.1.1 user unknown\n")
    assert [each["kind"] for each in objects(capsys, "-")[1]] == ["line"]


def test_lines_are_explained_one_by_one(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file or of standard input; empty ones are none; what stands there is never taken for a file."""
    (tmp_path / "l").write_text("550 5.1.1 user unknown\n\n451 4.7.1 Greylisted, try again later\r\n550\n")
    monkeypatch.chdir(tmp_path)
    code, found = objects(capsys, "--lines", "l")
    assert (code, [each["reports"][0]["code"] for each in found]) == (Exit.OK, ["550", "451", "550"])
    assert found[1]["input"] == "451 4.7.1 Greylisted, try again later"
    long = [f"550 5.1.{number % 9} {'x' * number * 40}" for number in range(1, 60)]
    (tmp_path / "l").write_text("\n".join(long))
    assert long == [each["input"] for each in objects(capsys, "--lines", "l")[1]]
    typed(monkeypatch, b"l\n")
    assert [(each["input"], each["reports"][1:]) for each in objects(capsys, "--lines", "-")[1]] == [("l", [])]


@pytest.mark.parametrize("when", ["Nov 23 10:00:00 mx ", "2026-11-23T10:00:00.123456+00:00 mx ", ""])
def test_a_log_is_each_of_its_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """A file or standard input that begins with a line of a log is explained line by line, without being told to."""
    mark = f"{when}postfix/smtp[7]: 4ABC: to=<bob@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=1"
    bounced = f"{mark}, dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.1] said: 550 5.1.1 user unknown)"
    deferred = f"{mark}, dsn=4.7.1, status=deferred (host mx.example.net[192.0.2.1] said: 450 4.7.1 Greylisted)"
    (tmp_path / "mail.log").write_text(f"{bounced}\n{deferred}\n")
    expected = [("log", "recipient.unknown"), ("log", "rate.greylisted")]
    told_of = objects(capsys, str(tmp_path / "mail.log"))[1]
    assert expected == [(each["kind"], each["reports"][0]["category"]) for each in told_of]
    typed(monkeypatch, f"{bounced}\n".encode())
    assert [each["input"] for each in objects(capsys, "-")[1]] == ["-"]


def test_letters_that_cannot_be_shown_are_no_fault(tmp_path: Path) -> None:
    """Chinese on a terminal without Chinese, and half a letter in an argument."""
    for argv in (["550", "--lang", "zh"], ["550 5.1.1 \udcff user unknown", "--json"], ["no\udcff"]):
        done = subprocess.run(
            [sys.executable, "-m", "waypost.cli.main", "explain", *argv],
            env={**os.environ, "PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            check=False,
            timeout=60,
            cwd=tmp_path,
        )
        assert b"fault" not in done.stderr
        assert done.returncode in (Exit.OK, Exit.NO_INPUT)


def test_an_mbox_is_each_of_its_messages(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Numbered; a file with one message has no number, and a message that is quoted in another begins none."""
    box = tmp_path / "box"
    mark = "From MAILER-DAEMON Mon Nov 23 10:00:00 2026\n"
    box.write_text(f"{mark}{BOUNCE}\n{mark}{LUNCH}\n{mark}{LUNCH}")
    assert [(f"{box}#1", "dsn"), (f"{box}#2", "ordinary"), (f"{box}#3", "ordinary")] == [
        (each["input"], each["kind"]) for each in objects(capsys, str(box))[1]
    ]
    box.write_text(f"{mark}{LUNCH}\nThis is what you wrote:\n\n{mark}{LUNCH}")
    assert [str(box)] == [each["input"] for each in objects(capsys, str(box))[1]]
    box.write_text(f"{mark}{LUNCH}\n{mark}nothing like a field\n\n>From here on: text\n")
    (given,) = letters(str(box))
    assert str(given.content, "ascii") == f"{mark}{LUNCH}\n{mark}nothing like a field\n\nFrom here on: text\n"  # type: ignore[arg-type]  # octets of a file
    named = tmp_path / "one.eml"
    named.write_text(f"{mark}{LUNCH}\n\n{mark}{LUNCH}")
    assert [str(named)] == [given.name for given in letters(str(named))]


def test_a_maildir_is_each_of_its_messages(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By name, new and cur together, not those that are half written; any other folder is the files in it."""
    for part in ("cur", "new", "tmp"):
        (tmp_path / part).mkdir()
    (tmp_path / "new" / "2.b").write_text(LUNCH)
    (tmp_path / "cur" / "1.a:2,S").write_text(BOUNCE)
    (tmp_path / "tmp" / "0.c").write_text(LUNCH)
    assert [each["kind"] for each in objects(capsys, str(tmp_path))[1]] == ["dsn", "ordinary"]
    assert [each["kind"] for each in objects(capsys, str(tmp_path / "tmp"))[1]] == ["ordinary"]


@pytest.mark.parametrize(
    ("argv", "exit_code", "said"),
    [
        (
            [],
            Exit.USAGE,
            "say what to explain: a code (550), a reply in quotes, a file, or - for standard input (see `waypost explain --help`)",
        ),
        ([" "], Exit.USAGE, "an empty argument cannot be explained"),
        (["999"], Exit.DATA, "999 is no reply code: write one such as 550 or 5.7.1 (`waypost codes` lists them all)"),
        (["5.7"], Exit.DATA, "5.7 is no reply code: write one such as 550 or 5.7.1 (`waypost codes` lists them all)"),
        (["nosuchfile"], Exit.NO_INPUT, "nosuchfile: no such file, and no reply code or reply either"),
        (["hello out there"], Exit.NO_INPUT, "hello out there: no such file, and no reply code or reply either"),
        (["--lines", "nosuchfile"], Exit.NO_INPUT, "nosuchfile: No such file or directory"),
        (["."], Exit.DATA, ".: there is no message in this folder"),
        (["picture"], Exit.DATA, "picture: this is no text: give a message, a mailbox file, a Maildir folder or a reply"),
        (["--lines", "picture"], Exit.DATA, "picture: this is no text: give a message, a mailbox file, a Maildir folder or a reply"),
        (
            ["550", "--lang", "xx"],
            Exit.USAGE,
            f"argument --lang: invalid choice: 'xx' (choose from 'en', 'zh') {HELP}",
        ),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], exit_code: Exit, said: str
) -> None:
    """On standard error, with what to write instead, and an exit code of its own."""
    monkeypatch.chdir(tmp_path)
    if "picture" in argv:
        (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    assert (exit_code, "", f"waypost: {said}\n") == told(capsys, *argv)


def test_a_file_that_may_not_be_read_is_told_apart(
    capsys: pytest.CaptureFixture[str], bounce: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit code is that of a missing permission."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(bounce))

    monkeypatch.setattr("builtins.open", refuse)
    code, found = objects(capsys, str(bounce))
    assert (Exit.NO_PERMISSION, f"{bounce}: Permission denied") == (code, found[0]["error"])


def test_what_reports_no_failure_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Ordinary mail, and a file with nothing in it."""
    (tmp_path / "lunch.eml").write_text(LUNCH)
    (tmp_path / "empty").write_bytes(b"")
    code, out, _ = told(capsys, str(tmp_path / "lunch.eml"), str(tmp_path / "empty"))
    assert code == Exit.OK
    assert "Ordinary mail: it reports no failure." in out
    assert "There is nothing in it." in out


def test_a_delay_notice_says_that_the_mail_still_waits(capsys: pytest.CaptureFixture[str], bounce: Path) -> None:
    """First of all; its recipients are temporary, and to be tried again unchanged."""
    bounce.write_text(BOUNCE.replace("Action: failed", "Action: delayed").replace("Undelivered", "Delayed"))
    code, found = objects(capsys, str(bounce))
    assert (code, found[0]["kind"]) == (Exit.OK, "delayed")
    assert {"temporary"} == {report["permanence"] for report in found[0]["reports"]}
    lines = told(capsys, str(bounce))[1].splitlines()
    assert lines[1].startswith("A delay notice: ")
    assert any(line.startswith("temporary · ") and "retry: yes, unchanged, after a while" in line for line in lines)


def test_what_stays_is_not_tried_again_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    """A final refusal for a reason that mostly passes asks for a change first."""
    line = told(capsys, "554 5.3.0 local error in processing")[1].splitlines()[1]
    assert line.startswith("permanent · ")
    assert "retry: only after something was changed" in line


def test_a_folder_that_cannot_be_read_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like a file."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert (Exit.NO_PERMISSION, "", f"waypost: {tmp_path}: Permission denied\n") == told(capsys, str(tmp_path))


def test_many_inputs_are_counted_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """By kind and by category, the most frequent first; two are not many, and JSON counts nothing."""
    full, unknown = "550 5.2.2 mailbox full", "550 5.1.1 user unknown"
    out = told(capsys, unknown, full, "999", unknown)[1]
    assert out.splitlines()[-4:-2] == ["All together", "4 inputs: 3 line"]
    assert out.splitlines()[-2].startswith("2: ")
    assert out.splitlines()[-1].endswith("(recipient.full)")
    assert "合计" in told(capsys, full, full, full, "--lang", "zh")[1]
    assert "All together" not in told(capsys, full, unknown)[1]
    assert len(objects(capsys, full, full, full)[1]) == 3
