from __future__ import annotations

import re
import tomllib
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import waypost.replies
from waypost.replies.comparison import compare
from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.records import code_key

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(waypost.replies.__file__).parent / "data"
ROWS: dict[str, dict[str, Any]] = dict(facts("registry")["pair"])
FIELDS = ["summary", "difference", "choose", "meet"]
MIXED_UP = [
    *combinations(["450", "451", "452"], 2),
    ("421", "451"),
    *combinations(["550", "551", "553", "554"], 2),
    *combinations(["530", "535", "538"], 2),
    *combinations(["250", "251", "252"], 2),
    ("220", "250"),
    ("250", "354"),
    *combinations(["521", "554", "556"], 2),
    *combinations(["452", "552", "5.2.2", "5.3.4"], 2),
    ("5.7.1", "5.7.26"),
    ("4.2.2", "5.2.2"),
    *combinations(["500", "502", "504", "555"], 2),
    *combinations(["211", "214", "220"], 2),
]
"""Every pair within the groups that a reader of replies confuses; each must have words of its own."""
HAN = re.compile(r"[\u4e00-\u9fff]")
OLD_FORMS = re.compile(r"[這個們會來時說對發應該給與為務無資訊轉換擇檔網絡軟體伺權設郵連線處經過還進長門問間開關]")


def prose(lang: str, name: str) -> dict[str, str]:
    """The words of a pair, as they stand in the data."""
    return dict(words(lang, "registry")["pair"][name])


def parts(text: str) -> Iterator[str]:
    """The sentences of a field."""
    return (part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part)


@pytest.mark.parametrize(("a", "b"), MIXED_UP)
def test_no_pair_that_people_mix_up_is_missing(a: str, b: str) -> None:
    """Each pair within the groups named has words, under its canonical name."""
    assert f"{a}-{b}" in ROWS


def test_there_are_twenty_more() -> None:
    """Beyond the groups, at least twenty further pairs."""
    assert len(MIXED_UP) == 38
    assert len(ROWS) >= 58


@pytest.mark.parametrize("name", ROWS)
def test_a_pair_is_canonical_and_of_known_codes(name: str) -> None:
    """Two different codes that exist, basic before enhanced, each ascending."""
    a, b = name.split("-")
    assert code_key(a) < code_key(b)
    for code in (a, b):
        assert code in facts("registry")["basic"] or re.sub(r"^[245]\.", "", code) in facts("registry")["enhanced"]


@pytest.mark.parametrize("name", ROWS)
def test_a_pair_cites_what_it_rests_on(name: str) -> None:
    """Group, sources and further reading: sections, each once."""
    row = ROWS[name]
    assert set(row) == {"group", "rfc", "learn"}
    cited = row["rfc"] + row["learn"]
    assert row["rfc"]
    assert row["learn"]
    assert all(re.fullmatch(r"\d{3,4}(#\d+(\.\d+)*)?", source) for source in cited)
    assert len(cited) == len(set(cited))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_facts_and_prose_stand_in_one_order(lang: str) -> None:
    """The same pairs in facts and prose; each group in the file of its name, groups in order."""
    assert list(words(lang, "registry")["pair"]) == list(ROWS)
    groups = list(dict.fromkeys(row["group"] for row in ROWS.values()))
    assert groups == sorted(groups)
    for group in groups:
        source = (DATA / lang / "registry" / f"pairs-{group}.toml").read_text("utf-8")
        assert list(tomllib.loads(source)["pair"]) == [name for name, row in ROWS.items() if row["group"] == group]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ROWS)
def test_a_pair_has_four_fields_of_whole_sentences(lang: str, name: str) -> None:
    """One sentence sums up, three to five tell the difference, and all are ended like sentences."""
    row = prose(lang, name)
    assert list(row) == FIELDS
    assert len(list(parts(row["summary"]))) == 1
    assert 3 <= len(list(parts(row["difference"]))) <= 5
    for field, text in row.items():
        assert text.isprintable()
        assert text == text.strip()
        assert text.endswith("。" if lang == "zh" else "."), field


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ROWS)
def test_a_pair_speaks_of_both_codes(lang: str, name: str) -> None:
    """Summary and difference name both codes, or the one as the other's opposite; choose and meet name at least one each."""
    row = prose(lang, name)
    for code in name.split("-"):
        assert code in row["summary"] + row["difference"]
        assert code in row["choose"] + row["meet"]


@pytest.mark.parametrize("name", ROWS)
def test_english_pairs_are_plain(name: str) -> None:
    """ASCII, and long enough to help without being an essay."""
    for field, text in prose("en", name).items():
        assert text.isascii()
        assert 10 <= len(text.split()) <= 130, field


@pytest.mark.parametrize("name", ROWS)
def test_chinese_pairs_are_written_in_chinese(name: str) -> None:
    """At least twenty Han characters a field, simplified, with Chinese punctuation."""
    for field, text in prose("zh", name).items():
        assert len(HAN.findall(text)) >= 20, field
        assert OLD_FORMS.findall(text) == []
        assert not re.search(r"[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]", text)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_of_a_pair_stands_elsewhere(lang: str) -> None:
    """Nothing is filled in by rote: no sentence of a pair stands in another, nor in any entry of the registry."""
    said: Counter[str] = Counter()
    for section in words(lang, "registry").values():
        for row in section.values():
            said.update(part for text in row.values() if isinstance(text, str) for part in parts(text))
    ours = {part for name in ROWS for text in prose(lang, name).values() for part in parts(text)}
    assert sorted(part for part in ours if said[part] > 1) == []


@pytest.mark.parametrize("name", ROWS)
def test_the_comparison_uses_the_words(name: str) -> None:
    """In whichever order two codes are given, the pair's own words are found."""
    a, b = name.split("-")
    for lang in LANGUAGES:
        row = prose(lang, name)
        for comparison in (compare(a, b, lang), compare(b, a, lang)):
            assert comparison.summary == row["summary"]
            assert (comparison.choose, comparison.meet) == (row["choose"], row["meet"])
