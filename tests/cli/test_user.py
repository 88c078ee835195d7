"""``waypost user``."""

from __future__ import annotations

import asyncio
import getpass
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from waypost.cli.exits import Exit
from waypost.cli.main import main
from waypost.clock import SYSTEM
from waypost.directory import passwords
from waypost.directory.accounts import AccountError, Accounts
from waypost.directory.credentials import Verified, Verifier
from waypost.directory.settings import AuthSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYPOST_CONFIG", raising=False)


def user(monkeypatch: pytest.MonkeyPatch, data: Path, *argv: str, given: bytes = b"") -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    return main(["user", *argv, "--data", str(data)])


def prompted(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """A terminal, on which each hidden prompt is answered in turn; the prompts that came."""
    prompts: list[str] = []
    waiting = list(answers)

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return waiting.pop(0)

    monkeypatch.setattr(getpass, "getpass", answer)
    terminal = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    return prompts


def opens(data: Path, password: str) -> bool:
    verifier = Verifier(data, AuthSettings(), SYSTEM)
    verdict = asyncio.run(verifier.verify("ada", password))
    verifier.close()
    return verdict == Verified("ada")


def test_a_whole_life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An account is made, listed, given another password and removed."""
    assert user(monkeypatch, tmp_path, "add", "ada", given=b"one\nignored\n") == Exit.OK
    assert opens(tmp_path, "one")
    assert user(monkeypatch, tmp_path, "list", "--json") == Exit.OK
    assert user(monkeypatch, tmp_path, "passwd", "ada", "--password-file", "-", given=b"two") == Exit.OK
    assert opens(tmp_path, "two")
    assert user(monkeypatch, tmp_path, "list") == Exit.OK
    assert user(monkeypatch, tmp_path, "remove", "ada", "--json") == Exit.OK
    assert not opens(tmp_path, "two")

    added, listed, changed, row, removed = capsys.readouterr().out.splitlines()
    assert (added, changed) == ("added ada", "changed ada")
    assert [set(account) for account in json.loads(listed)] == [{"name", "created", "changed"}]
    assert row.split("\t")[0] == "ada"
    assert json.loads(removed) == {"name": "ada", "done": "removed"}


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["add", "ADA"], Exit.CANNOT_CREATE, "there is an account ADA already: change its password with `waypost user passwd ADA`"),
        (["passwd", "eve"], Exit.NO_USER, "there is no account eve: `waypost user list` shows all, `waypost user add eve` makes it"),
        (["remove", "eve"], Exit.NO_USER, "there is no account eve: `waypost user list` shows all, `waypost user add eve` makes it"),
        (["add", "a b"], Exit.DATA, "an account's name holds neither blanks nor control characters"),
        (["passwd", "ada", "--password-file", "/no/such"], Exit.NO_INPUT, "/no/such: No such file or directory"),
        (["passwd", "ada"], Exit.DATA, "there is no password on the first line of standard input"),
    ],
)
def test_what_cannot_be_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: Exit, said: str
) -> None:
    """Each has one line and a code of its own, and changes nothing."""
    user(monkeypatch, tmp_path, "add", "ada", given=b"one\n")
    capsys.readouterr()

    assert code == user(monkeypatch, tmp_path, *argv, given=b"\n" if argv[0] != "add" else b"x\n")
    assert capsys.readouterr() == ("", f"waypost: {said}\n")
    assert opens(tmp_path, "one")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"x" * 1025 + b"\n", "a password has at most 1024 octets"),
        (b"a\x07b\n", "a password cannot hold control characters"),
        (b"\xff\n", "standard input is not UTF-8"),
    ],
)
def test_passwords_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: bytes, said: str
) -> None:
    """They are refused without being shown."""
    assert user(monkeypatch, tmp_path, "add", "ada", given=given) == Exit.DATA
    assert capsys.readouterr() == ("", f"waypost: {said}\n")


def test_the_longest_password_from_a_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """1024 octets and CRLF are read whole."""
    assert user(monkeypatch, tmp_path, "add", "ada", given=b"x" * 1024 + b"\r\n") == Exit.OK
    assert opens(tmp_path, "x" * 1024)


def test_a_password_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first line of a file is the password."""
    (tmp_path / "pw").write_text("one\n")

    assert user(monkeypatch, tmp_path, "add", "ada", "--password-file", str(tmp_path / "pw")) == Exit.OK
    assert opens(tmp_path, "one")


def test_on_a_terminal_it_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hidden, two times; when they differ nothing is changed."""
    prompts = prompted(monkeypatch, "one", "one")
    assert main(["user", "add", "ada", "--data", str(tmp_path)]) == Exit.OK
    assert prompts == ["Password for ada: ", "The same again: "]
    assert opens(tmp_path, "one")

    prompted(monkeypatch, "two", "tow")
    assert main(["user", "passwd", "ada", "--data", str(tmp_path)]) == Exit.DATA
    assert "differ" in capsys.readouterr().err
    assert opens(tmp_path, "one")


def test_nobody_is_asked_in_vain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An account that cannot be made is told before a password is asked for."""
    user(monkeypatch, tmp_path, "add", "ada", given=b"one\n")
    prompts = prompted(monkeypatch)

    assert main(["user", "add", "ada", "--data", str(tmp_path)]) == Exit.CANNOT_CREATE
    assert prompts == []


def test_no_password_is_taken_by_argument(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no option and no place for one: other users could read it there."""
    assert user(monkeypatch, tmp_path, "add", "ada", "hunter2") == Exit.USAGE
    assert user(monkeypatch, tmp_path, "add", "ada", "--password", "hunter2") == Exit.USAGE
    assert capsys.readouterr().out == ""


def test_nothing_printed_or_kept_holds_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither output nor data directory."""
    user(monkeypatch, tmp_path, "add", "ada", given=b"hunter2\n")
    user(monkeypatch, tmp_path, "list", "--json")

    assert "hunter2" not in str(capsys.readouterr())
    assert not any(b"hunter2" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_configuration_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """$WAYPOST_CONFIG names the file when --config does not."""
    (tmp_path / "waypost.toml").write_text('data = "here"\n')
    monkeypatch.setenv("WAYPOST_CONFIG", str(tmp_path / "waypost.toml"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n")))

    assert main(["user", "add", "ada"]) == Exit.OK
    assert opens(tmp_path / "here", "one")


def test_data_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file where the data directory should be is named."""
    (tmp_path / "file").write_text("")

    assert user(monkeypatch, tmp_path / "file", "add", "ada", given=b"one\n") == Exit.IO
    assert capsys.readouterr().err == f"waypost: {tmp_path}/file/accounts.json: Not a directory\n"


def test_accounts_that_may_not_be_read_have_the_code_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another account's data are a matter of permission, not a broken disk."""

    def forbidden(*_: object) -> None:
        raise AccountError("accounts.json: Permission denied") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(Accounts, "list", forbidden)
    assert main(["user", "list", "--data", str(tmp_path)]) == Exit.NO_PERMISSION
    assert capsys.readouterr().err == "waypost: accounts.json: Permission denied\n"
