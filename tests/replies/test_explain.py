"""Whatever is given, explained: what it is taken for, which prose explains it, and its JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.replies import explain, lookup
from waypost.replies.explaining import as_json, explanation_of, is_code, who_acts
from waypost.replies.explanation import Kind, Permanence, Reading, Scope
from waypost.replies.library import facts
from waypost.replies.own_words import own_key
from waypost.replies.records import RecordKind, Who, records
from waypost.replies.vendors import vendors_of

BOUNCE = b"""From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: ada@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.net
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: user unknown

--b--
"""


def reading(**changed: object) -> Reading:
    values: dict[str, object] = {
        "code": 550,
        "status": None,
        "host": None,
        "text": "550 no",
        "recipient": None,
        "category": "unknown",
        "permanence": Permanence.PERMANENT,
        "because": "",
        "scope": Scope.UNKNOWN,
        "confidence": 0.5,
        "evidence": (),
        "entry": None,
    }
    return Reading(**(values | changed))  # type: ignore[arg-type]  # each of its type, as the tests give them


def of(code: str, lang: str = "en") -> str:
    record = lookup(code, lang)
    assert record is not None
    return record.prose.title


@pytest.mark.parametrize("code", list(records("en")))
def test_every_code_is_explained_by_its_own_record(code: str) -> None:
    """Kind code, one report, its prose, with code or status named and its category that of the record."""
    told = explain(code)
    (report,) = told.reports
    assert (Kind.CODE, code) == (told.kind, told.input)
    assert of(code) == report.explanation.title
    assert code in (str(report.reading.code), report.reading.status)
    assert report.reading.category in facts("registry")["category"]
    assert report.reading.evidence


@pytest.mark.parametrize(
    ("code", "permanence"),
    [
        ("550", Permanence.PERMANENT),
        ("450", Permanence.TEMPORARY),
        ("214", Permanence.UNKNOWN),
        ("4.2.2", Permanence.TEMPORARY),
        ("5.2.2", Permanence.PERMANENT),
        ("X.2.2", Permanence.UNKNOWN),
        ("599", Permanence.PERMANENT),
        ("4.9.9", Permanence.TEMPORARY),
    ],
)
def test_the_permanence_of_a_code(code: str, permanence: Permanence) -> None:
    """The first digit says it, of codes that nobody defined too; good news have none."""
    assert permanence == explain(code).reports[0].reading.permanence


@pytest.mark.parametrize("code", ["599", "299", "4.9.9", "5.7.99"])
def test_a_code_that_nobody_defined_is_not_made_up(code: str) -> None:
    """Its first digit is explained, and how little that is worth is told."""
    (report,) = explain(code).reports
    assert (report.reading.category, report.reading.confidence, report.reading.evidence[0].rule) == ("unknown", 0.3, "digit")
    assert report.explanation.title in ("Refused", "Not now", "Success")


def test_the_class_of_an_enhanced_code_is_told_with_its_meaning() -> None:
    """4.2.2 and 5.2.2 share a record and part in a sentence."""
    four, five = explain("4.2.2").reports[0].explanation, explain("5.2.2").reports[0].explanation
    assert four.title == five.title
    assert four.meaning != five.meaning


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("550", True),
        ("5.7.1", True),
        ("X.7.1", True),
        ("x.7.1", True),
        ("571", True),
        ("111", True),
        ("999", False),
        ("5.7", False),
        ("", False),
    ],
)
def test_what_is_a_code(text: str, *, answer: bool) -> None:
    """Three digits from 2 to 5 on, an enhanced code of any class, and the numbers that circulate."""
    assert answer is is_code(text)


def test_a_reply_of_one_line_and_of_several() -> None:
    """Both are lines; code and status are read from them, and the category's prose explains them."""
    one = explain("550 5.1.1 <bob@example.net>: user unknown")
    more = explain("550-5.1.1 <bob@example.net>: user unknown\n550 5.1.1 There is nobody of that name.", lang="zh")
    for told, lang in ((one, "en"), (more, "zh")):
        (report,) = told.reports
        assert (
            told.kind,
            report.reading.code,
            report.reading.status,
            report.reading.category,
        ) == (Kind.LINE, 550, "5.1.1", "recipient.unknown")
        assert of("recipient.unknown", lang) == report.explanation.title


def test_a_line_that_others_follow_is_read_like_the_last() -> None:
    """``550-5.7.26 ...``, as it is copied out of a longer reply: the hyphen hides neither code nor status."""
    told, alone = explain("550-5.7.26 Your message is not authenticated"), explain("550 5.7.26 Your message is not authenticated")
    assert (told.reports[0].reading.code, told.reports[0].reading.status) == (550, "5.7.26")
    assert alone.reports[0].explanation == told.reports[0].explanation


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_message_is_taken_for_one_whatever_its_line_ends(ending: bytes) -> None:
    """Its recipient's failure is reported under the name that it was given."""
    told = explain(BOUNCE.replace(b"\n", ending), name="bounce.eml")
    assert (told.input, told.kind) == ("bounce.eml", Kind.DSN)
    assert [report.reading.recipient for report in told.reports] == ["bob@example.net"]
    assert of("recipient.unknown") == told.reports[0].explanation.title


def test_a_pasted_message_is_read_like_a_file() -> None:
    """Text and octets are one."""
    assert explain(BOUNCE.decode()).reports == explain(BOUNCE).reports
    assert explain(BOUNCE).input == "-"


def test_what_reports_nothing_has_no_reports() -> None:
    """Ordinary mail is ordinary."""
    told = explain(b"From: ada@example.com\nTo: bob@example.net\nSubject: lunch\n\nAt noon?\n")
    assert (told.kind, told.reports) == (Kind.ORDINARY, ())


def test_nothing_is_no_failure() -> None:
    """An empty input has no reports, and is no error."""
    for empty in ("", b"", " \n", b"\r\n", "\ufeff"):
        assert (explain(empty).kind, explain(empty).reports) == (Kind.ORDINARY, ())


def test_a_mark_of_byte_order_is_no_part_of_what_is_given() -> None:
    """As editors put it before text that they save."""
    assert explain(b"\xef\xbb\xbf550 5.1.1 user unknown\n").reports[0].reading.code == 550
    assert explain("\ufeff550").kind == Kind.CODE
    assert explain(b"\xef\xbb\xbf" + BOUNCE).kind == Kind.DSN


def test_a_reply_in_octets_is_a_reply() -> None:
    """As it comes through a pipe, with its line end; octets that are no UTF-8 do not matter."""
    assert explain(b"550\n").kind == Kind.CODE
    assert explain(b"550 5.1.1 user unknown\r\n").kind == Kind.LINE
    assert explain(b"550 5.1.1 user unknown \xff\xfe\n").reports[0].reading.code == 550


def test_a_provider_is_believed_before_all_else() -> None:
    """Where it is known whose words they are, its own meaning explains them."""
    provider = next(iter(records("en", RecordKind.PROVIDER)))
    assert of(provider) == explanation_of(reading(entry=provider, category="content.spam"), "en").title


def test_our_own_words_are_explained_by_our_own_row() -> None:
    """With what we know about it, better than a category can; facts within do not matter."""
    said = "Relaying to <bob@example.net> is denied"
    assert own_key(550, "5.7.1", f"550 5.7.1 {said}") == "relay-denied"
    told = explanation_of(reading(status="5.7.1", text=said, category="route.relay_denied"), "en")
    assert told.title != of("route.relay_denied")
    assert "relay.networks" in told.operator_fix


@pytest.mark.parametrize("text", ["", "550 5.7.1", "Relaying denied", "no"])
def test_strangers_words_are_not_ours(text: str) -> None:
    """A few common words are nobody's."""
    assert own_key(550, "5.7.1", text) is None


def test_every_reply_of_ours_is_known_again() -> None:
    """Whatever we say, said by another server of ours, is explained by its own row."""
    from waypost.replies.catalogue import entries  # noqa: PLC0415 - for this test alone

    lost = [
        key
        for key, row in entries().items()
        if row.code is not None and row.code >= 400 and own_key(row.code, row.status, row.says.replace("{", "").replace("}", "")) is None
    ]
    assert lost == []


def test_the_category_comes_before_the_code_and_good_news_have_none() -> None:
    """Category, then enhanced code, then reply code, then its first digit."""
    assert explanation_of(reading(category="rate.greylisted"), "en").title == of("rate.greylisted")
    assert explanation_of(reading(status="5.7.25"), "en").title == of("5.7.25")
    assert explanation_of(reading(), "en").title == of("550")
    assert explanation_of(reading(code=250, status="2.1.5", category="report.delivered"), "en").title == of("2.1.5")
    assert explanation_of(reading(code=None, status="2.1.5", category="report.delivered"), "en").title == of("2.1.5")
    assert explanation_of(reading(code=None, status="2.0.0", category="report.delivered"), "en").title == of("report.delivered")
    assert explanation_of(reading(code=571), "zh").title == of("571", "zh")
    assert explanation_of(reading(code=None, status="5.9.9"), "en").title == "Refused"
    assert explanation_of(reading(code=None), "en").title == "No known code"


def test_who_acts_is_told_by_the_most_telling_record() -> None:
    """The category's, else the code's, else nobody can say."""
    assert Who.NOBODY in who_acts(reading(code=450, category="rate.greylisted")) or who_acts(reading(category="rate.greylisted"))
    assert who_acts(reading()) == getattr(lookup("550"), "who", None)
    assert who_acts(reading(code=None)) == ()


def test_json_has_the_schema_and_nothing_else() -> None:
    """Names and types are a contract."""
    told = as_json(explain("550 5.1.1 <bob@example.net>: user unknown"))
    assert list(told) == ["input", "kind", "reports"]
    (report,) = told["reports"]
    assert list(report) == [
        "recipient",
        "code",
        "status",
        "category",
        "permanence",
        "scope",
        "host",
        "text",
        "confidence",
        "evidence",
        "explanation",
    ]
    assert (report["code"], report["status"]) == ("550", "5.1.1")
    assert list(report["explanation"]) == ["title", "description", "occurs", "fix"]
    assert list(report["explanation"]["fix"]) == ["sender", "operator"]
    assert all(list(step) == ["rule", "words", "source", "sure"] for step in report["evidence"])
    assert json.loads(json.dumps(told)) == told


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)), st.sampled_from(["en", "zh"]))
def test_anything_may_be_given(whatever: str | bytes, lang: str) -> None:
    """No text and no octets are an error, and the answer is always JSON."""
    json.dumps(as_json(explain(whatever, lang=lang)))


def test_an_unknown_language_is_told() -> None:
    """Before anything is read."""
    with pytest.raises(LookupError, match="the languages are en, zh"):
        explain("550", lang="xx")


def test_importing_the_package_loads_nothing_but_what_is_asked_for() -> None:
    """The server's replies and the reader's explanations do not pay for each other."""
    code = (
        "import sys; from waypost.replies import lookup; lookup('550');"
        "print([name for name in sys.modules if name.startswith('waypost.replies.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    for unwanted in ("catalogue", "keys", "line", "bounce", "comparison", "explaining"):
        assert f"'waypost.replies.{unwanted}'" not in done.stdout


@pytest.mark.parametrize(
    ("reply", "vendors"),
    [
        ("554 5.7.1 Client host [192.0.2.9] blocked using dnsbl.sorbs.net", ("sorbs",)),
        ("554 Client host [192.0.2.9] blocked using zen.spamhaus.org", ("spamhaus",)),
        ("550 blocked: UCEPROTECT level 2", ("uceprotect",)),
        ("550 listed in b.barracudacentral.org", ("barracuda",)),
        ("550 5.7.27 SPF did not pass - gsmtp", ("google",)),
        ("550 5.1.1 User unknown", ()),
        ("550", ()),
    ],
)
def test_a_reply_leads_to_the_list_that_it_names_and_to_who_says_it(reply: str, vendors: tuple[str, ...]) -> None:
    """Whoever is on a list reads on the page of that list; whoever is refused by a provider, on the provider's."""
    assert vendors == vendors_of(explain(reply).reports[0].reading)
