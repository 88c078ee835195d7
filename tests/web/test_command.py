"""``waypost codes build``: what it says and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from waypost.cli.main import main
from waypost.web.reference import building

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    """What was to be built; the building itself is tested elsewhere."""
    asked: list[tuple[Path, str]] = []

    def build(directory: Path, *, url: str = "") -> int:
        asked.append((directory, url))
        return 12

    monkeypatch.setattr(building, "build", build)
    return asked


def test_it_builds_where_it_is_told(built: list[tuple[Path, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder and the address are passed on, and the number of pages is told, to programs as JSON."""
    assert main(["codes", "build", str(tmp_path / "site"), "--url", "https://codes.example.org"]) == 0
    assert main(["codes", "build", str(tmp_path), "--json"]) == 0

    said = capsys.readouterr().out
    assert built == [(tmp_path / "site", "https://codes.example.org"), (tmp_path, "")]
    assert said.startswith("12 pages in ")
    assert json.loads(said[said.index("{") :]) == {"directory": str(tmp_path), "pages": 12}


def test_what_makes_no_sense(built: list[tuple[Path, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder, two of them, or an address that is none, is a usage error; a file in the place of the folder cannot be made one."""
    file = tmp_path / "file"
    file.write_text("")

    assert main(["codes", "build"]) == 64
    assert main(["codes", "build", "a", "b"]) == 64
    assert main(["codes", "build", str(tmp_path / "x"), "--url", "codes.example.org"]) == 64
    assert main(["codes", "build", str(file)]) == 73
    assert built == []
    assert "Traceback" not in capsys.readouterr().err
