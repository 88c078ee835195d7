from __future__ import annotations

import sys
from pathlib import Path

import pytest

from waypost.replies.library import facts
from waypost.replies.line import read_line
from waypost.replies.line.compile import compiled
from waypost.replies.line.fold import fold
from waypost.replies.line.mould import MouldError, Words, mould

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import check_idioms

RULES = check_idioms.written()
NAMES = [rule["name"] for rule in RULES["rule"]]
EXAMPLES = [(rule["name"], rule["category"], example) for rule in RULES["rule"] for example in rule["examples"]]


@pytest.mark.parametrize(
    ("name", "category", "example"), EXAMPLES, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(EXAMPLES)]
)
def test_each_example_is_read_as_its_rule_says(name: str, category: str, example: str) -> None:
    """A rule carries lines that it decides, or that come to its category."""
    _, reading = read_line(example)
    assert reading is not None
    assert category == reading.category, f"{name}: {reading.evidence[0].rule}"


def test_every_rule_can_fire_and_is_heard() -> None:
    """No phrase can never fire, and none is always spoken over by another rule; weak ones yield by design."""
    assert list(check_idioms.complaints(RULES)) == []


def test_rules_are_whole() -> None:
    """Each has a name of its own, a known category, a source, where it is from, and how sure it is."""
    assert len(set(NAMES)) == len(NAMES)
    for rule in RULES["rule"]:
        assert rule["category"] in facts("judgement")["category"], rule["name"]
        assert rule["source"], rule["name"]
        assert rule["from"], rule["name"]
        assert 0 < rule["sure"] < 1, rule["name"]
        assert rule.get("phrases") or rule.get("statuses"), rule["name"]


def test_entries_are_records() -> None:
    """What a provider's rule points at has facts and prose."""
    known = facts("registry")["provider"]
    assert [rule["name"] for rule in RULES["rule"] if rule.get("entry") and rule["entry"] not in known] == []


def test_judgement_names_every_category() -> None:
    """Every category of the catalogue has its usual permanence and scope here, and no other has."""
    assert set(facts("registry")["category"]) == set(facts("judgement")["category"])


def test_only_numbers_that_say_something_are_believed() -> None:
    """What makes one sure of something is a number of the registry that stands for a category."""
    registry = facts("registry")
    for section, sure in facts("judgement")["sure"].items():
        assert [number for number in sure if registry[section][number]["category"] == "unknown"] == []
        assert all(0.35 <= value < 0.9 for value in sure.values())


@pytest.mark.parametrize(
    ("phrase", "said", "unsaid"),
    [
        ("no such user", "No such user here", "no suchuser"),
        ("user unknown", "<a@b.example>... User-Unknown!", "users unknown"),
        ("no such (user|mail box)", "no such mail box", "no such box"),
        ("mailbox (is )?full", "Mailbox full", "mailbox too full"),
        ("users? unknown", "users unknown", "user is unknown"),
        ("e-?mail rejected", "e-mail rejected", "mail rejected"),
        ("e-?mail rejected", "Email rejected", "emails rejected"),
        ("fail(ure|ed)? here", "failed here", "failing here"),
        ("user ?name", "username", "user full name"),
        ("mailbox .. full", "mailbox of this user is full", "mailbox of this user is really very full"),
        ("mailbox ... full", "mailbox of this user is really very full", "full mailbox"),
        ("account @ unknown", "account <a@example.org> unknown", "account a unknown"),
        ("exceeded # hops", "exceeded 50 hops", "exceeded many hops"),
        ("reject* by", "rejected by", "unrejected by"),
        ("^ blocked $", "Blocked.", "you are blocked"),
        ("link:spamhaus.org query", "https://www.spamhaus.org/query", "spamhaus query"),
        ("doesn't exist", "doesnt exist", "does not exist"),
        ("用户...不存在", "您的用户 a 不存在", "不存在的用户"),
        ("hl:rep", "421 HL:REP", "hlrep"),
        ("пользовател* .. не найден*", "Пользователь не найден", "пользователь найден"),
        ("boite pleine", "Boîte pleine", "boîte vide"),
        ("user|mailbox gone", "mailbox gone", "gone"),
    ],
)
def test_a_phrase_is_heard_in_its_variations(phrase: str, said: str, unsaid: str) -> None:
    """The language of phrases: each mark means what it says."""
    rules = check_idioms.Rules(
        compiled({"rule": [{"name": "one", "category": "unknown", "sure": 0.5, "source": "a test", "phrases": [phrase]}], "list": {}})
    )
    heard = [bool(rules.matches(fold(text), speakers=(), numbers=(), command="")) for text in (said, unsaid)]
    assert heard == [True, False]


@pytest.mark.parametrize("phrase", ["", "...", "(open", "close)", "{nolist} x", "&&", "ab*", "x.. y", "is?"])
def test_a_phrase_that_cannot_be_understood_is_an_error(phrase: str) -> None:
    """What has no word to look it up by, or no sense, is not silently dead."""
    with pytest.raises(MouldError):
        mould(phrase, Words({}, {}))


def test_a_key_that_is_not_known_is_an_error() -> None:
    """A slip in a rule's key is told with the rule's name."""
    with pytest.raises(MouldError, match="slip: not known: phrase"):
        compiled({"rule": [{"name": "slip", "phrase": ["x"]}]})


@pytest.mark.parametrize(
    "text", ["User UNKNOWN", "<a@example.org>: Größe", "邮箱已滿", "see https://example.org/x?y=z now", "İstanbul ﬀ 㐂"]
)
def test_folding_keeps_every_letter_at_its_place(text: str) -> None:
    """The folded forms are as long as the text, with a space at either end, so that it can be quoted."""
    folded = fold(text)
    assert {len(text) + 2} == {len(folded.words), len(folded.whole)}
    assert text == folded.quote(1, len(text) + 1)
