"""Documents name code, tests and settings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from waypost.config.document import described

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "waypost"
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md"), *ROOT.glob("*.md")])
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir()}


def words(page: Path) -> list[str]:
    """What stands between backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    """Paths such as `accept/gate`, `src/...`, `tests/...`, modules such as `spool.sqlite` and names in them."""
    lost = []
    for word in words(page):
        path = re.match(r"((?:src|tests|tools|contrib|docs|scripts)(?:/[\w.-]+)+)", word)
        room = re.match(r"(\w+)/([\w/]+)(\.\w+)?", word)
        if path:
            found = (ROOT / path[1]).exists() or bool(list(ROOT.glob(f"{path[1]}*")))
        elif room and room[1] in ROOMS:
            found = bool(list(PACKAGE.glob(f"{room[1]}/{room[2]}*")))
        else:
            continue
        if not found:
            lost.append(word)
    assert lost == []


def test_the_seams_of_the_house_exist() -> None:
    """Each row of the table of seams names a protocol and its bodies."""
    table = (ROOT / "docs" / "house.md").read_text().partition("## Seams")[2].partition("## ")[0]
    lost = []
    for word in re.findall(r"`(\w+(?:\.\w+)+)`", table):
        module, _, name = word.rpartition(".")
        place = PACKAGE / word.replace(".", "/")
        within = PACKAGE / f"{module.replace('.', '/')}.py"
        named = within.is_file() and f"class {name}" in within.read_text()
        if not (place.is_dir() or place.with_suffix(".py").is_file() or named):
            lost.append(word)
    assert len(re.findall(r"(?m)^\| `", table)) >= 6
    assert lost == []


SETTINGS = {row.setting for row in described()}
TABLES = {setting.split(".")[0] for setting in SETTINGS if "." in setting} - ROOMS - {"tls"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    """Settings such as `limits.recipients`; where a room has the name of a table, only what is no module."""
    lost = []
    for word in words(page):
        setting = re.fullmatch(r"([a-z]+)\.([a-z_]+)", word)
        if setting and setting[1] in TABLES and word not in SETTINGS and f"{setting[1]}.*.{setting[2]}" not in SETTINGS:
            lost.append(word)
    assert lost == []
