from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

import waypost.replies
from waypost.replies.catalogue import entries, prose
from waypost.replies.library import LANGUAGES, words

DATA = Path(waypost.replies.__file__).parent / "data"
FIELDS = {"title", "meaning", "occurs", "sender_fix", "operator_fix"}
HAN = re.compile(r"[\u4e00-\u9fff]")
OLD_FORMS = re.compile(r"[這個們會來時說對發這應該給與為務無資訊轉換擇檔網絡軟體伺權設郵連線處經過還進長門問間開關]")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_row_has_its_prose_and_no_prose_lacks_its_row(lang: str) -> None:
    """Both languages are complete: the same keys as the facts, no more and no fewer."""
    assert set(words(lang, "catalogue")["catalogue"]) == set(entries())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", entries())
def test_prose_has_all_five_fields_in_whole_sentences(lang: str, key: str) -> None:
    """Each field is there, on one line, and ends like a sentence; a title does not."""
    row = words(lang, "catalogue")["catalogue"][key]
    assert set(row) == FIELDS
    for field, text in row.items():
        assert text.isprintable()
        assert text == text.strip()
        assert text.endswith("。" if lang == "zh" else ".") == (field != "title")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_two_rows_say_the_same(lang: str) -> None:
    """No title and no sentence of one row stands in another, so nothing is filled in by rote."""
    said = Counter(
        sentence
        for row in words(lang, "catalogue")["catalogue"].values()
        for text in row.values()
        for sentence in re.split(r"(?<=[.。])(?:\s+|$)|。", text)
        if sentence
    )
    assert [sentence for sentence, count in said.items() if count > 1] == []


@pytest.mark.parametrize("key", entries())
def test_chinese_is_chinese(key: str) -> None:
    """Every field but the title holds at least twenty Han characters, in their simplified forms."""
    for field, text in asdict(prose(key, "zh")).items():
        assert field == "title" or len(HAN.findall(text)) >= 20
        assert OLD_FORMS.findall(text) == []
        assert "," not in re.sub(r"[ -~]{6,}", "", text)


@pytest.mark.parametrize("source", sorted((DATA / "zh").rglob("*.toml")), ids=lambda source: source.stem)
def test_chinese_keeps_to_one_word_for_a_thing(source: Path) -> None:
    """Server, sender, recipient, reply, session and queue have one Chinese name each; the others are not used."""
    others = ["伺服器", "服务端", "发送者", "收信人", "接收者", "响应", "应答码", "返回码", "对话期", "伫列", "信箱", "网域", "黑客"]
    text = source.read_text("utf-8")
    assert [word for word in others if word in text] == []


@pytest.mark.parametrize("key", entries())
def test_english_is_long_enough_to_help(key: str) -> None:
    """No English field is a bare word or two, and all of it is ASCII, for it may be shown on any terminal."""
    for field, text in asdict(prose(key, "en")).items():
        assert len(text.split()) >= (1 if field == "title" else 4)
        assert text.isascii()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", [key for key, entry in entries().items() if entry.settings])
def test_operator_is_told_the_settings(lang: str, key: str) -> None:
    """Where settings govern a reply, the operator's remedy names each."""
    missing = [name for name in entries()[key].settings if name not in prose(key, lang).operator_fix]
    assert missing == []


def test_an_unknown_language_or_key_is_an_error() -> None:
    """Prose that is not there is a LookupError, never an empty page."""
    with pytest.raises(LookupError, match="the languages are en, zh"):
        prose("noop", "xx")
    with pytest.raises(LookupError):
        prose("no-such-key", "zh")


@pytest.mark.parametrize("source", sorted((DATA).rglob("*/*/*.toml")), ids=lambda source: "/".join(source.parts[-3:]))
def test_no_row_stands_in_two_files_and_files_stay_short(source: Path) -> None:
    """A prose file keeps to 400 lines, and what it says of a row no other file says."""
    text = source.read_text("utf-8")
    assert len(text.splitlines()) <= 400
    headers = re.findall(r"^\[.+\]$", text, re.MULTILINE)
    others = "\n".join(other.read_text("utf-8") for other in source.parent.glob("*.toml") if other != source)
    assert [header for header in headers if header in others.splitlines()] == []
