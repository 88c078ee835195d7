"""Any two codes beside each other."""

from __future__ import annotations

import re
from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.replies import compare, lookup
from waypost.replies.comparison import UnknownCodeError, pairs
from waypost.replies.library import LANGUAGES
from waypost.replies.records import code_key, records
from waypost.replies.shapes import comparison_json

ALL = tuple(records("en"))
FORMS = (*ALL, *(f"{digit}{code[1:]}" for code in ALL if code.startswith("X") for digit in "245"))
HAN = re.compile(r"[\u4e00-\u9fff]")
codes = st.sampled_from(FORMS)


@given(codes, codes, st.sampled_from(LANGUAGES))
def test_either_order_says_the_same(a: str, b: str, lang: str) -> None:
    """214 with 220 is 220 with 214, in canonical order."""
    there, back = compare(a, b, lang), compare(b, a, lang)
    assert there == back
    assert code_key(there.first.asked) <= code_key(there.second.asked)


@given(codes, codes, st.sampled_from(LANGUAGES))
def test_every_pair_has_its_words(a: str, b: str, lang: str) -> None:
    """A summary, a way to choose and a way to go on, whole sentences with nothing left to be filled in."""
    told = compare(a, b, lang)
    texts = [told.summary, told.choose, *(each.text for each in told.differences)]
    if not told.same:
        texts.append(told.meet)
    for text in texts:
        assert text.endswith("。" if lang == "zh" else ".")
        assert "{" not in text
        assert bool(HAN.search(text)) == (lang == "zh")


def test_a_large_part_of_all_pairs_differ_in_something() -> None:
    """Of every seventh pair of codes, whichever they are, nearly all have a difference that was computed from facts."""
    every = list(islice(product(ALL, ALL), 0, None, 7))
    told = [compare(a, b) for a, b in every if a != b]
    assert len([each for each in told if each.differences]) > 0.97 * len(told)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pairs_with_words_of_their_own_use_them(lang: str) -> None:
    """Each pair of the data is of known codes, in canonical order, and its words are what is said."""
    assert ("214", "220") in pairs(lang)
    for a, b in pairs(lang):
        told = compare(b, a, lang)
        assert (a, b) == (told.first.asked, told.second.asked)
        assert told.written
        assert told.differences


def test_words_of_a_pair_stand_for_the_code_without_a_class() -> None:
    """What is written for 5.7.1 and 5.7.26 is said of X.7.1 and X.7.26 too, but not of 4.7.1 and 4.7.26."""
    assert compare("5.7.1", "5.7.26").choose == compare("X.7.26", "X.7.1").choose
    assert compare("5.7.1", "5.7.26").written
    assert not compare("4.7.1", "4.7.26").written


def test_the_same_code_twice_is_said_to_be_so() -> None:
    """There is nothing to compare; two classes of one enhanced code are two."""
    told = compare("550", "550")
    assert (told.same, told.differences) == (True, ())
    assert told.summary == "550 is the same code twice: there is nothing to compare."
    classes = compare("5.2.2", "4.2.2")
    assert (classes.name, classes.same) == ("4.2.2-5.2.2", False)
    assert (compare("5.1.1", "X.1.1").same, compare("X.2.2", "5.2.2").written) == (False, False)
    assert (compare("X.2.2", "x.2.2").same, compare("X.2.2", "X.2.2").written) == (True, False)


@pytest.mark.parametrize("wrong", ["9", "999", "", "5.9.9", "SIZE", "recipient.unknown"])
def test_what_is_no_code_is_one_clear_error(wrong: str) -> None:
    """Named, with what to write instead."""
    with pytest.raises(UnknownCodeError, match=r"is no known reply code: write one such as 550 or 5\.1\.1"):
        compare("214", wrong)


def test_a_pair_of_its_own_says_where_to_read_on() -> None:
    """Documents of the pair stand before those of its codes, and none twice."""
    told = compare("214", "220")
    names = [each.source for each in told.references]
    assert names[0] == "5321#4.2.2"
    assert "5321#3.1" in names
    assert len(set(names)) == len(names)


def points(a: str, b: str) -> dict[str, str]:
    return {each.point: each.text for each in compare(a, b).differences}


def test_differences_come_from_the_facts() -> None:
    """Class, phases, retry and connection of 421 and 554 are those that their records have."""
    found = points("221", "550")
    assert found["class"] == "Class: 221 says that it is done, 550 refuses for good; the first digit alone tells a client which."
    assert "221 answers QUIT" in found["commands that it answers"]
    assert "after 221 it is closed; after 550 it stays open" in found["connection"]
    assert "nothing to retry" in found["retry"]
    assert "221 is about the connection, 550 about the mail system" in found["subject"]


def test_a_code_for_any_command_shares_those_of_the_other() -> None:
    """421 and 500 answer whatever 221 or 521 do, as far as that is a command."""
    assert points("221", "421")["commands that it answers"].endswith(
        "both may answer QUIT; only 421 answers the opening of the connection or any other command."
    )
    assert points("220", "500")["commands that it answers"].startswith("When: both may answer STARTTLS; only 220 answers the opening")
    assert "any other command" in points("503", "421")["commands that it answers"]


def test_a_reply_code_and_an_enhanced_one_do_not_compete() -> None:
    """Where they go together it is said; where their classes exclude each other it is not."""
    assert "both may stand in one reply, 550 first" in points("550", "5.1.1")["kind"]
    assert "which may stand behind one to say why" in points("550", "5.5.6")["kind"]
    assert "never stand in one reply" in points("550", "4.1.1")["kind"]
    assert "write 5.1.1 behind it" in compare("550", "4.1.1").choose
    assert "behind a code that begins with 4" in compare("550", "4.1.1").choose
    assert compare("354", "5.7.1").choose.endswith("put 5.7.1 behind a code that begins with 5.")
    assert compare("550", "5.4.1").choose.startswith("They do not compete")


def test_nobody_is_told_to_answer_with_a_code_that_no_standard_defines() -> None:
    """The author of a server is warned off it."""
    assert "Do not answer 571" in compare("571", "551").choose
    assert "571 from no document, only from real replies" in points("571", "551")["source"]


def test_a_number_that_no_server_says_is_told_to_be_one() -> None:
    """101 stands in the reports of programs alone."""
    found = points("101", "550")
    assert "101 stands in reports and logs, and in no reply that is known" in found["commands that it answers"]
    assert found["kind"] == "Kind: 101 is a nonstandard code and 550 a reply code."
    assert "commands that it answers" not in points("101", "111")


def test_as_json() -> None:
    """Both records and every sentence, under stable names."""
    told = comparison_json(compare("220", "214"))
    assert [code["code"] for code in told["codes"]] == ["214", "220"]
    assert {"name", "same", "summary", "codes", "differences", "choose", "meet", "related", "references"} == set(told)
    assert lookup("214") is not None
    assert "214" not in told["related"]
