from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from waypost.replies.explanation import Permanence, Scope
from waypost.replies.library import LANGUAGES, facts, words

if TYPE_CHECKING:
    from collections.abc import Iterator

CATEGORIES = facts("registry")["category"]
FAMILIES = {
    "recipient": 6,
    "domain": 3,
    "route": 4,
    "sender": 5,
    "reputation": 2,
    "rate": 2,
    "content": 5,
    "policy": 1,
    "system": 2,
    "protocol": 1,
    "report": 4,
    "unknown": 1,
}
PEOPLE = {"nobody", "sender", "sending_operator", "receiving_operator", "mailbox_owner"}
FIELDS = {"title", "meaning", "occurs", "sender_fix", "operator_fix"}
HAN = re.compile(r"[\u4e00-\u9fff]")
FULL_WIDTH_NEEDED = re.compile(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]")


def sentences(lang: str) -> Iterator[str]:
    """Every sentence of every record and reply, titles too, in one language."""
    for shelf in ("registry", "catalogue"):
        for section in words(lang, shelf).values():
            for row in section.values():
                for field in FIELDS & set(row):
                    yield from (each for each in re.split(r"(?<=[.。])(?:\s+|$)|。", row[field]) if each)


def test_there_are_thirty_six_categories_in_their_families() -> None:
    """The taxonomy is whole: 36 ids, and so many in each family."""
    assert len(CATEGORIES) == 36
    assert Counter(name.partition(".")[0] for name in CATEGORIES) == FAMILIES


@pytest.mark.parametrize("name", CATEGORIES)
def test_facts_use_the_words_agreed_on(name: str) -> None:
    """Permanence, scope, who acts and retry are from their lists, and related categories exist."""
    row = CATEGORIES[name]
    assert row["permanence"] in set(Permanence)
    assert row["scope"] in set(Scope)
    assert row["retry"] in {"none", "later", "after_change", "never"}
    assert row["who"]
    assert set(row["who"]) <= PEOPLE
    assert re.fullmatch(r"[a-z_]+", row["action"])
    assert set(row["related"]) <= set(CATEGORIES) - {name}


@pytest.mark.parametrize("name", [name for name in CATEGORIES if not name.startswith("report.") and name != "unknown"])
def test_retry_fits_permanence(name: str) -> None:
    """What is temporary is retried, and what is permanent is not retried unchanged."""
    row = CATEGORIES[name]
    assert row["retry"] != "none"
    if row["permanence"] == "temporary":
        assert row["retry"] == "later"
    if row["permanence"] == "permanent":
        assert row["retry"] in {"never", "after_change"}


@pytest.mark.parametrize("name", CATEGORIES)
def test_typical_codes_are_pairs_of_one_class(name: str) -> None:
    """A typical code is a basic and an enhanced one with the same first digit, both of the registry, in the right class."""
    shelf = facts("registry")
    for pair in CATEGORIES[name]["codes"]:
        basic, _, status = pair.partition(" ")
        assert basic in shelf["basic"]
        assert status.partition(".")[2] in shelf["enhanced"]
        assert basic[0] == status[0]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_both_languages_have_every_category(lang: str) -> None:
    """Prose for each id, with the five fields and no other, in the order of the facts."""
    shelf = words(lang, "registry")["category"]
    assert list(CATEGORIES) == list(shelf)
    assert [name for name, row in shelf.items() if set(row) != FIELDS] == []


@pytest.mark.parametrize("name", CATEGORIES)
def test_english_can_be_spoken_on_the_wire(name: str) -> None:
    """Plain ASCII in whole sentences, long enough to help and short enough to be read."""
    for field, text in words("en", "registry")["category"][name].items():
        assert text.isascii()
        assert text.isprintable()
        assert text.endswith(".") == (field != "title")
        assert (2 if field == "title" else 6) <= len(text.split())
        assert len(text) <= 400


@pytest.mark.parametrize("name", CATEGORIES)
def test_chinese_is_written_in_chinese(name: str) -> None:
    """At least twenty Han characters in each field but the title, whole sentences, full-width punctuation between them."""
    for field, text in words("zh", "registry")["category"][name].items():
        assert field == "title" or len(HAN.findall(text)) >= 20
        assert text.isprintable()
        assert text.endswith("。") == (field != "title")
        assert FULL_WIDTH_NEEDED.findall(text) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_of_a_category_stands_elsewhere(lang: str) -> None:
    """Each title and sentence is said once in all the prose of a language."""
    own = {
        each
        for row in words(lang, "registry")["category"].values()
        for text in row.values()
        for each in re.split(r"(?<=[.。])(?:\s+|$)|。", text)
        if each
    }
    assert [each for each, count in Counter(sentences(lang)).items() if count > 1 and each in own] == []
