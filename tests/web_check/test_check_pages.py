"""The pages of checks and their API, asked without a browser: over real sockets, against a pretended network."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from html import unescape
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from support.asking import get, post
from support.broken_servers import DOMAIN, Broken, Slow
from support.checked_pages import playing
from support.markup import read
from waypost.clock import SYSTEM
from waypost.web.app import Given, make
from waypost.web.check.gate import Rules
from waypost.web.check.runs import Checks, Plan
from waypost.web.check.shapes import DiagnosisShape, FindingShape, PortShape, ServerShape
from waypost.web.security import Hosts, client_of, is_at_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.checked_pages import Stage

HOSTILE = b"550 5.7.1 <script>alert(1)</script> \x1b[31m http://evil.example/ no\r\n"
ROW = Broken(name="hostile", key="", says={"RCPT TO:<POSTMASTER": HOSTILE, "": Slow(b"", 0.3, b"220 mx.broken.example ESMTP ready\r\n")})
NO_FOLLOWING = urllib.request.build_opener(type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}))


@dataclass
class Answer:
    """What came back."""

    status: int
    fields: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(stage: Stage, path: str, form: Mapping[str, str] | None = None, *, octets: bytes | None = None, **fields: str) -> Answer:
    """A request; ``form`` or ``octets`` make it POST."""
    body = octets if octets is not None else urlencode(form).encode() if form is not None else None
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{stage.port}{path}", data=body, headers=headers)
    try:
        with NO_FOLLOWING.open(request, timeout=20) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {name.lower(): value for name, value in error.headers.items()}, error.read().decode())


def call(stage: Stage, **body: Any) -> Answer:
    return ask(stage, "/api/check", octets=json.dumps(body).encode(), content_type="application/json")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Pages that may check anything, of a network with one mail server whose words are hostile."""
    with playing(row=ROW) as played:
        yield played


@pytest.fixture(scope="module")
def result(stage: Stage) -> str:
    """The address of a result."""
    moved = ask(stage, "/check/", {"target": f"ada@{DOMAIN}", "port": "", "from": ""})
    assert moved.status == 303
    place = moved.fields["location"]
    end = time.monotonic() + 15
    while 'class="verdict' not in ask(stage, place).text:
        assert time.monotonic() < end
        time.sleep(0.1)
    return place


@pytest.mark.parametrize(("path", "lang"), [("/check/", "en"), ("/check/zh/", "zh-Hans")])
def test_the_form(stage: Stage, path: str, lang: str) -> None:
    """It can be had in both languages, each field has its label, and what the address names is filled in."""
    page = ask(stage, f"{path}?target=<b>ada&port=25")

    assert page.status == 200
    assert f'<html lang="{lang}">' in page.text
    for name in ("target", "port", "from"):
        assert f'<label for="{name}">' in page.text
        assert f'id="{name}"' in page.text
    assert 'value="&lt;b&gt;ada"' in page.text
    assert '<option value="25" selected>' in page.text
    assert "no-store" in page.fields["cache-control"]


def test_old_spellings_lead_to_the_form(stage: Stage) -> None:
    """Without its last slash the address is sent on."""
    assert ask(stage, "/check").fields["location"] == "/check/"
    assert ask(stage, "/check/zh").fields["location"] == "/check/zh/"


def test_only_post_begins_a_check(stage: Stage) -> None:
    """A link that names a target fills in the form and dials nobody; so does every other method."""
    before = len(stage.noted)
    ask(stage, f"/check/?target={DOMAIN}")
    ask(stage, f"/check/zh/?target={DOMAIN}")

    assert ask(stage, "/api/check").status == 405
    assert len(stage.noted) == before


@pytest.mark.parametrize("fields", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}])
def test_pages_of_others_begin_no_check(stage: Stage, fields: dict[str, str]) -> None:
    """A form or script of another site begins nothing, whichever way it asks."""
    before = len(stage.noted)

    assert ask(stage, "/check/", {"target": DOMAIN}, **fields).status == 403
    assert ask(stage, "/api/check", octets=b'{"target":"broken.example"}', content_type="application/json", **fields).status == 403
    assert len(stage.noted) == before


def test_json_is_wanted_by_name(stage: Stage) -> None:
    """What a form of another site could send without asking first is no JSON, whatever it holds; and a form is no text."""
    body = b'{"target":"broken.example"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert ask(stage, "/api/check", octets=body, content_type=kind).status == 415
    assert ask(stage, "/check/", octets=b"target=broken.example", content_type="text/plain").status == 415


@pytest.mark.parametrize("field", ["cross-site", "same-site"])
def test_nothing_is_shown_within_other_pages(stage: Stage, result: str, field: str) -> None:
    """A page of another site can neither frame nor load a result; a link that somebody follows is welcome."""
    for place in (result, f"{result}.json", f"{result}/events", "/check/"):
        assert ask(stage, place, sec_fetch_site=field, sec_fetch_mode="no-cors", sec_fetch_dest="script").status == 403
    assert ask(stage, result, sec_fetch_site=field, sec_fetch_mode="navigate", sec_fetch_dest="document").status == 200


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"target": ""}, 422, "Say what is to be checked"),
        ({"target": "no such thing"}, 422, "cannot be checked"),
        ({"target": "example.org:22"}, 422, "Port 22 is not asked"),
        ({"target": "example.org", "from": "nobody"}, 422, "no mailbox that could send"),
        ({"target": "127.0.0.1"}, 403, "no public address"),
        ({"target": "ada@[::1]"}, 422, "cannot be checked"),
        ({"target": "ada@[IPv6:::1]"}, 403, "no public address"),
        ({"target": "x" * 2000}, 422, "too long"),
        ({}, 422, "Say what is to be checked"),
    ],
)
def test_what_is_wrong_is_told(stage: Stage, given: dict[str, str], status: int, says: str) -> None:
    """The form comes back as it was filled in, with what is wrong beside it, and the field is marked; the API says the same."""
    before = len(stage.dialled)
    page = ask(stage, "/check/", given)
    chinese = ask(stage, "/check/zh/", given)

    assert (page.status, chinese.status) == (status, status)
    assert says in unescape(page.text)
    assert 'role="alert"' in page.text
    assert 'aria-invalid="true"' in page.text
    assert re.search("[\u4e00-\u9fff]{3}", chinese.text.partition('role="alert"')[2].partition("</p>")[0])
    if given:
        told = call(stage, **given)
        assert (told.status, set(told.json)) == (status, {"error"})
        assert says in told.json["error"]
    assert len(stage.dialled) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"target": 5}', 400),
        (b'{"target": "a.example", "intrusive": true}', 400),
        (b'{"target": "a.example", "auth": "ada"}', 400),
        (b'{"target": "a.example", "port": "25"}', 400),
        (b'{"target": "a.example", "lang": "fr"}', 422),
        (b'{"target": "a.example", "port": 99999999999}', 422),
        (b'{"target": "\xff"}', 400),
        (b"[" * 5000, 400),
    ],
)
def test_bodies_that_are_none(stage: Stage, body: bytes, status: int) -> None:
    """A body of another form is refused in one line, and asks for no more than a check may do."""
    told = ask(stage, "/api/check", octets=body, content_type="application/json; charset=utf-8")

    assert (told.status, set(told.json)) == (status, {"error"})


def test_the_result(stage: Stage, result: str) -> None:
    """The answer and the next thing to do stand first; then servers and findings; codes, keywords and standards are links that lead on."""
    page = ask(stage, result)
    order = [
        page.text.index(mark) for mark in ('class="verdict', 'class="donext"', 'id="servers"', 'id="stage-names"', 'id="stage-mailbox"')
    ]

    assert order == sorted(order)
    links = {link for link in read(page.text).links if link.startswith("/codes/")}
    assert {"/codes/550", "/codes/X.7.1#class-5", "/codes/extension/SIZE", "/codes/extension/PIPELINING"} <= links
    for link in links:
        assert ask(stage, link.partition("#")[0]).status == 200, link
    assert "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.1" in page.text
    assert 'name="robots" content="noindex"' in page.text


def test_hostile_words_are_text(stage: Stage, result: str) -> None:
    """What a server says is shown as text: no markup, no control character, no link of its own."""
    page = ask(stage, result).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert not [link for link in read(page).links if "evil.example" in link]


def test_the_same_result_in_the_other_language(stage: Stage, result: str) -> None:
    """The switch leads to the same result in Chinese, not to a new check."""
    before = len(stage.noted)
    other = result.replace("/check/", "/check/zh/")
    page = ask(stage, other)

    assert f'href="{other}"' in ask(stage, result).text
    assert '<html lang="zh-Hans">' in page.text
    assert "下一步" in page.text
    assert len(stage.noted) == before


def test_the_result_as_json(stage: Stage, result: str) -> None:
    """The object that the command line prints, with its age beside it; the API answers with the same."""
    told = ask(stage, f"{result}.json")

    server = told.json["servers"][0]
    described = [
        (DiagnosisShape, told.json),
        (ServerShape, server),
        (PortShape, server["ports"][0]),
        (FindingShape, told.json["findings"][0]),
    ]
    for shape, value in described:
        assert set(value) == set(shape.model_fields), shape
    assert DiagnosisShape.model_validate(told.json)
    assert told.json["target"] == f"ada@{DOMAIN}"
    assert int(told.fields["age"]) >= 0
    assert "access-control-allow-origin" not in told.fields
    chinese = ask(stage, f"{result.replace('/check/', '/check/zh/')}.json").json
    assert [each["key"] for each in chinese["findings"]] == [each["key"] for each in told.json["findings"]]
    assert chinese["next_step"] != told.json["next_step"]


def test_the_api(stage: Stage) -> None:
    """One call, one diagnosis; it says where it can be read again."""
    told = call(stage, target=DOMAIN, **{"from": "bob@example.net"}, lang="zh")

    assert told.status == 200
    assert told.json["verdict"] == "works-with-faults"
    assert re.search("[\u4e00-\u9fff]", told.json["next_step"])
    assert ask(stage, told.fields["content-location"]).json == told.json
    assert told.fields["age"] in ("0", "1", "2", "3", "4", "5", "6")
    assert "no-store" in told.fields["cache-control"]


def test_the_api_is_described(stage: Stage) -> None:
    """OpenAPI tells of it, of what it takes and of each way to be refused."""
    row = ask(stage, "/api/openapi.json").json["paths"]["/api/check"]["post"]

    assert {"200", "400", "403", "415", "422", "429", "503"} <= set(row["responses"])
    schema = row["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"target", "port", "from", "lang"}


def test_what_is_not_there(stage: Stage) -> None:
    """Results are asked for by their whole names; anything else is told as gone, in the language of the page."""
    for name in ("x" * 22, "x", "x" * 3000, "..%2f..%2fetc%2fpasswd", "events"):
        assert ask(stage, f"/check/{name}").status == 404
        assert ask(stage, f"/check/{name}.json").status == 404
        assert ask(stage, f"/check/{name}/events").status == 404
    assert "gone" in ask(stage, f"/check/{'x' * 22}").text
    assert "不在" in ask(stage, f"/check/zh/{'x' * 22}").text


def test_the_events_of_a_check(stage: Stage) -> None:
    """A page hears of each stage and each finding as they come, and of the end; joined later, it hears what it does not know yet."""
    place = ask(stage, "/check/zh/", {"target": DOMAIN, "port": "25", "from": ""}).fields["location"]
    told = ask(stage, f"{place}/events?after=0").text
    kinds = re.findall(r"^event: (\w+)$", told, re.MULTILINE)

    assert kinds[0] == "stage"
    assert kinds[-1] == "over"
    assert "finding" in kinds
    assert told.splitlines()[0] == "retry: 1000"
    numbers = [int(number) for number in re.findall(r"^id: (\d+)$", told, re.MULTILINE)]
    assert numbers[:-1] == list(range(1, len(numbers)))
    data = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
    assert {"stage", "severity", "says", "title", "about"} in [set(each) for each in data]
    assert re.search("[\u4e00-\u9fff]", told)
    rest = ask(stage, f"{place}/events?after=0", last_event_id=str(numbers[-1] - 2)).text
    assert len(re.findall("^event: ", rest, re.MULTILINE)) == 3
    for nonsense in ("-1", "x", "9" * 50):
        assert "event: over" in ask(stage, f"{place}/events?after={nonsense}").text


def test_the_json_of_a_check_under_way(stage: Stage) -> None:
    """Asked too early it says to come back."""
    place = ask(stage, "/check/", {"target": f"bob@{DOMAIN}", "port": "", "from": ""}).fields["location"]
    early = ask(stage, f"{place}.json")

    assert (early.status, early.fields["retry-after"]) == (503, "2")
    assert "event: over" in ask(stage, f"{place}/events").text
    assert ask(stage, f"{place}.json").status == 200


def test_limits_are_told() -> None:
    """Too often is 429 with when to come back, on the page and in the API; the same again is the answer that was found."""
    with playing(Plan(hourly=2, again=60)) as stage:
        first = ask(stage, "/check/", {"target": DOMAIN})
        assert "event: over" in ask(stage, f"{first.fields['location']}/events").text
        assert ask(stage, "/check/", {"target": DOMAIN}).fields["location"] == first.fields["location"]
        assert call(stage, target=DOMAIN).fields["content-location"] == f"{first.fields['location']}.json"
        other = ask(stage, "/check/", {"target": f"ada@{DOMAIN}"})
        assert (other.status, 0 < int(other.fields["retry-after"]) <= 60) == (429, True)
        assert 'role="alert"' in other.text
        assert "aria-invalid" not in other.text
        assert call(stage, target="nothing.example").status == 200
        again = call(stage, target="more.example")
        assert (again.status, int(again.fields["retry-after"]) > 600) == (429, True)
        assert "2 checks" in again.json["error"]
        assert "answer" in ask(stage, first.fields["location"]).text


def test_what_is_off_is_not_there() -> None:
    """Without a plan there is no route, no word of it in the description and no link."""
    app = make(Given(hosts=Hosts(anyone=True), url="", desk=None, clock=SYSTEM))

    assert get(app, "/check/").status == 404
    assert post(app, "/check/", {"target": "example.org"}).status in (404, 405)
    assert post(app, "/api/check", b"{}", fields=[("content-type", "application/json")]).status in (404, 405)
    assert "/api/check" not in get(app, "/api/openapi.json").json["paths"]
    assert "/check/" not in get(app, "/codes/550").text


def test_pages_lead_to_it() -> None:
    """Where it is on, every page of the reference has the way to it, in its own language."""
    app = make(Given(hosts=Hosts(), url="", desk=None, clock=SYSTEM, checks=Checks(Plan(), SYSTEM, lambda _: None)))

    assert 'href="/check/"' in get(app, "/codes/550").text
    assert 'href="/check/zh/"' in get(app, "/codes/zh/550").text
    assert get(app, "/codes/").text.count('href="/check/"') == 2
    pasted = post(
        app, "/codes/zh/explain", {"text": "host mx.b.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)"}
    )
    assert 'href="/check/zh/?target=mx.b.example"' in pasted.text


def test_what_is_no_mail_server_is_told_in_a_line() -> None:
    """Of what another program says at a port of mail one short line is shown, in the answer and as data."""
    says = b"HTTP/1.1 400 Bad Request\r\nServer: inner/1.0 " + b"x" * 200 + b"\r\nSet-Cookie: secret\r\n\r\n<h1>secret</h1>\r\n"
    with playing(row=Broken(name="web", key="", says={"": says})) as stage:
        told = call(stage, target=DOMAIN)
        page = ask(stage, told.fields["content-location"].removesuffix(".json")).text

    assert "http-on-mail-port" in {each["key"] for each in told.json["findings"]}
    assert "HTTP/1.1 400 Bad Request" in told.text
    for text in (told.text, page):
        assert "secret" not in text
        assert "inner/1.0" not in text


def test_a_name_alone_is_no_proof_of_being_here() -> None:
    """A request from elsewhere that names localhost is none from this machine."""
    fields = [(b"host", b"localhost")]

    assert not is_at_home({"client": ("203.0.113.7", 4), "headers": fields})
    assert not is_at_home({"client": None, "headers": fields})
    assert is_at_home({"client": ("127.0.0.1", 4), "headers": fields})
    assert not is_at_home({"client": ("127.0.0.1", 4), "headers": [*fields, (b"via", b"1.1 proxy")]})


def scope(peer: str, *fields: tuple[str, str]) -> dict[str, Any]:
    return {"client": (peer, 40000), "headers": [(name.encode(), value.encode()) for name, value in fields]}


@pytest.mark.parametrize(
    ("peer", "fields", "proxy", "expected"),
    [
        ("203.0.113.7", [("x-forwarded-for", "198.51.100.1")], False, "203.0.113.7"),
        ("203.0.113.7", [("x-forwarded-for", "198.51.100.1")], True, "203.0.113.7"),
        ("127.0.0.1", [("x-forwarded-for", "198.51.100.1")], False, "127.0.0.1"),
        ("127.0.0.1", [("x-forwarded-for", "198.51.100.1")], True, "198.51.100.1"),
        ("127.0.0.1", [("x-forwarded-for", "198.51.100.1, 198.51.100.2")], True, "198.51.100.2"),
        ("::1", [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "2001:db8::1")], True, "2001:db8::1"),
        ("127.0.0.1", [("x-forwarded-for", "<script>")], True, "127.0.0.1"),
        ("127.0.0.1", [], True, "127.0.0.1"),
    ],
)
def test_who_asks(peer: str, fields: list[tuple[str, str]], proxy: bool, expected: str) -> None:  # noqa: FBT001 - a row's value
    """What a proxy of this machine says of its visitor counts if the operator says that there is one, and its own last word alone."""
    assert expected == client_of(scope(peer, *fields), behind_proxy=proxy)


def test_visitors_do_not_reach_loopback() -> None:
    """Loopback, though listed, is checked for a request made at this machine, and for none that came through a proxy."""
    rules = Rules(inside=(ip_network("127.0.0.0/8"),))
    with playing(Plan(rules=rules, again=0, hourly=100)) as stage:
        assert call(stage, target="127.0.0.1:25").json["servers"][0]["ports"][0]["state"] == "open"
        before = len(stage.dialled)
        for field in ("x_forwarded_for", "forwarded", "via", "x_real_ip"):
            told = ask(stage, "/api/check", octets=b'{"target":"127.0.0.1:25"}', content_type="application/json", **{field: "198.51.100.1"})
            assert told.status == 403
        assert len(stage.dialled) == before
