"""Which code to answer with, by reason."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.replies.choose import choices, search
from waypost.replies.library import LANGUAGES, words
from waypost.replies.records import CODES, lookup
from waypost.replies.registry import allowed
from waypost.replies.shapes import choice_json

HAN = re.compile(r"[\u4e00-\u9fff]")
NAMES = tuple(choices("en"))


def test_there_are_reasons_enough() -> None:
    """Some thirty and more, each with its own answer in words."""
    assert len(NAMES) >= 30
    assert max(Counter(choice.wording for choice in choices("en").values()).values()) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_both_languages_tell_of_every_reason(lang: str) -> None:
    """No reason without words, no words without a reason, and the same neighbours."""
    assert set(NAMES) == set(words(lang, "registry")["choose"])
    for name in NAMES:
        assert set(choices("en")[name].neighbours) == set(choices(lang)[name].neighbours)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_one_that_the_standards_allow(name: str) -> None:
    """Code and status may stand together, the code may answer that command, and the greeting's has no status."""
    choice = choices("en")[name]
    record = lookup(str(choice.code))
    assert record is not None
    assert choice.phase in record.phases or "ANY" in record.phases
    assert choice.status is None or allowed(choice.code, choice.status)
    assert (choice.status is None) == (choice.phase == "CONNECT")
    assert choice.wording.isascii()
    assert len(choice.reply) < 200


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_are_codes_and_not_the_answer(name: str) -> None:
    """Each is known, told apart in a sentence of its own, and another than what is advised."""
    choice = choices("en")[name]
    assert len(choice.neighbours) >= 2
    for code in choice.neighbours:
        record = lookup(code)
        assert record is not None
        assert record.kind in CODES
        assert code not in (str(choice.code), choice.status)


def test_no_sentence_is_said_twice() -> None:
    """In neither language."""
    for lang in LANGUAGES:
        said = Counter(
            sentence for choice in choices(lang).values() for sentence in (choice.reason, choice.why, *choice.neighbours.values())
        )
        assert [sentence for sentence, count in said.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_chinese_is_chinese_and_english_is_ascii(name: str) -> None:
    """The reason why holds at least twenty Han characters; a reason is a phrase, the rest are sentences."""
    chinese, english = choices("zh")[name], choices("en")[name]
    assert len(HAN.findall(chinese.why)) >= 20
    for text in (chinese.why, *chinese.neighbours.values()):
        assert text.endswith("。")
        assert "," not in text
    for text in (english.why, *english.neighbours.values()):
        assert text.endswith(".")
        assert text.isascii()
    assert not chinese.reason.endswith("。")
    assert not english.reason.endswith(".")


@pytest.mark.parametrize(
    ("asked", "lang", "first"),
    [
        ("greylisting", "en", "greylisting"),
        ("no such mailbox", "en", "unknown-mailbox"),
        ("relay", "en", "relay-denied"),
        ("disk full", "en", "disk-full"),
        ("SPF", "en", "spf-failed"),
        ("灰名单", "zh", "greylisting"),
        ("病毒", "zh", "virus"),
    ],
)
def test_words_find_their_reason(asked: str, lang: str, first: str) -> None:
    """The likeliest comes first."""
    assert first == search(asked, lang)[0].name


def test_nothing_found_and_all_of_them() -> None:
    """No words are all reasons; words that tell of none find none."""
    assert tuple(choice.name for choice in search("")) == NAMES
    assert search("xylophone") == ()
    assert search("the and") == ()


@given(st.text(max_size=40))
def test_any_words_may_be_asked(asked: str) -> None:
    """And find only what there is."""
    assert {choice.name for choice in search(asked, "zh")} <= set(NAMES)


def test_a_choice_as_json() -> None:
    """Code as text, as everywhere."""
    told = choice_json(choices("en")["unknown-mailbox"])
    assert (told["code"], told["status"], told["phase"]) == ("550", "5.1.1", "RCPT")
    assert "551" in told["not"]
