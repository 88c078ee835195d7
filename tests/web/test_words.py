"""The words of the pages, and the tree of questions: whole in each language, and closed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from waypost.replies import lookup
from waypost.replies.records import RecordKind
from waypost.web.reference.why import START, node, nodes
from waypost.web.templates import LANGUAGES, wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HAN = re.compile(r"[\u4e00-\u9fff]")
SAME = {"Waypost", "JSON", "SMTP", "……{reason}"}


def _leaves(words: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in words.items():
        if isinstance(value, str):
            yield f"{above}{name}", value
        elif isinstance(value, list):
            yield from ((f"{above}{name}.{at}", line) for at, line in enumerate(value))
        else:
            yield from _leaves(value, f"{above}{name}.")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_language_is_whole(lang: str) -> None:
    """Each language has every word of the pages, none of them empty, and no other."""
    words = dict(_leaves(wording(lang)))

    assert words.keys() == dict(_leaves(wording("en"))).keys()
    assert all(words.values())


def test_words_are_of_their_language() -> None:
    """Chinese words are Chinese, English ones are not; names of ours and of the world are the same."""
    for name, said in _leaves(wording("zh")):
        assert HAN.search(said) or said in SAME or name.endswith(("placeholder", "frame.tag", "frame.colon", "frame.stop")), name
    for name, said in _leaves(wording("en")):
        assert not HAN.search(said), name


def test_places_to_fill_are_the_same() -> None:
    """A sentence with places to fill has the same ones in each language."""
    places = re.compile(r"\{\w*\}")
    zh = dict(_leaves(wording("zh")))

    for name, said in _leaves(wording("en")):
        assert sorted(places.findall(said)) == sorted(places.findall(zh[name])), name


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_answer_leads_to_a_step(lang: str) -> None:
    """Each step of the tree either asks, with an answer for each way on, or ends with something to read."""
    for name in nodes():
        step = node(name, lang)
        assert step.question
        assert step.says
        assert bool(step.answers) != bool(step.causes or step.codes), name
        assert {answer.leads for answer in step.answers} <= set(nodes()), name


def test_every_step_is_reached() -> None:
    """From the first question every step can be reached, within five answers, and no way leads in a circle."""
    reached: dict[str, int] = {}

    def go(name: str, depth: int) -> None:
        assert depth <= 5, name
        reached[name] = min(depth, reached.get(name, depth))
        for answer in node(name, "en").answers:
            go(answer.leads, depth + 1)

    go(START, 0)

    assert reached.keys() == nodes().keys()


def test_every_cause_and_code_has_a_page() -> None:
    """What an end of the tree names is known: causes are categories, codes are codes."""
    for name in nodes():
        step = node(name, "en")
        for cause in step.causes:
            record = lookup(cause)
            assert record is not None, cause
            assert record.kind is RecordKind.CATEGORY, cause
        for code in step.codes:
            assert lookup(code) is not None, code
