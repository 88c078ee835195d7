"""``waypost check --self`` as it is typed: words that do not fit, what people see, the dev profile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support import toml
from support.chains import root_file
from support.ports import free_port
from waypost.cli import main as door
from waypost.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from diagnose_own.own_kit import House


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["example.org"], "leave out a host"),
        (["--port", "25"], "leave out --port"),
        (["--from", "a@example.org"], "leave out --from"),
        (["--auth", "ada"], "leave out --auth"),
        (["--own", "mx.example.org"], "leave out --own"),
        (["--resolver", "dns.example"], "is no address of a resolver"),
        (["--ca", "/nowhere.pem"], "cannot be read"),
        (["--config", ""], "--config needs a file"),
        (["--set", "workers"], "KEY=VALUE"),
    ],
)
def test_usage(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    """What makes no sense beside --self is said in one line, with exit code 64."""
    assert door.main(["check", "--self", *words]) == Exit.USAGE
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("words", [["--config", "x.toml"], ["--data", "x"], ["--set", "workers=2"]])
def test_configuration_is_for_the_own_server(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """A configuration beside a foreign host would be passed over, so it is a usage error."""
    assert door.main(["check", "example.org", *words]) == Exit.USAGE
    assert "--self, which was not given" in capsys.readouterr().err


def test_a_configuration_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said as every command says it, in one line."""
    assert door.main(["check", "--self", "--config", "/nowhere/waypost.toml"]) == Exit.CONFIG
    assert "/nowhere/waypost.toml" in capsys.readouterr().err


def test_for_people(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The first lines say what is wrong and what to do; the records to publish stand at the end, unbroken; all of it in Chinese too."""
    config = house.folder / "waypost.toml"
    house.tree["hostname"] = "mx.example.org"
    config.write_text(toml.dump(house.tree))
    words = ["check", "--self", "--config", str(config), "--ca", str(root_file(house.folder))]
    assert door.main([*words, "--lang", "en"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mx.example.org  does not work"
    assert lines[1].startswith("The server does not run")
    assert lines[3].startswith("Do next: Start it with `waypost serve --config")
    assert lines[lines.index("Records to publish") + 1] == "mx.example.org. IN A 192.0.2.1"
    assert door.main([*words, "--lang", "zh"]) == 2
    out = capsys.readouterr().out
    assert "服务器没有运行" in out
    assert "需要发布的记录" in out
    assert "Do next" not in out


def test_dev_profile(monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a configuration the DNS is not asked, certificates of one's own making are no fault, and what it is for is told."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.delenv("WAYPOST_CONFIG", raising=False)
    words = [f"listeners.{number}.bind=127.0.0.1:{free_port()}" for number in range(3)] + ["web.bind="]
    assert door.main(["check", "--self", "--json", *(part for word in words for part in ("--set", word))]) == 2
    found = json.loads(capsys.readouterr().out)
    assert {each["stage"] for each in found["findings"]} == {"own"}
    assert {"own-dev", "own-stopped"} <= {each["key"] for each in found["findings"]}
    assert [each["key"] for each in found["findings"] if each["severity"] in ("warning", "error")] == ["own-stopped"]
