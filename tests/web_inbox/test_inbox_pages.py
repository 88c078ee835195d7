"""The pages of the inbox: what they show, what they refuse, and that nothing of strangers is ever markup."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest

from support.asking import get
from support.markup import read
from waypost.operate.verbs import OperatorError
from waypost.web.app import Given, make
from waypost.web.inbox.pages import PAGE, VIEWS
from waypost.web.security import Hosts

if TYPE_CHECKING:
    from support.asking import Answer
    from support.mailroom import Room

HTML = (
    b"From: Ada <ada@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nthe text https://example.org/go.\r\n"
    b"--c\r\nContent-Type: text/html\r\n\r\n<p>the <b>page</b><img src=cid:logo@x><script>alert(1)</script></p>\r\n--c--\r\n"
    b'--b\r\nContent-Type: text/html\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline; filename="../a\xc3\xa4.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgowMDAw\r\n"
    b"--b\r\nContent-Type: image/svg+xml; name=x.svg\r\n\r\n<svg onload=alert(1)>\r\n--b--\r\n"
)
PAYLOADS = Path(__file__).with_name("payloads.txt").read_text().splitlines()
NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def listed(answer: Answer) -> list[str]:
    return re.findall(r'class="subject">([^<]*)<', answer.text)


def test_the_empty_inbox_tells_how_to_fill_it(room: Room) -> None:
    """Where nothing has come yet the page says how to send something, to the address that really listens."""
    text = room.get("/").text

    assert text.count("127.0.0.1:1025") == 3
    assert "swaks" in text
    assert "No mail has come yet" in text


def test_mail_is_listed_newest_first(room: Room) -> None:
    """Sender, recipient, subject, size and time stand in a row that leads to the message."""
    room.keep(b"Subject: one\r\n\r\n")
    id_ = room.keep(b"Subject: two\r\n\r\n", sender="")
    answer = room.get("/")

    assert listed(answer) == ["two", "one"]
    assert f'href="/inbox/{id_}"' in answer.text
    assert "&lt;&gt; (notice)" in answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("hello", ["hello world"]),
        ("to:@example.net", ["hello world", "other"]),
        ("eve@example.com", []),
        ("from:ada@example.org newer:1h", ["hello world", "other"]),
    ],
)
def test_mail_is_searched_as_on_the_command_line(room: Room, query: str, found: list[str]) -> None:
    """The words of the command line hold here; what was asked stays in the box."""
    room.keep(b"Subject: other\r\n\r\n")
    room.keep(b"Subject: hello world\r\n\r\n")
    answer = room.get(f"/?q={query}")

    assert found == listed(answer)
    assert f'value="{query}"' in answer.text


def test_what_is_no_search_is_told(room: Room) -> None:
    """A word that the filter does not know is answered with what to write, and what was typed is no markup."""
    answer = room.get("/?q=state:%3Cb%3E")

    assert answer.status == 400
    assert "That is no search" in answer.text
    assert "<b>state" not in answer.text
    assert "state:&lt;b&gt;" in answer.text


def test_a_long_list_is_turned_page_by_page(room: Room) -> None:
    """Every message stands on exactly one page, also where several were captured at the same moment."""
    for number in range(PAGE * 2 + 10):
        room.keep(f"Subject: n{number}\r\n\r\n".encode())
        room.seconds -= 0.5 if number % 5 else 0
    seen: list[str] = []
    place = "/"
    while place:
        answer = room.get(place)
        seen += listed(answer)
        following = re.search(r'<a href="([^"]*)" rel="next"', answer.text)
        place = following[1].replace("&amp;", "&") if following else ""

    assert sorted(seen) == sorted(f"n{number}" for number in range(PAGE * 2 + 10))


@pytest.mark.parametrize("cursor", ["x", "1,2", "nan," + NOBODY, "-1," + NOBODY, "1e400," + NOBODY, "," + NOBODY])
def test_a_broken_cursor_is_the_first_page(room: Room, cursor: str) -> None:
    """What is no place in the list is no fault."""
    room.keep(b"Subject: one\r\n\r\n")

    assert listed(room.get(f"/?before={cursor}")) == ["one"]


@pytest.mark.parametrize("lang", ["", "/zh"])
def test_every_view_of_a_message(room: Room, lang: str) -> None:
    """HTML, text, headers, source, parts and conversation each have a page in each language, whole and without anything inline."""
    session = room.talk(("220 mx", "greeting"), "QUIT", ("221 2.0.0 bye", "closing"))
    id_ = room.keep(HTML, session=session)
    for view in ("", *VIEWS):
        answer = room.get(f"{lang}/inbox/{id_}" + (f"/{view}" if view else ""))
        page = read(answer.text)

        assert answer.status == 200, view
        assert (page.unclosed, page.inline, page.unlabelled) == ([], [], []), view
        assert page.headings.count("h1") == 1
        assert page.lang == ("zh-Hans" if lang else "en")
        assert "Gr\u00fc\u00dfe" in page.text
        assert answer.fields["cache-control"] == "no-store"


def test_the_views_show_the_message(room: Room) -> None:
    """Text with its links, decoded headers, the source as it is, each part with its name and size."""
    id_ = room.keep(HTML)

    assert '<a href="https://example.org/go" target="_blank" rel="noopener noreferrer nofollow">' in room.get(f"/inbox/{id_}/text").text
    assert "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" in room.get(f"/inbox/{id_}/headers").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in room.get(f"/inbox/{id_}/source").text
    assert "x.svg" in room.get(f"/inbox/{id_}/parts").text


def test_html_stands_in_a_closed_frame(room: Room) -> None:
    """The page frames another answer; that one has a policy of its own, no script, and its pictures in itself."""
    id_ = room.keep(HTML)
    page, frame = room.get(f"/inbox/{id_}/html"), room.get(f"/inbox/{id_}/frame")

    found = re.search(r"<iframe [^>]*>", page.text)
    assert found is not None
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in found[0]
    assert "alert" not in page.text
    assert "alert" not in frame.text
    assert 'src="data:image/png;base64,' in frame.text
    assert "sandbox" in frame.fields["content-security-policy"]
    assert "default-src 'none'" in frame.fields["content-security-policy"]
    assert frame.fields["x-frame-options"] == "SAMEORIGIN"


def test_parts_are_saved_never_opened(room: Room) -> None:
    """A part comes as octets to be saved under a harmless name, whatever it says it is; only what is a picture is shown as one."""
    id_ = room.keep(HTML)
    svg, png = room.get(f"/inbox/{id_}/part/5"), room.get(f"/inbox/{id_}/part/4")

    assert svg.fields["content-type"] == "application/octet-stream"
    assert svg.fields["content-disposition"].startswith("attachment; ")
    assert svg.fields["x-content-type-options"] == "nosniff"
    assert "sandbox" in svg.fields["content-security-policy"]
    assert "a%C3%A4.png" in png.fields["content-disposition"]
    assert "/" not in unquote(png.fields["content-disposition"])
    assert png.body == b"\x89PNG\r\n\x1a\n0000"
    assert room.get(f"/inbox/{id_}/picture/4").fields["content-type"] == "image/png"
    assert room.get(f"/inbox/{id_}/picture/5").status == 404


def test_the_source_is_saved_octet_for_octet(room: Room) -> None:
    """The file holds the message as it was captured, trace field on top."""
    id_ = room.keep(b"Subject: x\r\n\r\n\x00\xff bin\r\n")
    answer = room.get(f"/inbox/{id_}/raw")

    assert answer.body == b"Return-Path: <ada@example.org>\r\nSubject: x\r\n\r\n\x00\xff bin\r\n"
    assert f'filename="{id_}.eml"' in answer.fields["content-disposition"]


@pytest.mark.parametrize(
    "path",
    [
        f"/inbox/{NOBODY}",
        f"/zh/inbox/{NOBODY}/html",
        f"/inbox/{NOBODY}/raw",
        f"/inbox/{NOBODY}/frame",
        f"/inbox/{NOBODY}/part/0",
        f"/session/{NOBODY}",
        "/inbox/..",
        "/inbox/../../etc/passwd",
        "/inbox/%2e%2e%2fetc%2fpasswd/raw",
        "/inbox/all",
        "/inbox/all/raw",
        "/session/all",
        "/inbox/from:@example.org/raw",
        "/inbox/" + "A" * 5000,
    ],
)
def test_what_is_not_there_is_404(room: Room, path: str) -> None:
    """An id that names nothing, or is none, is answered with 404: never with another message, never with a fault."""
    room.keep(b"Subject: secret\r\n\r\n")
    answer = room.get(path)

    assert answer.status == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize("view", ["nope", "part/99", "part/-1", "part/x", "part/\u0661", "picture/0", "part/1e1", "frame"])
def test_what_a_message_does_not_have_is_404(room: Room, view: str) -> None:
    """A view or part that there is not is 404."""
    id_ = room.keep(b"Subject: plain\r\n\r\ntext\r\n")

    assert room.get(f"/inbox/{id_}/{view}").status == 404


def test_a_deleted_message_is_gone_from_every_page(room: Room) -> None:
    """What the operator deletes can no longer be read, though it was looked at before."""
    id_ = room.keep(HTML)
    paths = [f"/inbox/{id_}/{view}" for view in (*VIEWS, "raw", "frame", "part/1")]
    assert {200} == {room.get(path).status for path in paths}

    asyncio.run(room.desk.call("inbox.delete", {"filter": ["all"]}))

    assert {404} == {room.get(path).status for path in paths}


@pytest.mark.parametrize("lang", ["", "/zh"])
def test_each_reply_leads_to_its_page(room: Room, lang: str) -> None:
    """Every link of a conversation to the reference resolves, in the page's language; keywords of EHLO are linked too."""
    session = room.talk(
        ("220 mx ESMTP", "greeting"),
        "EHLO x",
        ("250-mx greets x|250-SIZE 1000|250-X-OWN|250 PIPELINING", "ehlo"),
        "RCPT TO:<x@y.z>",
        ("550 5.7.1 Relaying is denied", "relay-denied"),
        "NOPE",
        ("571 5.9.99 odd", ""),
        "AUTH PLAIN <redacted>",
        ("999 no reply", ""),
        (f"250 2.0.0 Queued as {NOBODY}", "queued"),
        refused="relay-denied",
    )
    answer = room.get(f"{lang}/session/{session}")
    links = {link for link in read(answer.text).links if link.startswith("/codes/") and "/search" not in link}
    article = answer.text[answer.text.index("<article") :]

    assert all(room.get(link.partition("#")[0]).status == 200 for link in links)
    for page in ("550", "X.7.1#class-5", "extension/SIZE", "extension/PIPELINING", "571"):
        assert f'href="/codes{lang}/{page}"' in article, page
    assert "X-OWN" in article
    assert f'href="{lang}/inbox/{NOBODY}"' in article
    assert "&lt;redacted&gt;" in article


@pytest.mark.parametrize(("lang", "fix"), [("", "What to do:"), ("/zh", "\u600e\u6837\u505a")])
def test_refused_sessions_are_listed_with_reason_and_fix(room: Room, lang: str, fix: str) -> None:
    """Who, which command, which reply with its link, why, and what to do, in the language of the page."""
    session = room.talk("MAIL FROM:<a@b.c> SIZE=9", ("552 5.3.4 too big", "size-over-maximum"), refused="size-over-maximum", helo="laptop")
    text = room.get(f"{lang}/refused").text

    for part in (
        "127.0.0.1:9",
        "laptop",
        "SIZE=9",
        "too big",
        f'href="/codes{lang}/X.3.4#class-5"',
        f'href="{lang}/session/{session}"',
        fix,
    ):
        assert part in text, part
    assert read(text).unclosed == []


def test_refusals_are_shown_in_bounded_numbers(room: Room) -> None:
    """A page shows so many, and leads to more; whatever number is asked for."""
    for number in range(PAGE + 1):
        room.seconds += number
        room.talk("X", ("500 5.5.1 no", "command-unknown"), refused="command-unknown")

    assert room.get("/refused").text.count("data-id") == PAGE
    assert "limit=200" in room.get("/refused").text
    assert room.get("/refused?limit=200").text.count("data-id") == PAGE + 1
    for number in ("0", "-5", "99999999999", "x", "\u0661"):
        assert room.get(f"/refused?limit={number}").status == 200


class Silent:
    """A server that is not there, or says something else."""

    def __init__(self, does: Any) -> None:
        self.does = does

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        if isinstance(self.does, BaseException):
            raise self.does
        return self.does


@pytest.mark.parametrize("does", [None, OSError("gone"), OperatorError("another server"), TimeoutError()])
def test_a_server_that_does_not_answer_is_503(room: Room, monkeypatch: pytest.MonkeyPatch, does: Any) -> None:
    """While the mail server starts or stops the page says so, and nothing fails."""
    monkeypatch.setattr(room.desk, "call", Silent(does).call)

    assert room.get(f"/inbox/{NOBODY}").status == 503
    assert room.get("/refused").status == 503


@pytest.mark.parametrize(
    "fields",
    [
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    ],
)
def test_pages_of_others_cannot_embed_mail(room: Room, fields: list[tuple[str, str]]) -> None:
    """Another site's page, one on another port of this machine too, gets nothing of the inbox into itself; a link may lead there."""
    id_ = room.keep(HTML)
    follows = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]

    for path in ("/", "/refused", f"/inbox/{id_}", f"/inbox/{id_}/frame", f"/inbox/{id_}/raw", f"/inbox/{id_}/picture/4", "/inbox/events"):
        assert room.get(path, fields=fields).status == 403, path
    assert room.get(f"/inbox/{id_}", fields=follows).status == 200


def test_no_page_answers_for_another_host(room: Room) -> None:
    """DNS rebinding: each route of the inbox is refused under a foreign name, and behind a proxy there is none of them."""
    id_ = room.keep(HTML)
    for path in ("/", "/refused", f"/inbox/{id_}", f"/inbox/{id_}/raw", f"/inbox/{id_}/frame", "/inbox/events"):
        assert room.get(path, host="evil.example").status == 421, path
        assert room.get(path, fields=[("x-forwarded-for", "203.0.113.7")]).status in (302, 404), path


def test_without_a_desk_there_is_no_route(room: Room) -> None:
    """For a place that others can reach the application is made without a desk: none of the addresses of the inbox exists in it."""
    id_ = room.keep(HTML)
    public = make(Given(hosts=Hosts(anyone=True), url="", desk=None, clock=room.clock))

    for lang in ("", "/zh"):
        for path in ("/refused", f"/inbox/{id_}", *(f"/inbox/{id_}/{view}" for view in VIEWS), f"/session/{NOBODY}", "/inbox/"):
            assert get(public, f"{lang}{path}").status == 404, path
    for path in (f"/inbox/{id_}/raw", f"/inbox/{id_}/frame", f"/inbox/{id_}/part/1", f"/inbox/{id_}/picture/4", "/inbox/events", "/zh/"):
        assert get(public, path).status == 404, path
    assert get(public, "/").fields["location"] == "/codes/"


def test_nothing_tells_a_name_server_what_is_read(room: Room) -> None:
    """Browsers look up the names in links before anybody follows them: pages with mail tell them not to."""
    id_ = room.keep(HTML)

    for path in ("/", f"/inbox/{id_}/text", f"/inbox/{id_}/frame"):
        assert room.get(path).fields["x-dns-prefetch-control"] == "off", path


def test_a_large_message_is_shown_as_far_as_it_goes(room: Room) -> None:
    """Text and source of a large message are cut and say so; every view comes, and the file is whole."""
    octets = b"Subject: large\r\n\r\n" + b"line of text\r\n" * 500_000
    id_ = room.keep(octets)

    for view in VIEWS:
        answer = room.get(f"/inbox/{id_}/{view}")
        assert answer.status == 200
        assert len(answer.body) < 1_500_000
    assert "only its beginning" in room.get(f"/inbox/{id_}/text").text
    assert len(room.get(f"/inbox/{id_}/raw").body) == len(octets) + len(b"Return-Path: <ada@example.org>\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(room: Room, method: str) -> None:
    """The inbox is read-only: no route takes another method."""
    id_ = room.keep(HTML)
    for path in ("/", "/refused", f"/inbox/{id_}", f"/inbox/{id_}/raw", "/inbox/events"):
        assert room.get(path, method=method).status == 405, path


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_strangers_say_is_text(room: Room, payload: str) -> None:
    """Names, replies of remote servers, greeting names and search words are shown as they are, and are never markup."""
    session = room.talk(("220 mx", ""), payload, (f"550 5.7.1 {payload}", ""), refused=payload, helo=payload)
    id_ = room.keep(f"Subject: {payload}\r\nFrom: {payload}\r\nX-A: {payload}\r\n\r\n{payload}".encode(), session=session, helo=payload)
    paths = ["/", "/refused", f"/session/{session}", f"/?q={quote(payload)}", *(f"/inbox/{id_}/{view}" for view in VIEWS)]

    for path in paths:
        answer = room.get(path)
        page = read(answer.text)
        assert answer.status in (200, 400), path
        assert payload not in answer.text or not set("<>\"'") & set(payload), path
        assert (page.unclosed, page.inline) == ([], []), path
        assert not [link for link in page.links if not link.startswith(("/", "#", "http://", "https://"))], path


def test_head_and_ranges(room: Room) -> None:
    """HEAD is answered like GET; a range that is asked for is answered with the whole."""
    id_ = room.keep(HTML)
    for path in ("/", f"/inbox/{id_}/frame", f"/inbox/{id_}/part/4", f"/inbox/{id_}/raw", "/inbox/events"):
        assert room.get(path, method="HEAD").status == 200, path
    assert room.get(f"/inbox/{id_}/part/4", fields=[("range", "bytes=0-1")]).status == 200
