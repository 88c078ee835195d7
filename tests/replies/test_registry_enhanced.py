from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.registry import allowed, enhanced_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS: dict[str, dict[str, Any]] = dict(facts("registry")["enhanced"])
PROSE = {"title", "meaning", "occurs", "sender_fix", "operator_fix"}
KEYS = {"classes", "basic", "rfc", "known_from", "answers", "who", "retry", "connection", "category", "related", "example"}
PHASES = set(
    "CONNECT EHLO HELO STARTTLS AUTH MAIL RCPT DATA EOM BDAT RSET VRFY EXPN HELP NOOP QUIT ETRN ATRN BURL ANY".split()  # noqa: SIM905 - a table
)
PEOPLE = {"nobody", "sender", "sending_operator", "receiving_operator", "mailbox_owner"}
HAN = re.compile(r"[\u4e00-\u9fff]")
OLD_FORMS = re.compile(r"[這個們會來時說對發應該給與為務無資訊轉換擇檔網絡軟體伺權設郵連線處經過還進長門問間開關]")
STATUS_REPLY = re.compile(r"(\d{3})[ -]([245])\.(\d{1,3}\.\d{1,3}) ")
HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|cn|io|de|uk|local)\b")


def fields(lang: str, detail: str) -> dict[str, str]:
    """The prose of a code, as it stands in the data."""
    return dict(words(lang, "registry")["enhanced"][detail])


def sentences(text: str) -> Iterator[str]:
    """The sentences of a field."""
    return (part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part)


def phase(command: str) -> str:
    """The phase that a line of a client opens."""
    return "EOM" if command == "." else command.split(maxsplit=1)[0].upper()


@pytest.mark.parametrize("detail", ROWS)
def test_each_fact_is_one_of_the_words_agreed(detail: str) -> None:
    """Every field is there, and each value is from its list."""
    row = ROWS[detail]
    assert set(row) - {"also", "conflicts"} == KEYS
    assert row["classes"] == sorted(set(row["classes"]) & {2, 4, 5}) != []
    assert row["known_from"] in {"rfc", "iana", "vendor", "observed"}
    assert set(row["answers"]) <= PHASES
    assert set(row["who"]) <= PEOPLE
    assert row["who"] != []
    assert row["retry"] in {"none", "later", "after_change", "never"}
    assert row["connection"] in {"stays", "closes", "either"}
    assert re.fullmatch(r"[a-z]+\.[a-z_]+|unknown", row["category"])
    assert all(re.fullmatch(r"\d{3,4}(#\d[\d.]*)?|iana", source) for source in row["rfc"])
    assert row["rfc"] != []


@pytest.mark.parametrize("detail", ROWS)
def test_classes_hold_what_the_basic_codes_say(detail: str) -> None:
    """A basic code that goes with it has a first digit among its classes; where only success is known, nobody need act."""
    row = ROWS[detail]
    digits = {code // 100 for code in row["basic"]} | {int(code) // 100 for code in row.get("also", {})}
    assert digits <= set(row["classes"])
    assert (row["classes"] == [2]) == (row["retry"] == "none") == (row["who"] == ["nobody"])
    if row["classes"] == [4]:
        assert row["retry"] == "later"


@pytest.mark.parametrize("detail", ROWS)
def test_related_codes_exist(detail: str) -> None:
    """Whatever a code refers to has a page, is not the code itself, and is named once."""
    shelf = facts("registry")
    named = ROWS[detail]["related"]
    known = set(shelf["basic"]) | {f"X.{other}" for other in ROWS} | set(shelf.get("nonstandard", {}))
    assert named
    assert set(named) <= known - {f"X.{detail}"}
    assert len(named) == len(set(named))


@pytest.mark.parametrize("detail", ROWS)
def test_the_example_is_a_true_dialogue(detail: str) -> None:
    """The example shows the code with a fitting basic code, in a phase of its list, among hosts that exist only in examples."""
    lines = ROWS[detail]["example"]
    assert 2 <= len(lines) <= 12
    opened, found = "CONNECT", False
    for line in lines:
        assert line.startswith(("C: ", "S: "))
        assert line.isascii()
        assert [host for host in HOST.findall(line) if not re.search(r"(^|\.)example\.(com|net|org)$", host)] == []
        if line.startswith("C: "):
            opened = phase(line[3:])
        reply = STATUS_REPLY.match(line[3:])
        if reply is not None and line.startswith("S: "):
            assert opened not in {"EHLO", "HELO"}
            assert allowed(int(reply[1]), f"{reply[2]}.{reply[3]}")
        if reply is not None and reply[3] == detail:
            found = True
            assert int(reply[2]) in ROWS[detail]["classes"]
            assert {opened, "ANY"} & set(ROWS[detail]["answers"])
    assert found or re.search(rf"C: Status: [245]\.{re.escape(detail)}$", "\n".join(lines), re.MULTILINE)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("detail", ROWS)
def test_each_class_that_it_is_used_in_is_told(lang: str, detail: str) -> None:
    """The five fields of every record, and one sentence for each class, no more and no fewer."""
    classes = {f"class_{digit}" for digit in ROWS[detail]["classes"]}
    prose = fields(lang, detail)
    assert set(prose) == PROSE | classes
    assert all(len(list(sentences(prose[name]))) == 1 for name in classes)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("detail", ROWS)
def test_every_field_is_whole_sentences(lang: str, detail: str) -> None:
    """One line each, ended like a sentence; a title is a phrase."""
    for name, text in fields(lang, detail).items():
        assert text.isprintable()
        assert text == text.strip()
        assert text.endswith("。" if lang == "zh" else ".") == (name != "title"), name


@pytest.mark.parametrize("detail", ROWS)
def test_english_is_plain_and_long_enough(detail: str) -> None:
    """HELP speaks it on the wire: ASCII, and no longer than some lines; no field is a bare word or two."""
    for name, text in fields("en", detail).items():
        assert text.isascii()
        assert name == "title" or len(text.split()) >= 6
        assert len(text) <= 420, name


@pytest.mark.parametrize("detail", ROWS)
def test_chinese_is_written_in_chinese(detail: str) -> None:
    """Every field but the title holds at least twenty Han characters, in simplified forms, with Chinese punctuation."""
    for name, text in fields("zh", detail).items():
        assert name == "title" or len(HAN.findall(text)) >= 20, name
        assert OLD_FORMS.findall(text) == []
        assert not re.search(r"[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]", text)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_stands_twice(lang: str) -> None:
    """What one enhanced code says no other entry of registry or catalogue says."""
    said: Counter[str] = Counter()
    for shelf in ("registry", "catalogue"):
        for section in words(lang, shelf).values():
            for row in section.values():
                said.update(part for text in row.values() if isinstance(text, str) for part in sentences(text))
    ours = {part for detail in ROWS for text in fields(lang, detail).values() for part in sentences(text)}
    assert sorted(part for part in ours if said[part] > 1) == []


def test_facts_and_registry_agree() -> None:
    """The typed view of the registry holds the same codes in the same order."""
    assert list(ROWS) == list(enhanced_codes())
