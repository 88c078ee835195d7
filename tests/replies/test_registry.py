from __future__ import annotations

import re
from collections import Counter

import pytest

from waypost.replies.library import LANGUAGES, words
from waypost.replies.registry import allowed, basic, basic_codes, class_word, digit, enhanced, enhanced_codes, split, subject


def test_the_registry_is_whole() -> None:
    """46 basic codes and the 81 enhanced codes that IANA lists, X.0.0 to X.7.30."""
    assert len(basic_codes()) == 46
    assert len(enhanced_codes()) == 81
    counted = Counter(detail.split(".")[0] for detail in enhanced_codes())
    assert counted == {"0": 1, "1": 11, "2": 5, "3": 7, "4": 8, "5": 7, "6": 11, "7": 31}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_code_has_its_prose(lang: str) -> None:
    """Facts and prose name the same codes, and no two codes share a meaning."""
    shelf = words(lang, "registry")
    assert list(shelf["basic"]) == [str(code) for code in basic_codes()]
    assert list(shelf["enhanced"]) == list(enhanced_codes())
    meanings = Counter(row["meaning"] for section in ("basic", "enhanced") for row in shelf[section].values())
    assert [meaning for meaning, count in meanings.items() if count > 1] == []
    for section in ("basic", "enhanced", "digit"):
        for row in shelf[section].values():
            assert {"title", "meaning", "occurs", "sender_fix", "operator_fix"} <= set(row)
            assert all(
                re.search(r"[a-z]" if lang == "en" else r"[\u4e00-\u9fff]", row[name])
                for name in ("title", "meaning", "occurs", "sender_fix", "operator_fix")
            )


def test_english_is_ascii() -> None:
    """The English of the registry goes over the wire by HELP."""
    rows = [row for section in words("en", "registry").values() for row in section.values()]
    assert [text for row in rows for text in row.values() if not str(text).isascii()] == []


def test_pairs_refer_to_codes_that_exist() -> None:
    """The basic codes that go with an enhanced one are codes of the registry themselves; what is added says why."""
    for row in enhanced_codes().values():
        assert set(row.basic) | {int(code) for code in row.also} <= set(basic_codes())
        assert all(re.match(r"\d+#", reason) for reason in row.also.values())


@pytest.mark.parametrize(
    ("code", "status", "may"),
    [
        (550, "5.1.1", True),
        (550, "4.1.1", False),
        (452, "4.5.3", True),
        (250, "2.1.0", True),
        (552, "5.1.1", False),
        (550, "5.9.9", False),
        (550, "nonsense", False),
        (421, "4.3.2", True),
    ],
)
def test_which_codes_go_together(code: int, status: str, may: bool) -> None:  # noqa: FBT001 - rows of a table
    """A pair stands if the classes agree and the registry lists it, leaves it open, or a text allows it."""
    assert may == allowed(code, status)


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        ("5.7.1", ("5", "7.1")),
        ("X.7.30", ("X", "7.30")),
        ("3.1.1", None),
        ("5.7", None),
        ("5.7.1000", None),
        ("5.07.1", ("5", "7.1")),
        ("", None),
    ],
)
def test_enhanced_codes_are_read(status: str, parts: tuple[str, str] | None) -> None:
    """Class 2, 4, 5 or X, then two numbers of up to three digits."""
    assert parts == split(status)


def test_meanings() -> None:
    """Codes give their meaning in both languages; what is no code gives None or nothing."""
    assert basic(550) is not None
    assert basic(551, "zh") is not None
    assert basic(599) is None
    assert enhanced("5.7.1") == enhanced("4.7.1") == enhanced("X.7.1")
    assert enhanced("5.7.99") is None
    assert enhanced("hello") is None
    assert digit(599) is not None
    assert digit(600) is None
    assert digit(99) is None
    assert (class_word(550), class_word(450), class_word(7)) == ("permanent", "temporary", "")
    assert subject("5.7.1") == "security and policy"
    assert subject("nonsense") == ""
    assert subject("5.9.1") == ""
