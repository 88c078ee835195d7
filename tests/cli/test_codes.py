"""``waypost codes``: the reference, one of its records, and which code to answer with."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import pytest

from waypost.cli import main as door
from waypost.cli.exits import Exit
from waypost.observe.layout import columns as taken
from waypost.replies.records import RecordKind, records

FIELDS = [
    "code",
    "kind",
    "title",
    "class",
    "description",
    "occurs",
    "fix",
    "permanence",
    "phases",
    "related",
    "references",
    "known_from",
]


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert door.main(["codes", *argv, "--lang", "en"] if "--lang" not in argv else ["codes", *argv]) == Exit.OK
    out, err = capsys.readouterr()
    assert err == ""
    return out


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int, typed: str | None = None) -> None:
    if typed is not None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_json_is_the_whole_list_of_codes(capsys: pytest.CaptureFixture[str], lang: str) -> None:
    """Basic, enhanced and nonstandard, each once, each with every field and nothing else; facts are alike in both languages."""
    told = json.loads(printed(capsys, "--json", "--lang", lang))
    assert list(records("en")) == [row["code"] for row in told]
    assert len({row["code"] for row in told}) == len(told)
    for row in told:
        assert list(row) == FIELDS
        assert re.fullmatch(r"\d{3}|X\.\d\.\d{1,2}", row["code"])
        assert row["kind"] in ("basic", "enhanced", "nonstandard")
        assert row["permanence"] in ("permanent", "temporary", "unknown", None)
        assert row["fix"]["sender"]
        assert row["fix"]["operator"]
        assert row["known_from"] in ("rfc", "iana", "vendor", "observed")
        assert bool(re.search(r"[\u4e00-\u9fff]", row["description"])) == (lang == "zh")


def test_good_news_have_no_permanence(capsys: pytest.CaptureFixture[str]) -> None:
    """A code that is no failure has null, one that may be either unknown."""
    told = {row["code"]: row["permanence"] for row in json.loads(printed(capsys, "--json"))}
    assert tuple(told[code] for code in ("214", "354", "450", "550", "X.2.2")) == (None, None, "temporary", "permanent", "unknown")


def test_one_code_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the same schema."""
    told = json.loads(printed(capsys, "550", "--json"))
    assert (list(told), told["code"]) == (FIELDS, "550")


def test_csv_holds_the_same_under_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    """One row a code; the two remedies are two columns."""
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "--csv"))))
    assert list(records("en")) == [row["code"] for row in rows]
    assert {"fix_sender", "fix_operator"} <= set(rows[0])
    assert "\x1b" not in rows[0]["description"]
    assert [row["code"] for row in csv.DictReader(io.StringIO(printed(capsys, "550", "--csv")))] == ["550"]


def test_in_a_pipe_each_code_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Code, kind, permanence and title, parted by tabs."""
    lines = printed(capsys).splitlines()
    assert len(records("en")) == len(lines)
    assert [4] * len(lines) == [len(line.split("\t")) for line in lines]
    assert "550\tbasic\tpermanent\t" in "\n".join(lines)


@pytest.mark.parametrize("kind", ["extension", "command", "provider", "category", "vendor", "glossary"])
def test_other_kinds_are_listed_when_asked_for(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """As JSON too."""
    told = json.loads(printed(capsys, "--kind", kind, "--json"))
    assert list(records("en", RecordKind(kind))) == [row["code"] for row in told]
    assert told


def test_one_record_of_any_kind_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A code, one with its class, an extension, a category."""
    assert printed(capsys, "220").startswith("220  ")
    assert printed(capsys, "5.7.1").splitlines()[1].startswith("permanent · ")
    assert printed(capsys, "size").startswith("SIZE  ")
    assert printed(capsys, "rate.greylisted").splitlines()[1].startswith("temporary · nobody must act")
    assert "In registry: X.7.27 " in printed(capsys, "google.5.7.27")
    assert "What it says: " in printed(capsys, "google")
    assert "What to do" not in printed(capsys, "envelope")
    size = printed(capsys, "SIZE")
    assert [word for word in ("Parameters: ", "Status: ", "This server: offers it") if word not in size] == []
    assert printed(capsys, "220", "--lang", "zh").splitlines()[1].startswith("没有失败")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("columns", [60, 120])
def test_on_a_terminal_the_list_is_grouped_and_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, lang: str
) -> None:
    """Each class and subject under its heading."""
    terminal(monkeypatch, columns)
    out = printed(capsys, "--lang", lang)
    assert [line for line in out.splitlines() if taken(line) > columns] == []
    assert out.count("\n\n") > 10
    assert "X.7.26" in out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["999"], Exit.NOT_FOUND, "999 is no code of the reference: `waypost codes` lists them all, --kind other records"),
        (["550", "551"], Exit.USAGE, "one code at a time: `waypost compare 550 551` sets two beside each other"),
        (["--json", "--csv"], Exit.USAGE, "--json and --csv exclude each other"),
        (["choose", "xylophone"], Exit.NOT_FOUND, "no reason tells of 'xylophone': `waypost codes choose` lists them all"),
    ],
)
def test_wrong_input_is_one_line(capsys: pytest.CaptureFixture[str], argv: list[str], code: Exit, said: str) -> None:
    """On standard error, with what to write instead."""
    assert code == door.main(["codes", *argv])
    assert ("", f"waypost: {said}\n") == capsys.readouterr()


def test_choose_lists_every_reason_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, code, status and reason, parted by tabs; as JSON whole."""
    lines = printed(capsys, "choose").splitlines()
    assert len(lines) >= 30
    assert "unknown-mailbox\t550\t5.1.1\tthere is no such mailbox here" in lines
    told = json.loads(printed(capsys, "choose", "--json"))
    assert len(lines) == len(told)
    assert {"name", "reason", "code", "status", "phase", "wording", "why", "not"} == set(told[0])


def test_choose_answers_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Code, status, wording, and why not its neighbours."""
    out = printed(capsys, "choose", "greylisting")
    assert out.startswith("450 4.7.0  ")
    assert "Answer: 450 4.7.0 Not seen before" in out
    assert "\n421: " in out
    assert "为何不用" in printed(capsys, "choose", "灰名单", "--lang", "zh")


def test_choose_asks_for_a_number_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the list that it shows; an empty line and the end of input choose none."""
    terminal(monkeypatch, 80, "1\n")
    out = printed(capsys, "choose")
    assert "I want to refuse because ..." in out
    assert " 550 5.1.1 " in out
    for typed in ("\n", ""):
        terminal(monkeypatch, 80, typed)
        assert "550 5.1.1" not in printed(capsys, "choose")


@pytest.mark.parametrize("typed", ["0", "99", "x", "٣"])
def test_choose_takes_no_other_number(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """It is a usage error, and told with the numbers that there are."""
    terminal(monkeypatch, 80, f"{typed}\n")
    assert door.main(["codes", "choose"]) == Exit.USAGE
    assert re.search(r"is no number from 1 to \d+\n$", capsys.readouterr().err)
