"""Holding two servers against each other: what counts as a difference, what does not, and who does better. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.diagnose.beside.point import Point, Reply, Section, Side, Trait, Traits, Value, difference
from waypost.diagnose.beside.traits import greeting_words, reply_value
from waypost.diagnose.finding import Finding, Stage
from waypost.diagnose.talk import Said


def answer(text: str, *, ended: str = "") -> Said:
    """A reply of one line."""
    return Said((f"{text}\r\n".encode(),), 0.0, ended=ended)


def trait(key: str, value: Value, section: Section = Section.REPLIES, row: str = "step.unknown") -> Trait:
    """A trait of a server."""
    return Trait(key=key, section=section, row=row, value=value)


def beside(a: Value, b: Value) -> Point:
    """Two values at one point."""
    return Point(trait=trait("reply.unknown", a), a=a, b=b)


@pytest.mark.parametrize(
    ("one", "other", "same", "better"),
    [
        ("500 5.5.2 What?", "500 5.5.2 Unknown command", True, None),
        ("500 5.5.2 What?", "502 5.5.2 What?", False, None),
        ("500 5.5.2 What?", "500 5.5.1 What?", False, None),
        ("500 5.5.2 What?", "500 What?", True, None),
        ("500 What?", "250 Ok", False, Side.A),
        ("250 Ok", "502 No", False, Side.B),
        ("250 Ok", "451 Later", False, None),
    ],
)
def test_replies_are_held_against_each_other_by_their_codes(one: str, other: str, *, same: bool, better: Side | None) -> None:
    """Words do not count; an enhanced code counts where both have one; better is who answers as the standard wants, alone."""
    point = beside(*(reply_value(answer(text), good=frozenset({500, 502})) for text in (one, other)))
    assert (same, better) == (point.same, point.better)


def test_hanging_up_is_an_answer_and_never_the_better_one() -> None:
    """A server that closes the connection differs from one that answers."""
    point = beside(
        reply_value(Said((), 0.0, ended="closed"), good=frozenset({500})), reply_value(answer("500 What?"), good=frozenset({500}))
    )
    assert (point.same, point.better) == (False, Side.B)
    assert point.a.shown("en") == ("hung up",)


@pytest.mark.parametrize(("a", "b", "same"), [(0.001, 0.9, True), (2.0, 5.0, True), (0.1, 5.0, False), (5.0, 0.1, False), (0.0, 0.0, True)])
def test_small_times_are_alike(a: float, b: float, *, same: bool) -> None:
    """A time differs only where somebody would feel it."""
    assert same is beside(Value(seconds=a), Value(seconds=b)).same


@pytest.mark.parametrize(
    ("greeting", "left"),
    [
        ("mx.example.org ESMTP Postfix", "ESMTP Postfix"),
        ("exim.example ESMTP Exim 4.96 Mon, 23 Nov 2026 20:14:03 +0000", "ESMTP Exim 4.96"),
        ("mx.example.org ESMTP 4fb4d7f45d1cf-5cfe6b1a2c4si - gsmtp", "ESMTP - gsmtp"),
        ("mx", ""),
    ],
)
def test_names_times_and_identifiers_of_a_greeting_do_not_count(greeting: str, left: str) -> None:
    """They are others at another host and another time."""
    assert left == greeting_words(greeting)


def test_what_one_lacks_is_told_and_what_cannot_be_known_is_left_out() -> None:
    """An extension of one alone differs where the other was talked to, a fault always; a reply that only one was asked for does not."""
    found = Finding(key="vrfy-tells", about="mx", facts={})
    has = {
        "reply.unknown": trait("reply.unknown", Value(essence=1)),
        "extension.SIZE": trait("extension.SIZE", Value(essence=1), Section.EXTENSIONS, "point.extension"),
        "finding.vrfy-tells": Trait(
            key="finding.vrfy-tells", section=Section.FINDINGS, row="point.finding", value=Value(good=False, essence=True), finding=found
        ),
    }
    talked = difference(Traits(has, frozenset({Stage.DIALOGUE})), Traits({}, frozenset({Stage.DIALOGUE})))
    assert [(point.trait.key, point.better) for point in talked.differing] == [("extension.SIZE", None), ("finding.vrfy-tells", Side.B)]
    unknown = difference(Traits(has), Traits({}))
    assert [(point.trait.key, point.better) for point in unknown.points] == [("finding.vrfy-tells", None)]
    assert talked.points[0].b.shown("en") == ("not offered",)


VALUES = st.builds(Value, essence=st.integers(0, 3), good=st.sampled_from([True, False, None]))
SERVERS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES)


@given(SERVERS, SERVERS)
def test_the_other_way_round_it_says_the_same(one: dict[str, Value], other: dict[str, Value]) -> None:
    """A beside B and B beside A have the same points and differences, with the better one on the other side; each server equals itself."""
    a, b = (Traits({key: trait(key, value) for key, value in each.items()}) for each in (one, other))
    there, back = difference(a, b), difference(b, a)
    assert {point.trait.key for point in there.differing} == {point.trait.key for point in back.differing}
    assert (there.better(Side.A), there.better(Side.B)) == (back.better(Side.B), back.better(Side.A))
    assert difference(a, a).differing == ()


def test_a_reply_explains_itself_in_both_languages() -> None:
    """From the catalogue, for who runs the server."""
    told = Reply(502, "5.5.1", "5.5.1 Not here")
    assert told.explained("en").title.isascii()
    assert not told.explained("zh").title.isascii()
