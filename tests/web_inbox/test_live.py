"""From the wire to the page: mail appears in an open list by itself, its conversation is linked, refusals stand with reason and fix."""

from __future__ import annotations

import contextlib
import re
import shutil
import smtplib
import subprocess
import sys
import time
import urllib.request
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from support.browser import Watch, browser, chromium
from support.markup import read
from support.needs import require
from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.server import Waypost

    Start = Callable[..., Waypost]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


@pytest.fixture
def ports(start_waypost: Start) -> tuple[int, int]:
    """A server in the dev profile: its SMTP port and that of its pages."""
    smtp, web = free_port(), free_port()
    places = [f"listeners.{at}.bind=127.0.0.1:{port}" for at, port in enumerate((smtp, free_port(), free_port()))]
    start_waypost(None, arguments=[word for place in (*places, f"web.bind=127.0.0.1:{web}") for word in ("--set", place)])
    return smtp, web


def fetch(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def send(port: int, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.send_message(message, from_addr="ada@example.org", to_addrs=["bob@example.net"])


def letter(subject: str, text: str = "It works.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ada <ada@example.org>", "bob@example.net", subject
    message.set_content(text)
    return message


def refused(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo("big.example.org")
        client.docmd("MAIL", "FROM:<ada@example.org> SIZE=999999999")


@pytest.mark.peers
def test_mail_appears_by_itself(ports: tuple[int, int]) -> None:
    """An open list shows new mail and new refusals without a reload, and every reply that brought them leads to its page."""
    require("Chromium", chromium())
    smtp, web = ports
    with browser() as chrome:
        page = chrome.new_page(base_url=f"http://127.0.0.1:{web}")
        watch = Watch(f"127.0.0.1:{web}").on(page)
        page.goto("/")
        assert "No mail has come yet" in page.inner_text("main")
        page.wait_for_selector('.live[data-state="on"]')
        page.evaluate("window.__same = true")
        send(smtp, letter("plain mail"))
        page.wait_for_selector("text=plain mail", timeout=5000)
        rich = letter("rich mail")
        rich.add_alternative("<h1>Look</h1><img src='cid:p@x'>", subtype="html")
        rich.add_attachment(PNG, "image", "png", filename="p.png")
        send(smtp, rich)
        page.wait_for_selector("text=rich mail", timeout=5000)
        assert page.locator(".mails li").count() == 2
        assert page.evaluate("window.__same") is True
        page.click("text=rich mail")
        assert page.frame_locator("iframe").locator("h1").inner_text() == "Look"
        page.click("nav.tabs >> text=Conversation")
        assert "Queued as" in page.inner_text(".talk")
        links = {link.get_attribute("href") or "" for link in page.locator(".talk a").all()}
        assert len(links) > 8
        page.goto("/zh/refused")
        page.wait_for_selector('.live[data-state="on"]')
        refused(smtp)
        page.wait_for_selector(".refusal", timeout=10_000)
        assert "SIZE=999999999" in page.inner_text(".refusal")
        assert re.search("[\u4e00-\u9fff]{10}", page.inner_text(".refusal .remedy"))
        assert watch.complaints == []
    for link in links:
        assert "<h1" in fetch(web, link.partition("#")[0]), link


def test_everything_works_without_a_script(ports: tuple[int, int]) -> None:
    """Plain requests show list, message, conversation and refusal; every link of ours on these pages resolves."""
    smtp, web = ports
    send(smtp, letter("hello there", "See https://example.org/.\n"))
    refused(smtp)
    until(lambda: "size-over-maximum" in fetch(web, "/refused") or "SIZE=999999999" in fetch(web, "/refused"))
    until(lambda: "Queued as" in fetch(web, _first(fetch(web, "/")) + "/conversation"))
    message = _first(fetch(web, "/"))
    seen: set[str] = set()
    for path in (
        "/",
        "/zh/",
        "/refused",
        "/zh/refused",
        message,
        *(f"{message}/{view}" for view in ("text", "headers", "source", "parts", "conversation")),
    ):
        seen |= {link for link in read(fetch(web, path)).links if link.startswith("/")}
    for link in sorted(seen):
        assert fetch(web, link.partition("#")[0]) or link == "/inbox/events", link


def _first(page: str) -> str:
    found = re.search(r'href="(/inbox/[0-9A-Z]{26})"', page)
    assert found is not None
    return found[1]


def until(happens: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_examples_of_the_empty_page_work(ports: tuple[int, int], folder: Path) -> None:
    """What the page tells a newcomer to type does send a message."""
    smtp, web = ports
    commands = re.findall(r"<pre><code>(.*?)</code></pre>", fetch(web, "/"), re.DOTALL)
    assert len(commands) == 3
    for command in commands:
        text = (
            command.replace("&#39;", "'")
            .replace("&#34;", '"')
            .replace("&quot;", '"')
            .replace("&gt;", ">")
            .replace("&lt;", "<")
            .replace("&amp;", "&")
        )
        program = "curl" if "curl" in text else text.split()[0]
        if program == "python3":
            text = text.replace("python3", sys.executable, 1)
        elif shutil.which(program) is None:
            continue
        subprocess.run(["sh", "-c", text], check=True, timeout=30, capture_output=True, cwd=folder)
        with contextlib.suppress(AssertionError):
            until(lambda: "data-id" in fetch(web, "/"))
    assert f"127.0.0.1:{smtp}" in commands[0]
    assert fetch(web, "/").count("data-id") >= 1


def test_an_open_stream_does_not_hold_up_the_end(start_waypost: Start) -> None:
    """SIGTERM ends a server at once though a page listens, with exit code 0 and without a complaint."""
    smtp, web = free_port(), free_port()
    places = [f"listeners.{at}.bind=127.0.0.1:{port}" for at, port in enumerate((smtp, free_port(), free_port()))]
    server = start_waypost(None, arguments=[word for place in (*places, f"web.bind=127.0.0.1:{web}") for word in ("--set", place)])
    until(lambda: "Inbox" in fetch(web, "/"))
    with urllib.request.urlopen(f"http://127.0.0.1:{web}/inbox/events", timeout=20) as stream:
        assert stream.readline() == b"retry: 2000\n"
        said = server.stop()
        assert stream.read() == b"\n"
    assert "exceeded" not in said
    assert "error" not in said.lower()
