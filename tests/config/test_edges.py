"""Every setting at its edges, through the real loader; and the reference that is drawn from the same declarations."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from waypost.config.check import check
from waypost.config.document import described, page
from waypost.config.load import load
from waypost.config.problem import ConfigError
from waypost.config.schema import EACH, Entry, element_of, leaves

ROOT = Path(__file__).resolve().parents[2]
ALL = list(leaves())
MEASURED = [(path, entry) for path, entry in ALL if entry.setting.unit]
ROWS = {
    "listeners": '[[listeners]]\nrole = "relay"\nbind = "127.0.0.1:25"\n',
    "transports": '[[transports]]\nkind = "capture"\n',
}


def name(row: tuple[tuple[str, ...], Entry]) -> str:
    return ".".join(row[0])


def source(path: tuple[str, ...], entry: Entry, value: float) -> str:
    """A file that sets that one setting."""
    written = f"[{value}]" if element_of(entry.kind) is not None else str(value)
    if EACH in path:
        return f"{ROWS[path[0]]}{path[-1]} = {written}\n"
    return f"{'.'.join(path)} = {written}\n"


def read(tmp_path: Path, path: tuple[str, ...], entry: Entry, value: float) -> Any:
    file = tmp_path / "waypost.toml"
    file.write_text(source(path, entry, value))
    found: Any = load(file, environ={}).settings
    for key in path:
        found = found[0] if key == EACH else getattr(found, key)
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("row", MEASURED, ids=name)
def test_each_setting_at_its_edges(tmp_path: Path, row: tuple[tuple[str, ...], Entry]) -> None:
    """Its least and its most are taken; one below and one above are refused, by line, name, bound and unit."""
    path, entry = row
    least, most, unit = entry.setting.least, entry.setting.most, entry.setting.unit
    assert least is not None, "a setting with a unit declares its least"
    assert most is not None, "a setting with a unit declares its most"
    least, most = int(least), int(most)

    assert read(tmp_path, path, entry, least) == least
    assert read(tmp_path, path, entry, most) == most
    for beyond, bound in [(least - 1, f"below the least, {least} {unit}"), (most + 1, f"above the most, {most} {unit}")]:
        with pytest.raises(ConfigError) as caught:
            read(tmp_path, path, entry, beyond)
        assert caught.value.says == f"{beyond} is {bound}"
        assert caught.value.setting.startswith(".".join(path).replace(EACH, "0"))
        assert caught.value.line > 0


@pytest.mark.parametrize("row", ALL, ids=name)
def test_each_setting_speaks_for_itself(row: tuple[tuple[str, ...], Entry]) -> None:
    """Each says what it does in sentences, has a default within its own bounds, and a number that counts has a unit."""
    _, entry = row

    assert re.fullmatch(r"[A-Za-z].*\.", entry.setting.says, re.DOTALL)
    assert entry.setting.unit or not {int, float} & {*entry.choices, element_of(entry.kind)}, "a number needs a unit"
    values = entry.default if isinstance(entry.default, tuple) else (entry.default,)
    for value in values if entry.setting.unit else ():
        assert entry.setting.least <= value <= entry.setting.most  # type: ignore[operator] # a unit demands both


def test_the_reference_is_fresh() -> None:
    """docs/settings.md is what the declarations give."""
    assert (ROOT / "docs/settings.md").read_text("utf-8") == page(), "run tools/generate_settings.py"


def test_the_generator_knows_whether_it_is_fresh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` changes nothing and says yes."""
    monkeypatch.setattr("sys.argv", ["generate_settings.py", "--check"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "tools/generate_settings.py"), run_name="__main__")

    assert end.value.code == 0
    assert "is fresh" in capsys.readouterr().out


def test_every_setting_is_in_the_reference() -> None:
    """None is left out, and each line has its bounds and default."""
    text = page()

    assert [row.setting for row in described()] == [".".join(path) for path, _ in ALL]
    for row in described():
        key = row.setting.rpartition(".")[2]
        assert f"| `{key}` | {row.takes} | `{row.default}` |" in text


def test_the_first_file_of_the_guide_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that docs/configuration.md begins with has no error but what this machine lacks: its certificate and its user."""
    guide = (ROOT / "docs/configuration.md").read_text("utf-8")
    file = tmp_path / "waypost.toml"
    file.write_text(guide.partition("```toml\n")[2].partition("```")[0])
    monkeypatch.setattr("os.access", lambda *_: True)

    problems = check(load(file, environ={}))

    assert {problem.setting for problem in problems} <= {"tls.certificate", "user", "data", "listeners"}
