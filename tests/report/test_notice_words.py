from __future__ import annotations

import tomllib
from importlib.resources import files
from string import Formatter

import pytest

from report.notice_facts import a_notice, a_settled, an_envelope, an_outcome
from waypost.mail.outcome import Action
from waypost.observe.layout import columns, wrapped
from waypost.replies.catalogue import entries
from waypost.replies.library import LANGUAGES
from waypost.report.settings import Language, NoticeSettings

OUTCOMES = [key for key, entry in entries().items() if entry.code is None]


def words(language: str) -> dict[str, str]:
    return tomllib.loads(files("waypost.report").joinpath(f"data/{language}.toml").read_text("utf-8"))


def facts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_phrase_with_its_facts(language: str) -> None:
    """A language is complete: same phrases, same facts as English."""
    english, other = words("en"), words(language)
    assert {name: facts_of(text) for name, text in other.items()} == {name: facts_of(text) for name, text in english.items()}


@pytest.mark.parametrize("key", OUTCOMES)
def test_every_outcome_is_explained_by_the_catalogue(key: str) -> None:
    """Each outcome of the catalogue makes a notice that explains it in both languages."""
    settled = a_settled(outcome=an_outcome(Action.FAILED, key=key, heard=None, status="5.0.0"))
    octets = a_notice(an_envelope(), settled, settings=NoticeSettings(languages=(Language.EN, Language.ZH))).content.octets
    assert b"What happened:" in octets
    assert b"What you can do:" in octets
    assert f"X-Waypost-Key: {key}\r\n".encode() in octets


def test_lines_for_people_are_short_in_both_languages() -> None:
    """No line of prose is wider than 72 columns, wide letters counted twice; no Chinese line begins with a comma."""
    text = "这是一个相当长的句子，它必须在适当的地方断开；标点不能出现在行首。" * 5 + " and some English words between them."
    lines = wrapped(text)
    assert len(lines) > 3
    assert [line for line in lines if columns(line) > 74 or line[0] in "，；。"] == []


def test_mail_given_up_says_what_stood_in_the_way() -> None:
    """An expired message whose last trouble was ours to name tells it by the catalogue."""
    settled = a_settled(outcome=an_outcome(Action.FAILED, key="expired", heard=None, status="5.4.7", detail="unreachable"))
    text = a_notice(an_envelope(), settled).content.octets
    assert b"What stood in the way: " in text
    assert b"In detail" not in text
