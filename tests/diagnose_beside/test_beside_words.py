"""The script by which servers are compared: rows are whole in both languages, and no connection hears too many bad commands."""

from __future__ import annotations

import re
import string

import pytest

from waypost.diagnose.beside.point import Section
from waypost.diagnose.beside.script import BURST, CONTENT, FIRST, HELLO, QUIT, order, step, talks
from waypost.replies.library import LANGUAGES, facts, words

HAN = re.compile(r"[\u4e00-\u9fff]")
FILLED = {"sender", "nobody", "domain", "recipient", "size", "long"}
MOST_REFUSED = 3
"""Exim hangs up at the fourth command that is wrong."""


def test_every_row_has_its_words_in_every_language() -> None:
    """The same names in both; a row that is judged by the standard says what that wants, and by which section."""
    for lang in LANGUAGES:
        told = words(lang, "beside")
        assert set(told["step"]) == set(facts("beside")["step"])
        assert set(told["section"]) == {section.value for section in Section}
        for name, row in facts("beside")["step"].items():
            assert bool(row.get("good")) == bool(told["step"][name].get("rule")), name
            assert row["rfc"], name
        for name, row in facts("beside")["point"].items():
            assert bool(row.get("rfc")) >= bool(told["point"][name].get("rule")), name
        assert set(words("en", "beside")["point"]) == set(words("zh", "beside")["point"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_are_of_their_language(lang: str) -> None:
    """English is ASCII; Chinese rules are Chinese sentences; braces are the same in both."""
    for section, rows in words(lang, "beside").items():
        for name, row in rows.items():
            for field, text in row.items():
                there = words("en", "beside")[section][name][field]
                assert _braces(text) == _braces(there), (section, name)
                assert text.isascii() or lang == "zh", (section, name)
                if field == "rule" and lang == "zh":
                    assert len(HAN.findall(text)) >= 10, (section, name)
                    assert text.endswith("。"), (section, name)


def _braces(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_the_rows_of_the_script_hang_together() -> None:
    """Every step of a connection is a row, every row is said somewhere, and its braces are known."""
    said = {each.name for steps in talks() for each in steps}
    assert set(order()) - {HELLO, QUIT} == said
    assert {BURST, CONTENT, FIRST} <= said
    for name in order():
        assert _braces(step(name).says) <= FILLED


def test_no_connection_hears_more_bad_commands_than_servers_bear() -> None:
    """What the standard wants refused stands at most three times on one connection, so that nobody is hung up on."""
    for steps in talks():
        refused = [each.name for each in steps if each.good and min(each.good) >= 500]
        assert len(refused) <= MOST_REFUSED


def test_no_step_can_send_a_message() -> None:
    """DATA is said only where no recipient was named on that connection."""
    for steps in talks():
        lines = [each.says.split()[0] for each in steps]
        assert "BDAT" not in lines
        assert not ("DATA" in lines and "MAIL" in lines[: lines.index("DATA")] and "RCPT" in lines[: lines.index("DATA")])
