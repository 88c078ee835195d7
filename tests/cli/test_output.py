"""How commands print."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from waypost.cli import output, sheet

if TYPE_CHECKING:
    import pytest

ROWS = [("ada", "[bold]1[/bold]"), ("\x1b[31mred", "a\tb")]


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")


def test_in_a_pipe_cells_are_separated_by_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a row, no heading, nothing that could break a line or steer a terminal."""
    output.table(("NAME", "VALUE"), ROWS, empty="Nothing.")
    output.table(("NAME", "VALUE"), [], empty="Nothing.")

    assert capsys.readouterr().out == "ada\t[bold]1[/bold]\n\\x1b[31mred\ta\\x09b\n"


def test_on_a_terminal_rows_stand_under_their_names(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A table for people; cells are shown as they are, never read as markup."""
    on_terminal(monkeypatch)
    output.table(("NAME", "VALUE"), ROWS)
    output.table(("NAME", "VALUE"), [], empty="Nothing.")

    out = capsys.readouterr().out
    assert [word in out for word in ("NAME", "[bold]1[/bold]", "\\x1b[31mred", "Nothing.")] == [True] * 4
    assert "\x1b[31m" not in out


def test_json_is_one_line_in_a_pipe_and_indented_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same value either way."""
    value = {"name": "ü", "rows": [1]}
    output.json_out(value)
    piped = capsys.readouterr().out
    on_terminal(monkeypatch)
    output.json_out(value)
    shown = capsys.readouterr().out

    assert piped == '{"name": "ü", "rows": [1]}\n'
    assert json.loads(shown) == value
    assert shown.count("\n") > 1


def test_words_cannot_steer_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines, titles, pairs, texts and errors show control characters instead of sending them."""
    output.line("a\x1b[2Jb")
    output.title("t\x07")
    output.pairs([("from", "x\ny"), ("none", ""), ("subject", "s")])
    output.text("one\r\ntwo\tthree\x1b")
    output.error("bad\nnews")
    on_terminal(monkeypatch)
    output.title("t")

    assert capsys.readouterr() == (
        "a\\x1b[2Jb\nt\\x07\n  from     x\\x0ay\n  subject  s\none\ntwo\tthree\\x1b\nt\n",
        "waypost: bad\\x0anews\n",
    )


def test_people_get_a_screenful_and_programs_get_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A queue of a million does not scroll by, and that there is more is told; a pipe, JSON and --limit are taken at their word."""
    assert [output.screenful(None, json=False), output.screenful(7, json=False)] == [None, 7]
    on_terminal(monkeypatch)
    assert [output.screenful(None, json=False), output.screenful(None, json=True), output.screenful(7, json=False)] == [1001, None, 7]
    assert [len(output.cut([0] * 1000, None)), len(output.cut([0] * 1001, 2000))] == [1000, 1001]
    assert capsys.readouterr().err == ""
    assert len(output.cut([0] * 1001, None)) == 1000
    assert capsys.readouterr().err == "waypost: more than 1000 match: a filter chooses among them, --limit N shows more\n"


def test_wide_labels_leave_room_on_narrow_terminals(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A label that fills the terminal stands above its text, which is not squeezed into a column of single letters."""
    on_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "40")
    sheet.labelled([("mx.broken.example [192.0.2.251]", "open 25, 465, 587; refused 2525, 24"), ("Do", "mend it")])
    sheet.head("mx.very-very-broken.example", "does not work")

    lines = capsys.readouterr().out.splitlines()
    assert "open 25, 465, 587" in lines[1]
    assert all(len(line) <= 40 for line in lines)
    assert lines[-1] == "does not work"
