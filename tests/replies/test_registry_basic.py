from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import waypost.replies
from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.registry import allowed, basic_codes, nonstandard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATA = Path(waypost.replies.__file__).parent / "data"
BASIC: dict[str, dict[str, Any]] = dict(facts("registry")["basic"])
STRANGE: dict[str, dict[str, Any]] = dict(facts("registry")["nonstandard"])
EVERY = BASIC | STRANGE
TABLE: Mapping[str, Mapping[str, str]] = facts("registry")["answers"]
PROSE = ["title", "meaning", "occurs", "sender_fix", "operator_fix"]
SECTIONS = ("basic", "nonstandard", "digit")
KEYS = {"answers", "standing", "known_from", "who", "retry", "connection", "category", "related", "rfc", "example"}
PEOPLE = {"nobody", "sender", "sending_operator", "receiving_operator", "mailbox_owner"}
HAN = re.compile(r"[\u4e00-\u9fff]")
OLD_FORMS = re.compile(r"[這個們會來時說對發應該給與為務無資訊轉換擇檔網絡軟體伺權設郵連線處經過還進長門問間開關]")
REPLY = re.compile(r"S: (\d{3})([ -])(?:([245])\.(\d{1,3}\.\d{1,3}) )?([ -~]*)")
HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|cn|io|de|uk|local)\b")
STAGE = re.compile(r"[CS]: \([^()]+(?:\([^()]+\))?[^()]*\)")
"""A line of an example that says what happens, where nothing is said on the wire."""


def mine(lang: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of these sections, with its name."""
    for section in SECTIONS:
        for name, row in words(lang, "registry")[section].items():
            yield f"{section}.{name}", dict(row)


def told(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of a row's prose, those told by phase among them."""
    for field in PROSE:
        yield field, row[field]
    yield from row.get("at", {}).items()


def parts(text: str) -> list[str]:
    """The sentences of a field."""
    return [part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part]


def said(example: list[str]) -> list[re.Match[str]]:
    """The lines of an example that a server says on the wire."""
    return [found for line in example if line.startswith("S: ") and not STAGE.fullmatch(line) if (found := REPLY.fullmatch(line))]


def test_the_table_of_replies_is_whole() -> None:
    """Each of the 110 cells of command, phase and code names the text that says so, and the codes are registered."""
    cells = [(phase, code, source) for phase, row in TABLE.items() for code, source in row.items()]
    assert len(cells) == 110
    assert {code for _, code, _ in cells} <= set(BASIC)
    assert [cell for cell in cells if not re.fullmatch(r"\d{4}#\d[\d.]*", cell[2])] == []
    assert {"CONNECT", "EOM", "ANY"} <= set(TABLE)


@pytest.mark.parametrize("code", BASIC)
def test_a_code_answers_what_the_table_says(code: str) -> None:
    """What a code answers is the table's word; what it is heard at beyond that names its own source."""
    row = BASIC[code]
    beyond = row.get("beyond", {})
    documented = {phase for phase, codes in TABLE.items() if code in codes}
    assert documented | set(beyond) == set(row["answers"])
    assert documented & set(beyond) == set()
    assert all(re.fullmatch(r"\d{3,4}(#\d[\d.]*)?|observed", source) for source in beyond.values())
    assert len(row["answers"]) == len(set(row["answers"]))


@pytest.mark.parametrize("code", EVERY)
def test_each_fact_of_a_code_is_one_of_the_words_agreed(code: str) -> None:
    """Every field is there, and each value is from its list."""
    row = EVERY[code]
    assert set(row) - {"beyond", "seen"} == KEYS
    assert row["standing"] in {"core", "extension", "registry", "historic", "nonstandard"}
    assert row["known_from"] in {"rfc", "iana", "vendor", "observed"}
    assert set(row["who"]) <= PEOPLE
    assert row["who"] != []
    assert row["retry"] in {"none", "later", "after_change", "never"}
    assert row["connection"] in {"stays", "closes", "either"}
    assert row["category"] in facts("registry")["category"]
    assert set(row["answers"]) <= set(TABLE)


@pytest.mark.parametrize("code", BASIC)
def test_the_facts_of_a_code_agree_with_its_digit(code: str) -> None:
    """Only success asks for nothing and has no category; a temporary refusal is never one for ever."""
    row = BASIC[code]
    assert (int(code) < 400) == (row["retry"] == "none")
    assert int(code) >= 400 or "nobody" in row["who"]
    assert int(code) >= 400 or row["category"] == "unknown"
    assert not (code.startswith("4") and row["retry"] == "never")
    assert not (code.startswith("5") and row["retry"] == "later")
    assert (row["standing"] == "registry") <= (row["known_from"] == "iana")
    assert [source for source in row["rfc"] if not re.fullmatch(r"\d{3,4}(#\d[\d.]*)?", source)] == []
    assert row["rfc"] != []


@pytest.mark.parametrize("code", EVERY)
def test_whatever_a_code_refers_to_exists(code: str) -> None:
    """Related codes are records, not the code itself, each named once."""
    known = set(EVERY) | {f"X.{detail}" for detail in facts("registry")["enhanced"]}
    related = EVERY[code]["related"]
    assert len(related) >= 2
    assert set(related) <= known - {code}
    assert len(related) == len(set(related))


@pytest.mark.parametrize("code", EVERY)
def test_examples_speak_smtp(code: str) -> None:
    """What a server says in an example is a reply, its lines of one code, its status of the same class and fit for it."""
    example = EVERY[code]["example"]
    assert [line for line in example if not (line.isascii() and line.isprintable() and line[:3] in ("C: ", "S: "))] == []
    replies = said(example)
    assert len(replies) == sum(line.startswith("S: ") and not STAGE.fullmatch(line) for line in example)
    for found, following in pairwise([*replies, None]):
        assert found is not None
        assert found[2] == " " or (following is not None and following[1] == found[1])
        if found[3] is not None:
            assert found[1][0] == found[3]
            assert found[1] in STRANGE or allowed(int(found[1]), f"{found[3]}.{found[4]}")


@pytest.mark.parametrize("code", [code for code, row in EVERY.items() if row["answers"] or row["standing"] == "registry"])
def test_examples_show_the_code(code: str) -> None:
    """The example of a code that is said on the wire shows it said."""
    assert code in {found[1] for found in said(EVERY[code]["example"])}


@pytest.mark.parametrize("code", EVERY)
def test_no_status_stands_where_none_may(code: str) -> None:
    """Greeting, replies to EHLO and those of class 3 carry no status (RFC 2034 section 4)."""
    example = EVERY[code]["example"]
    for before, line in pairwise(["", *example]):
        found = REPLY.fullmatch(line)
        if found and (found[1][0] == "3" or before.startswith(("C: EHLO", "C: HELO", "C: (opens", "S: 250-"))):
            assert found[3] is None


@pytest.mark.parametrize("code", EVERY)
def test_examples_name_no_real_host(code: str) -> None:
    """Hosts and addresses are those kept for documentation (RFC 2606, RFC 5737)."""
    text = "\n".join(EVERY[code]["example"])
    assert [host for host in HOST.findall(text) if not re.search(r"(^|\.)example\.\w+$", host)] == []
    assert [address for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text) if not address.startswith("192.0.2.")] == []


def test_codes_without_a_standard_are_marked_as_such() -> None:
    """23 of them, none also a code of a standard, each with where it was seen and none with an RFC."""
    assert len(STRANGE) == 23
    assert set(STRANGE) & set(BASIC) == set()
    for row in STRANGE.values():
        assert (row["standing"], row["rfc"]) == ("nonstandard", [])
        assert row["known_from"] in ("observed", "vendor")
        assert row["seen"] != []


@pytest.mark.parametrize("code", ["422", "430", "523", "524", "525", "533"])
@pytest.mark.parametrize(("lang", "words_of_it"), [("en", "only in the registry of RFC 5248"), ("zh", "RFC 5248 的注册表里")])
def test_codes_of_the_registry_alone_say_so(code: str, lang: str, words_of_it: str) -> None:
    """A code that no standard defines but the registry lists is called that, in facts and in words."""
    assert words_of_it in words(lang, "registry")["basic"][code]["meaning"]
    assert (BASIC[code]["standing"], BASIC[code]["known_from"], BASIC[code]["rfc"]) == ("registry", "iana", ["5248#2.4"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_prose_names_what_the_facts_name(lang: str) -> None:
    """Codes have prose and prose has its code, in order; the digits are told from 1 to 5, the second ones from 0 to 5."""
    shelf = words(lang, "registry")
    assert list(BASIC) == list(shelf["basic"]) == [str(code) for code in basic_codes()]
    assert list(STRANGE) == list(shelf["nonstandard"])
    assert list(shelf["digit"]) == ["1", "2", "3", "4", "5", "none"]
    assert [str(digit) for digit in range(6)] == list(shelf["second"])
    assert all(row["about"].strip() for row in shelf["second"].values())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", BASIC)
def test_a_code_with_several_lives_tells_each(lang: str, code: str) -> None:
    """Where a code answers several commands or phases, a sentence tells of each; ANY may go without one, and implies all."""
    answers = BASIC[code]["answers"]
    at = words(lang, "registry")["basic"][code].get("at", {})
    assert len(answers) < 2 or set(answers) - {"ANY"} <= set(at)
    assert set(at) <= set(TABLE if "ANY" in answers else answers)
    assert set(at) == set(words("en", "registry")["basic"][code].get("at", {}))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_field_is_whole_sentences_on_a_line(lang: str) -> None:
    """Five fields, each there; whatever is told is one line that ends like a sentence, and a title does not."""
    for name, row in mine(lang):
        assert set(PROSE) <= set(row) <= {*PROSE, "at", "word", "waits", "first"}, name
        for field, text in told(row):
            assert text.isprintable(), name
            assert text == text.strip(), name
            assert text.endswith("。" if lang == "zh" else ".") == (field != "title"), (name, field)


def test_english_of_codes_can_be_spoken_by_help() -> None:
    """English is ASCII, no bare word or two, and short enough for a few lines of HELP."""
    for name, row in mine("en"):
        for field, text in told(row):
            assert text.isascii(), name
            assert field == "title" or len(text.split()) >= 6, (name, field)
            assert len(text) <= 400, (name, field)


def test_chinese_of_codes_is_chinese() -> None:
    """Every field but the title holds twenty Han characters or more, simplified, with the punctuation of Chinese."""
    for name, row in mine("zh"):
        for field, text in told(row):
            assert field == "title" or len(HAN.findall(text)) >= 20, (name, field)
            assert OLD_FORMS.findall(text) == [], (name, field)
            assert re.findall(r",|[\u4e00-\u9fff] ?[;:?!()]|[;:?!()] ?[\u4e00-\u9fff]", text) == [], (name, field)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_of_a_code_stands_anywhere_else(lang: str) -> None:
    """No title and no sentence here stands in another record, of the registry or of our own replies."""
    where: dict[str, list[str]] = defaultdict(list)
    for shelf in ("registry", "catalogue"):
        for section, rows in words(lang, shelf).items():
            for name, row in rows.items():
                fields = told(row) if set(PROSE) <= set(row) else iter(())
                for _, text in fields:
                    for sentence in parts(text):
                        where[sentence.rstrip(".。")].append(f"{section}.{name}")
    ours = {sentence: rows for sentence, rows in where.items() if any(row.startswith(SECTIONS) for row in rows)}
    assert {sentence: rows for sentence, rows in ours.items() if len(rows) > 1} == {}


@pytest.mark.parametrize("source", sorted(DATA.rglob("registry/basic-*.toml")), ids=lambda source: "/".join(source.parts[-3:]))
def test_files_of_codes_stay_short(source: Path) -> None:
    """No file of these sections is over 400 lines."""
    assert len(source.read_text("utf-8").splitlines()) <= 400


def test_a_code_without_a_standard_can_be_looked_up() -> None:
    """Its prose is given in both languages, and none for a code of a standard or for no code at all."""
    assert nonstandard(571) is not None
    assert nonstandard(571, "zh") != nonstandard(571)
    assert nonstandard(550) is None
    assert nonstandard(-1) is None
