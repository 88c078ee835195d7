from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.records import RecordKind, lookup, records

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMS = facts("registry")["glossary"]
HAN = re.compile(r"[\u4e00-\u9fff]")


def told(text: str) -> Iterator[str]:
    """The sentences of a text."""
    return (part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_term_is_explained_and_in_the_order_of_the_facts(lang: str) -> None:
    """Facts and prose name the same terms, at least those that the pages use most."""
    assert list(words(lang, "registry")["glossary"]) == list(TERMS)
    assert len(TERMS) >= 45


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_told_in_two_to_four_sentences(lang: str, term: str) -> None:
    """A title and a meaning, nothing else; the meaning on one line, short enough to be read in passing."""
    row = words(lang, "registry")["glossary"][term]
    assert set(row) == {"title", "meaning"}
    assert row["meaning"].isprintable()
    assert row["meaning"].endswith("。" if lang == "zh" else ".")
    assert not row["title"].endswith(("。", "."))
    assert 2 <= len(list(told(row["meaning"]))) <= 4
    assert len(row["meaning"]) <= 400


@pytest.mark.parametrize("term", TERMS)
def test_english_terms_are_ascii_and_chinese_ones_chinese(term: str) -> None:
    """English may be shown on any terminal; Chinese is at least twenty Han characters with Chinese punctuation."""
    english, chinese = (words(lang, "registry")["glossary"][term] for lang in ("en", "zh"))
    assert all(text.isascii() for text in english.values())
    assert len(HAN.findall(chinese["meaning"])) >= 20
    assert not re.search(r"[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]", chinese["meaning"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_term_says_what_no_other_entry_says(lang: str) -> None:
    """No title and no sentence of the glossary stands anywhere else in registry or catalogue."""
    said: Counter[str] = Counter()
    for shelf in ("registry", "catalogue"):
        for section in words(lang, shelf).values():
            for row in section.values():
                said.update(part for text in row.values() if isinstance(text, str) for part in told(text))
    ours = {part for row in words(lang, "registry")["glossary"].values() for text in row.values() for part in told(text)}
    assert sorted(part for part in ours if said[part] > 1) == []


@pytest.mark.parametrize("term", TERMS)
def test_what_a_term_refers_to_is_there(term: str) -> None:
    """Related terms and codes have records, a term does not refer to itself, and a section of an RFC is written as everywhere."""
    row = TERMS[term]
    assert row["related"]
    assert term not in row["related"]
    assert len(row["related"]) == len(set(row["related"]))
    assert [name for name in row["related"] if lookup(name) is None] == []
    assert all(re.fullmatch(r"\d{3,4}(#\d[\d.]*)?", source) for source in row["rfc"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_terms_are_looked_up_like_codes(lang: str) -> None:
    """Each term is a record of its own kind, and no record of another kind hides it."""
    assert list(records(lang, RecordKind.GLOSSARY)) == list(TERMS)
    hidden = [term for term in TERMS if (found := lookup(term, lang)) is None or found.kind is not RecordKind.GLOSSARY]
    assert hidden == []
