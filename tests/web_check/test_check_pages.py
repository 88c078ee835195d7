"""The pages of checks, asked without a browser: over real sockets, against a pretended network."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from support.asking import get, post
from support.broken_servers import DOMAIN, Broken
from support.checked_pages import playing
from support.markup import read
from waypost.clock import SYSTEM
from waypost.web.app import Given, make
from waypost.web.check.runs import Checks, Plan
from waypost.web.security import Hosts
from web_check.pages_kit import ask, call

if TYPE_CHECKING:
    from support.checked_pages import Stage


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


def test_what_is_not_there(stage: Stage) -> None:
    """Results are asked for by their whole names; anything else is told as gone, in the language of the page."""
    for name in ("x" * 22, "x", "x" * 3000, "..%2f..%2fetc%2fpasswd", "events"):
        assert ask(stage, f"/check/{name}").status == 404
        assert ask(stage, f"/check/{name}.json").status == 404
        assert ask(stage, f"/check/{name}/events").status == 404
    assert "gone" in ask(stage, f"/check/{'x' * 22}").text
    assert "不在" in ask(stage, f"/check/zh/{'x' * 22}").text


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
