"""A hostile mailbox in a real browser: no dialog, no script, no request to anybody, in whatever field the payload stands."""

from __future__ import annotations

import smtplib
import socket
from email.header import Header
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.browser import Watch, chromium
from support.needs import require
from support.ports import free_port
from support.server import Waypost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PAYLOADS = Path(__file__).with_name("payloads.txt").read_text().splitlines()
VIEWS = ("html", "text", "headers", "source", "parts", "conversation")
pytestmark = pytest.mark.peers


class House:
    """A server in the dev profile: where mail goes in, and where its pages are."""

    def __init__(self, folder: Path) -> None:
        self.smtp, self.web = free_port(), free_port()
        places = [f"listeners.{at}.bind=127.0.0.1:{port}" for at, port in enumerate((self.smtp, free_port(), free_port()))]
        arguments = [word for place in (*places, f"web.bind=127.0.0.1:{self.web}") for word in ("--set", place)]
        self.server = Waypost(folder, None, arguments)

    @property
    def home(self) -> str:
        return f"127.0.0.1:{self.web}"


@pytest.fixture(scope="module")
def house(module_folder: Path) -> Iterator[House]:
    """A running server."""
    require("Chromium", chromium())
    made = House(module_folder)
    made.server.start()
    yield made
    try:
        made.server.stop()
    finally:
        made.server.kill()


@pytest.fixture
def watched(chrome: Browser, house: House) -> Iterator[tuple[Page, Watch]]:
    """A page that is watched; the test fails for whatever it should not have done."""
    context = chrome.new_context(base_url=f"http://{house.home}")
    page = context.new_page()
    watch = Watch(house.home).on(page)
    yield page, watch
    context.close()
    assert watch.complaints == []


def hostile(payload: str) -> bytes:
    """A message with the payload in every field."""
    word = Header(payload, "utf-8", maxlinelen=900).encode()
    quoted = payload.replace("\\", "\\\\").replace('"', '\\"')
    return "\r\n".join(
        [
            f"From: {word} <ada@example.org>",
            f"To: {word} <bob@example.net>",
            f"Subject: {word}",
            f"X-Payload: {payload}",
            f"Message-ID: <{payload}@example.org>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "Content-Type: text/plain; charset=utf-8",
            "",
            payload,
            "--b",
            "Content-Type: text/html; charset=utf-8",
            "",
            f"<html><body><p>{payload}</p></body></html>",
            "--b",
            f'Content-Type: image/svg+xml; name="{quoted}"',
            f'Content-Disposition: attachment; filename="{quoted}"',
            f"Content-ID: <{payload}>",
            "",
            f"<svg xmlns='http://www.w3.org/2000/svg'>{payload}</svg>",
            "--b--",
            "",
        ]
    ).encode()


def talk(port: int, payload: str) -> None:
    """A session whose commands hold the payload: greeting name, unknown command, address."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock, sock.makefile("rb") as heard:
        for line in ("", f"EHLO {payload}", f"{payload} x", f"MAIL FROM:<{payload}@example.org>", f"HELP {payload}", "QUIT"):
            if line:
                sock.sendall(line.encode() + b"\r\n")
            while heard.readline()[3:4] == b"-":
                pass


def test_sixty_payloads_in_every_field(house: House, watched: tuple[Page, Watch]) -> None:
    """Lists, every view of every message, every conversation and every frame: nothing runs, and nobody else is asked for anything."""
    page, watch = watched
    with smtplib.SMTP("127.0.0.1", house.smtp, timeout=20) as client:
        for payload in PAYLOADS:
            client.sendmail("ada@example.org", ["bob@example.net"], hostile(payload), mail_options=["BODY=8BITMIME"])
    for payload in PAYLOADS:
        talk(house.smtp, payload)
    assert len(PAYLOADS) >= 60
    page.add_init_script(
        "window.__ran = 0; for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => { window.__ran += 1; };"
    )
    messages: list[str] = []
    place: str | None = "/"
    while place:
        page.goto(place)
        messages += [row.get_attribute("data-id") or "" for row in page.locator("[data-id]").all()]
        following = page.locator('a[rel="next"]')
        place = following.get_attribute("href") if following.count() else None
    assert len(messages) == len(PAYLOADS)
    page.goto(f"/inbox/{messages[0]}/frame")
    assert page.evaluate("document.scripts.length") == 0
    page.goto("/refused?limit=200")
    sessions = [row.get_attribute("data-id") or "" for row in page.locator("[data-id]").all()]
    assert len(sessions) >= len(PAYLOADS)
    for lang in ("", "/zh"):
        page.goto(f"{lang}/")
        page.goto(f"{lang}/refused?limit=200")
    for number, id_ in enumerate(messages):
        page.goto(f"/inbox/{id_}/html")
        page.frame_locator("iframe").locator("body").wait_for(state="attached")
        assert page.frames[1].evaluate("document.scripts.length") == 0
        assert page.frames[1].evaluate("window.__ran || 0") == 0
        page.goto(f"/inbox/{id_}/{VIEWS[1 + number % 5]}")
        assert page.evaluate("window.__ran") == 0
    for session in sessions[::3]:  # the list showed each of them
        page.goto(f"/session/{session}")
        assert page.evaluate("window.__ran") == 0
    assert all(url.startswith((f"http://{house.home}/", "data:")) for url in watch.asked)


def test_a_link_in_a_message_opens_a_page_that_knows_nothing_of_ours(house: House, watched: tuple[Page, Watch]) -> None:
    """A link that somebody follows opens a new page, without a way back to the inbox, without a referrer; the frame itself stays."""
    page, _ = watched
    target = f"http://{house.home}/livez"
    with smtplib.SMTP("127.0.0.1", house.smtp, timeout=20) as client:
        client.sendmail(
            "ada@example.org",
            ["bob@example.net"],
            f"Subject: link\r\nContent-Type: text/html\r\n\r\n<a href='{target}' target=_top id=go>go</a>",
        )
    page.goto("/?q=link")
    page.locator(".mails a").first.click()
    frame = page.frame_locator("iframe")
    with page.context.expect_page() as opened:
        frame.locator("a").click()
    assert opened.value.url == target
    assert opened.value.evaluate("[document.referrer, window.opener]") == ["", None]
    assert "/inbox/" in page.url
    assert frame.locator("a").inner_text() == "go"


def test_the_frame_is_not_of_our_origin(house: House, watched: tuple[Page, Watch]) -> None:
    """Even a script that got into the frame would have no origin: it could read nothing of the inbox."""
    page, _ = watched
    with smtplib.SMTP("127.0.0.1", house.smtp, timeout=20) as client:
        client.sendmail("ada@example.org", ["bob@example.net"], "Subject: origin\r\nContent-Type: text/html\r\n\r\n<p>x")
    page.goto("/?q=origin")
    page.locator(".mails a").first.click()
    page.frame_locator("iframe").locator("p").wait_for()
    inner = page.frames[1]
    assert inner.evaluate("origin") == "null"
    assert page.evaluate("document.querySelector('iframe').contentDocument") is None
    assert page.locator("iframe").get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
