"""The words of the findings: both languages whole, nothing said twice, every brace filled."""

from __future__ import annotations

import ast
import re
import string
from collections import Counter
from pathlib import Path

import pytest

import waypost.diagnose
from waypost.diagnose.finding import Finding, Severity, Stage
from waypost.replies.library import LANGUAGES, facts, words

ROOM = Path(waypost.diagnose.__file__).parent
FIELDS = {"title", "meaning", "fix"}
HAN = re.compile(r"[\u4e00-\u9fff]")
KEYS = sorted(facts("findings")["finding"])
BRACES = string.Formatter()


def _bare(text: str) -> str:
    """Words without what is filled in."""
    return re.sub(r"\{\w+\}", "", text).strip()


def test_every_finding_has_facts_and_words() -> None:
    """The same keys stand in the facts and in both languages; severity and stage are known ones."""
    for lang in LANGUAGES:
        assert sorted(words(lang, "findings")["finding"]) == KEYS
    for key in KEYS:
        assert Finding(key=key, about="").severity in Severity
        assert Finding(key=key, about="").stage in Stage
        assert Finding(key=key, about="").standard


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_are_whole_sentences(lang: str) -> None:
    """Title, meaning and fix are there, on one line; all but the title end like a sentence, unless a whole sentence is filled in."""
    for key, row in words(lang, "findings")["finding"].items():
        assert set(row) == FIELDS, key
        for field, text in row.items():
            assert text.isprintable(), key
            assert text == text.strip(), key
            ends = text.endswith(
                ("。" if lang == "zh" else ".", "{reply_meaning}", "{reply_fix}", "{reply_sender_fix}", "{record_meaning}")
            )
            assert ends == (field != "title"), (key, field)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_two_findings_say_the_same(lang: str) -> None:
    """No title and no sentence stands twice, in the findings or in what is said of replies."""
    rows = [row for shelf in ("findings", "registry", "catalogue") for section in words(lang, shelf).values() for row in section.values()]
    said: Counter[str] = Counter()
    for row in rows:
        for text in (value for value in row.values() if isinstance(value, str)):
            said.update(sentence for sentence in re.split(r"(?<=[.。])(?:\s+|$)|。", text) if sentence)
    ours = {
        sentence
        for row in words(lang, "findings")["finding"].values()
        for text in row.values()
        for sentence in re.split(r"(?<=[.。])(?:\s+|$)|。", text)
        if _bare(sentence)
    }
    assert sorted(sentence for sentence in ours if said[sentence] > 1) == []


def test_english_is_ascii_and_long_enough() -> None:
    """English is plain ASCII; meaning and remedy are more than a few words."""
    for key, row in words("en", "findings")["finding"].items():
        assert all(text.isascii() for text in row.values()), key
        assert all(len(_bare(row[field]).split()) >= 6 for field in ("meaning", "fix")), key
        assert all(len(text) <= 420 for text in row.values()), key


def test_chinese_is_chinese() -> None:
    """Meaning and remedy hold at least twenty Han characters, and full-width punctuation."""
    for key, row in words("zh", "findings")["finding"].items():
        for field in ("meaning", "fix"):
            assert len(HAN.findall(_bare(row[field]))) >= 20, (key, field)
            assert "," not in re.sub(r"[ -~]{6,}", "", row[field]), (key, field)


def test_both_languages_use_the_same_facts() -> None:
    """What is filled in in one language is filled in in the other."""
    for key in KEYS:
        used = {
            lang: {name for text in words(lang, "findings")["finding"][key].values() for _, name, _, _ in BRACES.parse(text) if name}
            for lang in LANGUAGES
        }
        extra = used["en"] ^ used["zh"]
        assert extra == set(), (key, extra)


def test_every_key_that_a_probe_names_is_there() -> None:
    """Keys written in the room's code are rows of the data."""
    named = set()
    for source in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "key"
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                named.add(node.value.value)
    assert set() == named - set(KEYS)
    assert len(named) > 40


def test_a_reply_among_the_facts_is_explained() -> None:
    """A finding that carries a reply tells what the catalogue knows of it, in the language asked for."""
    found = Finding(
        key="greeting-refused", about="", facts={"code": "554", "host": "mx", "reply": "554 5.7.1 Service unavailable; blocked"}
    )
    assert "{" not in found.told().meaning + found.told("zh").meaning
    assert found.told().meaning != found.told("zh").meaning
    assert len(found.told().meaning) > 120


def test_an_extension_among_the_facts_is_explained() -> None:
    """An extension is explained by its record."""
    told = Finding(key="extension-offered", about="", facts={"keyword": "SIZE", "record": "SIZE"}).told()
    assert told.title.startswith("SIZE: ")
    assert "record_meaning" not in told.meaning
