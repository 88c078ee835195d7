"""The records: every code, extension, provider's text, category and term as one value, in both languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.replies import lookup
from waypost.replies.explanation import Permanence
from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.records import CODES, Connection, KnownFrom, RecordKind, Reference, Retry, Who, cited, code_key, records
from waypost.replies.shapes import record_json
from waypost.replies.sightings import beyond, beyond_told, seen_with
from waypost.replies.terms import label, listed, phase_names, spaced

ALL = tuple(records("en"))
BASIC = tuple(records("en", RecordKind.BASIC))
ENHANCED = tuple(records("en", RecordKind.ENHANCED))
PHASES = set(
    "CONNECT EHLO HELO LHLO STARTTLS AUTH MAIL RCPT DATA EOM BDAT RSET VRFY EXPN HELP NOOP QUIT ETRN ATRN BURL ANY".split()  # noqa: SIM905 - a sentence of names reads better
)


def test_every_code_of_the_facts_is_a_record_in_both_languages() -> None:
    """46 basic codes, 81 enhanced ones and those that merely circulate: each has its prose in each language."""
    assert (len(BASIC), len(ENHANCED)) == (46, 81)
    expected = [
        *facts("registry")["basic"],
        *(f"X.{detail}" for detail in facts("registry")["enhanced"]),
        *facts("registry")["nonstandard"],
    ]
    for lang in LANGUAGES:
        assert sorted(expected) == sorted(records(lang))
    assert len(set(expected)) == len(expected)


def test_codes_come_in_order() -> None:
    """Numbers ascending, then enhanced codes by subject and detail, then those that circulate: X.7.10 stands behind X.7.9."""
    for kind in CODES:
        names = list(records("en", kind))
        assert sorted(names, key=code_key) == names
    assert ENHANCED.index("X.7.10") == ENHANCED.index("X.7.9") + 1


@pytest.mark.parametrize("code", ALL)
def test_a_code_tells_all_that_there_is_to_tell(code: str) -> None:
    """Who acts, whether to retry, what becomes of the connection, a dialogue, what is related and how it is known: nothing is left open."""
    record = lookup(code)
    assert record is not None
    assert record.who
    assert record.retry is not None
    assert record.connection is not None
    assert record.known_from is not None
    assert record.example
    assert all(re.match(r"[CS]: ", line) for line in record.example)
    assert record.related
    assert [name for name in record.related if name not in ALL] == []
    assert record.phases or record.kind is not RecordKind.BASIC or record.standing == "registry"
    assert set(record.phases) <= PHASES
    assert record.classes
    assert record.references or record.kind is RecordKind.NONSTANDARD
    assert record.category in facts("registry")["category"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind in RecordKind if kind not in CODES])
def test_each_other_kind_has_its_records_in_both_languages(kind: RecordKind, lang: str) -> None:
    """Extensions, providers' texts, categories, vendors and terms: as many in Chinese as in English, and each is found by its name."""
    found = records(lang, kind)
    assert found
    assert set(found) == set(records("en", kind))
    for name, record in found.items():
        assert record == lookup(name, lang)


@pytest.mark.parametrize(
    ("asked", "code", "shown"),
    [
        ("550", "550", "550"),
        (" 550 ", "550", "550"),
        ("X.1.1", "X.1.1", "X.1.1"),
        ("x.1.1", "X.1.1", "X.1.1"),
        ("5.1.1", "X.1.1", "5.1.1"),
        ("5.01.1", "X.1.1", "5.1.1"),
        ("size", "SIZE", "SIZE"),
        ("google.5.7.27", "google.5.7.27", "google.5.7.27"),
        ("Recipient.Unknown", "recipient.unknown", "recipient.unknown"),
        ("571", "571", "571"),
    ],
)
def test_lookup_knows_each_way_to_name_a_record(asked: str, code: str, shown: str) -> None:
    """Case and blanks do not matter, and an enhanced code may come with its class."""
    record = lookup(asked)
    assert record is not None
    assert (code, shown) == (record.code, record.asked)


@pytest.mark.parametrize("asked", ["", "999", "5.9.9", "3.1.1", "5.1", "5.1.1.1", "nothing", "5" * 200, "٥٥٠"])
def test_lookup_of_what_is_not_there(asked: str) -> None:
    """None, never a guess."""
    assert lookup(asked) is None


@given(st.text(max_size=30))
def test_lookup_takes_any_text(asked: str) -> None:
    """No text is an error."""
    found = lookup(asked, "zh")
    assert found is None or found.lang == "zh"


def test_an_unknown_language_is_an_error() -> None:
    """Not an empty page."""
    with pytest.raises(LookupError, match="the languages are en, zh"):
        lookup("550", "xx")


def test_the_class_of_an_enhanced_code_decides_what_to_do() -> None:
    """4.2.2 is worth another attempt, 5.2.2 is not before something changes, 2.2.2 asks for nothing, and X.2.2 leaves it open."""
    four, five, two, open_ = (lookup(name) for name in ("4.2.2", "5.2.2", "2.2.2", "X.2.2"))
    assert four is not None
    assert five is not None
    assert two is not None
    assert open_ is not None
    assert (four.permanence, four.retry) == (Permanence.TEMPORARY, Retry.LATER)
    assert (five.permanence, five.retry) == (Permanence.PERMANENT, Retry.AFTER_CHANGE)
    assert (two.permanence, two.retry, two.who) == (None, Retry.NONE, (Who.NOBODY,))
    assert open_.permanence == Permanence.UNKNOWN
    assert two.prose.sender_fix != five.prose.sender_fix


@pytest.mark.parametrize(
    ("code", "permanence", "class_"),
    [
        ("214", None, "positive completion"),
        ("354", None, "positive intermediate"),
        ("450", Permanence.TEMPORARY, "transient negative completion"),
        ("550", Permanence.PERMANENT, "permanent negative completion"),
        ("5.7.1", Permanence.PERMANENT, "permanent failure"),
        ("4.7.1", Permanence.TEMPORARY, "persistent transient failure"),
        ("2.1.5", None, "success"),
        ("471", Permanence.TEMPORARY, "transient negative completion"),
        ("111", Permanence.TEMPORARY, ""),
        ("101", Permanence.UNKNOWN, ""),
    ],
)
def test_class_and_permanence(code: str, permanence: Permanence | None, class_: str) -> None:
    """The first digit says both; a number without one of the standard's is judged by its retry."""
    record = lookup(code)
    assert record is not None
    assert (permanence, class_) == (record.permanence, record.class_)


def test_facts_are_the_same_in_every_language_and_words_are_not() -> None:
    """JSON names a class alike in both languages; people read it in theirs."""
    record = lookup("550", "zh")
    assert record is not None
    assert (record.class_, record.class_name, record.group) == ("permanent negative completion", "永久否定回复", "邮件系统")
    told = record_json(record)
    assert (told["code"], told["kind"], told["permanence"], told["known_from"]) == ("550", "basic", "permanent", "rfc")
    assert "RFC 5321 section 4.2.3" in told["references"]


@pytest.mark.parametrize(
    ("source", "name", "chinese", "url"),
    [
        ("5321#4.2.3", "RFC 5321 section 4.2.3", "RFC 5321 第 4.2.3 节", "https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3"),
        ("876", "RFC 876", "RFC 876", "https://www.rfc-editor.org/rfc/rfc876"),
        ("https://example.org/x", "https://example.org/x", "https://example.org/x", "https://example.org/x"),
        ("a manual", "a manual", "a manual", None),
    ],
)
def test_references(source: str, name: str, chinese: str, url: str | None) -> None:
    """A section of an RFC is named and linked; what has no address is named alone."""
    reference = Reference(source)
    assert (name, chinese, url) == (reference.name(), reference.name("zh"), reference.url)


def test_sections_of_one_document_are_cited_together() -> None:
    """Each once, in the order of the first mention."""
    references = [Reference(source) for source in ("5321#4.2.3", "7504", "5321#3.1", "5321", "5321#3.1", "a manual", "6647#5", "6647")]
    assert cited(references) == "RFC 5321 sections 4.2.3, 3.1; RFC 7504; a manual; RFC 6647 section 5"
    assert cited(references[:3], "zh") == "RFC 5321 第 4.2.3、3.1 节；RFC 7504"
    assert cited([]) == ""


def test_words_for_facts_are_whole_in_both_languages() -> None:
    """Each value that a record can have has its words, the same set in each language, and the Chinese ones are Chinese."""
    for group, members in (("who", Who), ("retry", Retry), ("connection", Connection), ("known_from", KnownFrom), ("kind", RecordKind)):
        assert [label(group, member, "zh") for member in members]
    english, chinese = words("en", "terms"), words("zh", "terms")
    assert {group: set(rows) for group, rows in english.items()} == {group: set(rows) for group, rows in chinese.items()}
    bare = [
        (group, name)
        for group, rows in chinese.items()
        for name, row in rows.items()
        if group not in ("join", "reference") and "{" not in row["says"] and not re.search(r"[\u4e00-\u9fff]", row["says"])
    ]
    assert bare == []


def test_sentences_have_the_same_gaps_in_both_languages() -> None:
    """What is filled into the one is filled into the other; nothing is lost in Chinese."""
    english, chinese = words("en", "terms"), words("zh", "terms")
    gaps = re.compile(r"\{(\w+)\}")
    parted = [
        (group, name)
        for group, rows in english.items()
        for name, row in rows.items()
        if set(gaps.findall(row["says"])) != set(gaps.findall(chinese[group][name]["says"]))
    ]
    assert parted == []


def test_names_are_listed_as_each_language_lists_them() -> None:
    """Commas and a word before the last; phases by their names; Chinese sets a blank before Latin words."""
    assert listed(["a", "b", "c"], "or", "en") == "a, b or c"
    assert listed(["a", "b"], "and", "zh") == "a和b"
    assert phase_names(["RCPT", "EOM"], "en") == "RCPT or the end of the content"
    assert spaced("回复RCPT或VRFY。") == "回复 RCPT 或 VRFY。"


def test_a_code_says_with_whom_it_was_seen_and_where_it_is_heard_beyond_the_tables() -> None:
    """What no standard defines names who has it instead of a document; a command beyond the tables names its own source."""
    stray, busy = lookup("441"), lookup("430")
    assert stray is not None
    assert busy is not None
    assert seen_with(stray) == ("Exchange (4.4.1)", "turboSMTP list")
    assert record_json(stray)["references"] == ["Exchange (4.4.1)", "turboSMTP list"]
    assert all(record_json(record)["references"] for record in records("en").values())
    told = {phase: source for record in records("en").values() for phase, source in beyond(record).items()}
    assert {"observed"} < set(told.values())
    assert beyond_told(busy) == ""
    assert all(beyond_told(record) for record in records("zh").values() if record.facts.get("beyond"))
