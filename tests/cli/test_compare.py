"""``waypost compare``: two codes beside each other."""

from __future__ import annotations

import json
import sys

import pytest

from waypost.cli import main as door
from waypost.cli.exits import Exit
from waypost.observe.layout import columns as taken


def shown(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert door.main(["compare", *argv]) == Exit.OK
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_summary_comes_first_and_both_codes_are_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Then what parts them, which to answer with, what to do on meeting one, and where to read on."""
    out = shown(capsys, "450", "550", "--lang", "en")
    assert "450" in out.splitlines()[0]
    assert "550" in out.splitlines()[0]
    order = ["\n450  ", "\n550  ", "Key differences", "Which to answer", "Which you met", "Related: ", "Defined in: "]
    assert sorted(out.index(part) for part in order) == [out.index(part) for part in order]
    assert [out.count(f"{label}: ") for label in ("Meaning", "When", "Sender", "Operator")] == [2] * 4 or out.count("Meaning: ") == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_either_order_prints_the_same(capsys: pytest.CaptureFixture[str], lang: str) -> None:
    """The canonical one."""
    assert shown(capsys, "214", "220", "--lang", lang) == shown(capsys, "220", "214", "--lang", lang)


def test_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    """Headings and sentences too."""
    out = shown(capsys, "550", "5.1.1", "--lang", "zh")
    assert [word for word in ("主要区别", "该回复哪个", "遇到之后", "含义：") if word not in out] == []
    assert [word for word in ("Meaning", "Key", "refuses", "section") if word in out] == []


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, with both records in the form that `codes --json` has."""
    told = json.loads(shown(capsys, "5.7.26", "5.7.1", "--json"))
    assert [code["code"] for code in told["codes"]] == ["X.7.1", "X.7.26"]
    assert told["name"] == "5.7.1-5.7.26"
    assert told["differences"]
    assert {"title", "description", "occurs", "fix", "permanence"} <= set(told["codes"][0])


def test_the_same_code_twice_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    """And said to be so."""
    out = shown(capsys, "550", "550", "--lang", "en")
    assert out.startswith("550 is the same code twice")
    assert (out.count("Meaning: "), out.count("Key differences")) == (1, 0)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["214", "9"], Exit.NOT_FOUND, "9 is no known reply code: write one such as 550 or 5.1.1 (`waypost codes` lists them all)"),
        (["SIZE", "214"], Exit.NOT_FOUND, "SIZE is no known reply code: write one such as 550 or 5.1.1 (`waypost codes` lists them all)"),
        (["214"], Exit.USAGE, "the following arguments are required: B (see `waypost compare --help`)"),
    ],
)
def test_wrong_input_is_one_line(capsys: pytest.CaptureFixture[str], argv: list[str], code: Exit, said: str) -> None:
    """On standard error, with what to write instead."""
    assert code == door.main(["compare", *argv])
    assert ("", f"waypost: {said}\n") == capsys.readouterr()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("columns", [60, 100])
def test_on_a_terminal_every_line_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, lang: str
) -> None:
    """Wide letters counted double."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))
    out = shown(capsys, "450", "5.2.2", "--lang", lang)
    assert [line for line in out.splitlines() if taken(line) > columns] == []
