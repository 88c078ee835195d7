"""``waypost config``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from waypost.cli.exits import Exit
from waypost.cli.main import main
from waypost.config.schema import leaves

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
hostname = "mx.example.org"
data = "."
[[listeners]]
role = "relay"
bind = "127.0.0.1:2525"
[domains]
local = ["example.org"]
mailboxes = ["ada@example.org"]
[[transports]]
kind = "smtp"
hosts = ["127.0.0.1:24"]
username = "u"
password = "file:secret"
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WAYPOST_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "secret").write_text("hunter2\n")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "waypost.toml"
    path.write_text(GOOD)
    return path


def test_a_good_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No problem is exit 0."""
    assert main(["config", "check", "--config", str(file)]) == Exit.OK
    assert capsys.readouterr() == (f"{file}: no errors, no warnings\n", "")


def test_the_dev_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the dev profile is checked."""
    assert main(["config", "check"]) == Exit.OK
    assert capsys.readouterr() == ("dev profile: no errors, no warnings\n", "")


def test_warnings_alone_are_no_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are told, and the exit code is 0."""
    assert main(["config", "check", "--config", str(file), "--set", "hostname=mx"]) == Exit.OK
    out, err = capsys.readouterr()
    assert out == f"{file}: no errors, 1 warning\n"
    assert err.startswith("warning: --set: hostname: mx is no full domain name")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "hostnam = 1\nworkers = 0\n",
            [
                "error: {}:1: hostnam: unknown key; did you mean hostname?",
                "error: {}:2: workers: 0 is below the least, 1 processes",
            ],
        ),
        (
            GOOD.replace("file:secret", "file:missing"),
            ["error: {}:13: transports.0.password: {}/missing: No such file or directory"],
        ),
        (
            GOOD.replace("data = ", "data = 1 # "),
            ["error: {}:2: data: must be a path in quotes, not the number 1"],
        ),
        (
            GOOD.replace("[[transports]]", '[[transports]]\nmatch = "example.net"'),
            ['error: {}:7: domains.local.0: no transport matches example.org: add [[transports]] with match = "example.org"'],
        ),
    ],
)
def test_errors_are_exit_78(file: Path, capsys: pytest.CaptureFixture[str], text: str, told: list[str]) -> None:
    """All that is wrong, one line each on standard error, with file and line."""
    file.write_text(text)

    assert main(["config", "check", "--config", str(file)]) == Exit.CONFIG
    out, err = capsys.readouterr()
    assert err.replace(f"{file}:", "{}:").replace(str(file.parent), "{}").splitlines() == told
    assert out == f"{file}: {len(told)} error{'s' if len(told) > 1 else ''}, no warnings\n"


def test_problems_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs."""
    file.write_text("\nworkers = 0\n")

    assert main(["config", "check", "--config", str(file), "--json"]) == Exit.CONFIG
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == [
        {"severity": "error", "file": str(file), "line": 2, "setting": "workers", "says": "0 is below the least, 1 processes"}
    ]


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, by check and by every other command."""
    assert main(["config", "check", "--config", "/no/such"]) == Exit.CONFIG
    assert main(["config", "show", "--config", "/no/such"]) == Exit.CONFIG
    assert capsys.readouterr().err == (
        "error: /no/such: cannot be read: No such file or directory\nwaypost: /no/such: cannot be read: No such file or directory\n"
    )


def test_show_tells_values_and_where_they_come_from(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """File and line, variable, option or default; secrets are hidden."""
    monkeypatch.setenv("WAYPOST__LIMITS__HOPS", "20")

    assert main(["config", "show", "--config", str(file), "--set", "workers=2"]) == Exit.OK
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in capsys.readouterr().out.splitlines()}
    assert rows["hostname"] == ['"mx.example.org"', f"{file}:1"]
    assert rows["workers"] == ["2", "--set"]
    assert rows["limits.hops"] == ["20", "WAYPOST__LIMITS__HOPS"]
    assert rows["limits.recipients"] == ["1000", "default"]
    assert rows["domains.local"] == ['["example.org"]', f"{file}:7"]
    assert rows["domains.postmaster"] == ["-", "default"]
    assert rows["listeners.0.role"] == ['"relay"', f"{file}:4"]
    assert rows["relay.normalize"] == ["false", "default"]
    assert rows["transports.0.password"] == ['"(hidden)"', f"{file}:13"]


@pytest.mark.parametrize(("key", "settings"), [("limits.hops", 1), ("listeners.0", 3), ("tls", 2)])
def test_show_of_one_key_or_table(file: Path, capsys: pytest.CaptureFixture[str], key: str, settings: int) -> None:
    """A key shows itself, a table what is in it; as JSON too."""
    assert main(["config", "show", key, "--config", str(file), "--json"]) == Exit.OK
    rows = json.loads(capsys.readouterr().out)
    assert settings == len(rows)
    assert all(row["setting"].startswith(key) and set(row) == {"setting", "value", "from"} for row in rows)


def test_explain_says_what_the_reference_says(capsys: pytest.CaptureFixture[str]) -> None:
    """What it does, what it takes, its default; rows of lists by any position."""
    assert main(["config", "explain", "limits.recipients"]) == Exit.OK
    assert main(["config", "explain", "listeners.0.role"]) == Exit.OK
    assert capsys.readouterr().out == (
        "limits.recipients\n"
        "  Recipients of one message; one more is answered 452 4.5.3.\n"
        "  Takes a whole number from 100 to 100000 (recipients); default 1000.\n"
        "listeners.*.role\n"
        "  relay (port 25), submission (587, 465) or lmtp.\n"
        "  Takes relay, submission or lmtp; required; needs a restart.\n"
    )


@pytest.mark.parametrize("path", [path for path, _ in leaves()], ids=".".join)
def test_explain_knows_every_setting(capsys: pytest.CaptureFixture[str], path: tuple[str, ...]) -> None:
    """None is without words."""
    assert main(["config", "explain", ".".join(path), "--json"]) == Exit.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert row["setting"] == ".".join(path)
    assert row["says"]
