"""What an operator types."""

from __future__ import annotations

import pytest

from waypost.inbox.inbox import Search
from waypost.mail import identifier
from waypost.operate.filters import FilterError, inbox_search, queue_filter, seconds, words
from waypost.spool.spool import Filter
from waypost.spool.states import State

ID = identifier.new(1_700_000_000.0)


def test_an_id_in_any_case_is_an_id() -> None:
    """Ids are read in lower case too, as people paste them."""
    assert queue_filter(words([ID.lower()]), now=0.0) == Filter(ids=frozenset({ID}))


def test_all_words_together() -> None:
    """Every word narrows the filter."""
    said = words(["from:@example.org", "to:bob@example.net", "state:deferred,held", "older:2h", "newer:1d"])
    assert queue_filter(said, now=100_000.0, limit=5) == Filter(
        reverse_path="@example.org",
        recipient="bob@example.net",
        states=frozenset({State.DEFERRED, State.HELD}),
        arrived_before=92_800.0,
        arrived_after=13_600.0,
        limit=5,
    )


@pytest.mark.parametrize(("texts", "empty"), [([], True), (["all"], False), ([ID], False), (["to:@x.example"], False)])
def test_nothing_is_not_everything(texts: list[str], empty: bool) -> None:  # noqa: FBT001 - a row of the table
    """Only the word all means everything; saying nothing is told apart, so that a change of everything is never an accident."""
    assert words(texts).empty is empty


@pytest.mark.parametrize("text", ["bob", "from:", "size:5", "01ARZ3NDEKTSV4RRFFQ69G5FA", "../../etc/passwd", "all of it", ":x"])
def test_a_word_that_is_no_filter_says_what_is(text: str) -> None:
    """An unknown word is refused with the words that there are."""
    with pytest.raises(FilterError, match="write an id, from:ADDRESS"):
        words([text])


@pytest.mark.parametrize("state", ["delivered", "relayed", "failed", "waiting", "deferred,", ""])
def test_only_states_of_waiting_recipients(state: str) -> None:
    """A state that nothing in the queue can have is refused."""
    with pytest.raises(FilterError):
        queue_filter(words([f"state:{state}"]), now=0.0)


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("2H", 7200), ("5d", 432_000)])
def test_spans(text: str, expected: int) -> None:
    """Seconds, minutes, hours and days."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "h", "-1h", "1w", "1.5h", "9999999999s", "\u0663h"])
def test_spans_that_are_none(text: str) -> None:
    """Anything else is refused, digits of other scripts too."""
    with pytest.raises(FilterError, match="write 90s, 30m, 2h or 5d"):
        seconds(text)


def test_queue_and_inbox_know_different_words() -> None:
    """A word of the other house is refused by name."""
    with pytest.raises(FilterError, match="is for the inbox"):
        queue_filter(words(["subject:hello"]), now=0.0)
    with pytest.raises(FilterError, match="is for the queue"):
        inbox_search(words(["state:held"]), now=0.0)
    assert inbox_search(words(["subject:Hello there", "newer:1m"]), now=100.0) == Search(subject="Hello there", after=40.0)


@pytest.mark.parametrize("text", ["to:example.org", "from:bob", "to:<>x"])
def test_an_address_that_is_none_says_what_is(text: str) -> None:
    """A domain without its @ would match nothing and look like an empty queue."""
    with pytest.raises(FilterError, match="for a whole domain, or <> for the null sender"):
        words([text])


@pytest.mark.parametrize("text", ["to:postmaster", "from:<>", "to:@example.org", "from:a@b"])
def test_addresses_domains_postmaster_and_nobody_are_addresses(text: str) -> None:
    """Each as people write it."""
    assert list(words([text]).values.values()) == [text.partition(":")[2]]


def test_a_word_that_is_said_twice_is_refused() -> None:
    """All words must match; the second would silently replace the first."""
    with pytest.raises(FilterError, match="to: is said twice"):
        words(["to:a@example.org", "to:b@example.org"])
