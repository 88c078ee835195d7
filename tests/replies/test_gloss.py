from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.replies import Key
from waypost.replies.catalogue import entries, prose
from waypost.replies.gloss import gloss
from waypost.replies.library import LANGUAGES, words


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", Key)
def test_ours_is_explained_by_the_catalogue(lang: str, key: Key) -> None:
    """A key of ours, reply or outcome, gives its own prose, with the remedy of whoever reads."""
    entry, ours = entries()[key], prose(key, lang)
    for reader, fix in (("sender", ours.sender_fix), ("operator", ours.operator_fix)):
        said = gloss(entry.code or 0, entry.status, key=key, lang=lang, reader=reader)  # type: ignore[arg-type]  # the two words it takes
        assert (ours.title, ours.meaning, fix) == (said.title, said.meaning, said.fix)


@pytest.mark.parametrize(
    ("code", "status", "text", "title"),
    [
        (550, "5.1.1", "", "There is no such mailbox (permanent)"),
        (550, None, "5.1.1 nobody of that name", "There is no such mailbox (permanent)"),
        (450, "4.2.2", "", "Mailbox full (temporary)"),
        (550, "5.7.999", "", "Mailbox unavailable, or refused by policy (permanent)"),
        (550, "5.0.0", "", "Mailbox unavailable, or refused by policy (permanent)"),
        (550, None, "see 5.1.1 for more", "Mailbox unavailable, or refused by policy (permanent)"),
        (421, "5.7.32", "", "Service not available, closing (temporary)"),
        (499, None, "", "Not now (temporary)"),
        (599, "5.9.9", "", "Refused (permanent)"),
        (0, "5.9.9", "", "Refused (permanent)"),
        (0, "4.4.1", "", "No answer from the host (temporary)"),
        (250, "2.0.0", "", "Done"),
        (250, "2.1.0", "", "Done"),
        (250, "2.1.5", "", "Recipient valid"),
        (235, "2.7.0", "", "Login accepted"),
        (0, "2.6.0", "", "Something about the content"),
        (0, None, "", "No known code"),
        (999, None, "", "No known code"),
    ],
)
def test_a_strangers_reply_is_explained_by_the_best_that_is_known(code: int, status: str | None, text: str, title: str) -> None:
    """The enhanced code if it is known, else the basic code, else the first digit."""
    assert title == gloss(code, status, text).title


@pytest.mark.parametrize(
    ("code", "status", "text", "title"),
    [
        (550, "5.7.1", "Client host [192.0.2.1] blocked using zen.spamhaus.org", "reputation.ip"),
        (452, None, "4.2.2 The user's mailbox is full", "recipient.full"),
        (554, None, "Mailbox over quota", "recipient.full"),
        (554, "5.0.0", "No such user here", "recipient.unknown"),
        (450, "4.7.1", "Greylisted, come back in 5 minutes", "rate.greylisted"),
        (0, None, "User unknown", "recipient.unknown"),
    ],
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_of_a_refusal_say_more_than_its_code(lang: str, code: int, status: str | None, text: str, title: str) -> None:
    """Where a stranger's words are understood, the prose of what they come to is shown, in the reader's language."""
    row = words(lang, "registry")["category"][title]
    said = gloss(code, status, text, lang=lang)
    assert said.title.startswith(row["title"])
    assert row["meaning"] == said.meaning


def test_a_provider_is_taken_at_its_own_word() -> None:
    """A mark that one provider uses is explained as that provider means it."""
    assert (
        words("en", "registry")["provider"]["yahoo.TSS"]["meaning"] == gloss(421, "4.7.0", "[TSS04] Messages temporarily deferred").meaning
    )


@pytest.mark.parametrize(
    ("code", "text", "word"),
    [
        (554, "Too many connections from your IP", "temporary"),
        (450, "User unknown", "temporary"),
        (421, "Your IP is permanently blocked", "permanent"),
    ],
)
def test_the_word_in_brackets_is_what_lasts_and_not_the_digit(code: int, text: str, word: str) -> None:
    """A rate limit passes though it is said with 5xx, and what is refused for good does not."""
    assert gloss(code, None, text).title.endswith(f"({word})")


def test_words_of_success_are_not_read() -> None:
    """A reply below 400 refuses nothing, whatever its words."""
    assert gloss(250, "2.0.0") == gloss(250, "2.0.0", "mailbox full, queued")


def test_an_unknown_key_is_a_strangers() -> None:
    """A key that is not ours does not stand in the way of the code."""
    assert gloss(550, None, key="no-such-key") == gloss(550, None)


@pytest.mark.parametrize(
    ("code", "status", "start"),
    [
        (450, "4.7.1", "Wait, for it is tried again; if it lasts: log in"),
        (550, "5.7.1", "Log in"),
        (450, "4.2.2", "Wait, and tell"),
        (451, None, "Wait: the message stays"),
    ],
)
def test_a_temporary_refusal_asks_for_patience_first(code: int, status: str | None, start: str) -> None:
    """The remedy of a code that is heard in both classes begins with waiting where the class is 4."""
    assert gloss(code, status).fix.startswith(start)


@pytest.mark.parametrize("status", ["2.1.5", "2.6.0", "2.7.1"])
def test_good_news_need_no_remedy(status: str) -> None:
    """A status of class 2 asks for nothing, though its detail may be a complaint in other classes."""
    assert gloss(0, status).fix == words("en", "registry")["digit"]["2"]["sender_fix"]


def test_acronyms_keep_their_capitals() -> None:
    """What follows the call for patience is only made small where it is a plain word."""
    assert gloss(450, "4.7.23", lang="en").fix.endswith("add the sending address to the SPF record, or send through the right server.")
    assert gloss(450, "4.7.1", lang="zh").fix.startswith("请先等待")


def test_an_unknown_language_is_an_error() -> None:
    """There is no silent fall-back to another language."""
    with pytest.raises(LookupError):
        gloss(550, None, lang="tlh")


@settings(max_examples=150, deadline=None)
@given(
    code=st.integers(min_value=-5, max_value=1200),
    status=st.none() | st.text(max_size=12),
    text=st.text(max_size=40),
    lang=st.sampled_from(LANGUAGES),
)
def test_every_reply_is_explained_in_single_lines(code: int, status: str | None, text: str, lang: str) -> None:
    """Whatever a stranger says, there are a title, a meaning and a remedy of one line each."""
    said = gloss(code, status, text, lang=lang)
    assert all(part.strip() and part.isprintable() for part in (said.title, said.meaning, said.fix))
