"""The box into which a bounce is pasted: it explains, it is bounded, and it keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.asking import get, post
from support.markup import read
from waypost.replies import explain

if TYPE_CHECKING:
    from conftest import Hands

LINE = "550 5.7.26 Unauthenticated email from example.org is not accepted"
BOUNCE = """From: MAILER-DAEMON@mx.example.org
To: ada@example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not work.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: no such user

--b--
"""


@pytest.mark.parametrize(("under", "lang"), [("", "en"), ("zh/", "zh")])
def test_a_line_is_explained(own: Any, under: str, lang: str) -> None:
    """A reply is explained on the page in the page's language, with the pages that tell more."""
    page = read(post(own, f"/codes/{under}explain", {"text": LINE}).text)
    prose = explain(LINE, lang=lang).reports[0].explanation

    assert prose.meaning in page.text
    assert prose.sender_fix in page.text
    assert f"/codes/{under}550" in page.links


def test_a_message_is_explained(own: Any) -> None:
    """A whole bounce, with the line ends of a form, is read as a message: its recipient and its reply are shown."""
    page = read(post(own, "/codes/explain", {"text": BOUNCE.replace("\n", "\r\n")}).text)

    assert "bob@example.net" in page.text
    assert "5.1.1" in page.text
    assert "DSN" in page.text


def test_a_message_with_a_thousand_recipients_is_a_page(own: Any) -> None:
    """The page shows the first fifty recipients and says how many there are besides."""
    one = "Final-Recipient: rfc822; bob{}@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
    parts = "".join(one.format(number) for number in range(1000))
    head, _, tail = BOUNCE.partition("Final-Recipient")
    answer = post(own, "/codes/explain", {"text": head + parts + "--b--\n"})

    assert tail
    assert answer.text.count('<article class="report') == 50
    assert "And 950 more recipients" in answer.text


def test_why_the_digit_does_not_decide(own: Any) -> None:
    """Where the words overrule the first digit the page says so, and why."""
    for line, overruled in (("550 5.2.1 mailbox temporarily unavailable", True), ("550 5.1.1 no such user", False)):
        assert bool(explain(line).reports[0].reading.because) == overruled
        assert ("The text overrules the first digit: " in post(own, "/codes/explain", {"text": line}).text) == overruled


def test_what_is_no_bounce_is_said_so(own: Any) -> None:
    """Ordinary mail is called that, and nothing is made up about it."""
    text = read(post(own, "/codes/explain", {"text": "From: a@example.org\nSubject: lunch\n\nToday at one?\n"}).text).text

    assert "ordinary mail" in text


def test_an_empty_box_is_said_so(own: Any) -> None:
    """Nothing pasted is no fault."""
    assert "The box was empty" in post(own, "/codes/explain", {"text": "  \n"}).text
    assert "The box was empty" in post(own, "/codes/explain", {"other": "x"}).text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "550 5.1.1 <img src=x onerror=alert(1)>",
        "</textarea><script>alert(1)</script>",
        'Subject: "><svg onload=alert(1)>\n\nx',
        "{{ 7 * 7 }} {% raw %}",
        "\x00\x1b[31m\x7f\u202e",
        "\ud800",
    ],
)
def test_hostile_text_is_shown_as_text(own: Any, text: str) -> None:
    """Whatever is pasted, the answer holds it as text alone."""
    answer = post(own, "/codes/explain", {"text": text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")})

    assert answer.status == 200
    assert read(answer.text).inline == []
    assert "<script>alert" not in answer.text
    assert "<svg onload" not in answer.text


def test_nothing_is_kept(own: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """No file is opened for writing while a text is explained, nothing is printed, and no later page shows it."""
    post(own, "/codes/explain", {"text": LINE})  # what is loaded at need is loaded by now
    opened: list[str] = []
    real = open

    def watched(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        if set(mode) & set("wax+"):
            opened.append(str(file))
        return real(file, mode, *more, **named)

    monkeypatch.setattr("builtins.open", watched)
    answer = post(own, "/codes/explain", {"text": f"{LINE} secret-word"})

    assert opened == []
    assert "secret-word" in answer.text
    assert answer.fields["cache-control"] == "no-store"
    assert "secret-word" not in get(own, "/codes/explain").text
    assert capfd.readouterr() == ("", "")


def test_one_client_asks_not_too_often(own: Any, hands: Hands) -> None:
    """After thirty questions at once a client must wait, and may ask again when time has passed."""
    statuses = [post(own, "/codes/explain", {"text": "550"}).status for _ in range(32)]
    refused = post(own, "/codes/explain.json", b"550")
    hands.seconds += 60

    assert statuses == [200] * 30 + [429] * 2
    assert (refused.status, refused.fields["retry-after"]) == (429, "60")
    assert post(own, "/codes/explain", {"text": "550"}).status == 200


def test_other_forms_are_refused(own: Any) -> None:
    """A form of another kind is refused with what to send instead."""
    answer = post(own, "/codes/explain", b"--b\r\n", fields=[("content-type", "multipart/form-data; boundary=b")])

    assert answer.status == 415
