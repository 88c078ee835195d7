"""The pages in a real browser: nothing goes wrong, nothing is asked of others, and everything can be read without a script."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from support.browser import FAINT, Watch
from support.ports import free_port
from support.server import Waypost
from waypost.web.reference.building import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

PAGES = ("", "550", "220", "X.7.1", "571", "extension/SIZE", "vendor/google", "category/recipient.full")
PAGES += ("provider/google.5.7.27", "compare/", "compare/214-220", "command/", "command/RCPT")
PAGES += ("choose", "glossary", "why", "why/words", "why/unknown", "explain", "search?q=quota")
pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def home(module_folder: Path) -> Iterator[str]:
    """``host:port`` of the pages of a server in the dev profile."""
    port = free_port()
    places = [f"listeners.{at}.bind=127.0.0.1:{free_port()}" for at in range(3)]
    arguments = [word for place in (*places, f"web.bind=127.0.0.1:{port}") for word in ("--set", place)]
    server = Waypost(module_folder, None, arguments).start()
    yield f"127.0.0.1:{port}"
    try:
        server.stop()
    finally:
        server.kill()


@pytest.fixture
def page(chrome: Browser, home: str) -> Iterator[Page]:
    """A page of a browser that is watched; the test fails for whatever it should not have done."""
    context = chrome.new_context(base_url=f"http://{home}")
    opened = context.new_page()
    watch = Watch(home).on(opened)
    yield opened
    context.close()
    assert watch.complaints == []


@pytest.mark.parametrize("lang", ["", "zh/"])
def test_every_kind_of_page(page: Page, lang: str) -> None:
    """No error, no violation of the policy, no request to others; the style sheet holds, and nothing is wider than a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    for name in PAGES:
        answer = page.goto(f"/codes/{lang}{name}")

        assert answer is not None
        assert answer.status == 200
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert page.evaluate("getComputedStyle(document.querySelector('.top')).borderBottomStyle") == "solid"
        assert page.locator("h1").count() == 1


def test_everything_can_be_read_without_a_script(chrome: Browser, home: str) -> None:
    """With scripts off every page shows the same text, the search and the box work, and no button stands there that does nothing."""
    context = chrome.new_context(base_url=f"http://{home}", java_script_enabled=False)
    page = context.new_page()

    page.goto("/codes/550")
    assert page.locator(".theme").is_hidden()
    page.fill(".find input", "greylisting")
    page.press(".find input", "Enter")
    assert page.locator(".results li").count() > 0
    page.goto("/codes/zh/explain")
    page.fill("textarea", "550 5.1.1 no such user")
    page.click(".paste button")
    assert page.locator(".report").count() == 1
    page.goto("/codes/why")
    page.click("text=It came back")
    page.click("text=begins with 5")
    page.click("text=Mailbox full")
    assert page.locator(".cause").count() > 0
    context.close()


def test_search_as_one_types(page: Page) -> None:
    """What is typed is found at once, by number, class and word, and Enter opens the first."""
    page.goto("/codes/")
    page.keyboard.press("/")
    page.keyboard.type("5.7.1")
    page.wait_for_selector(".hits a")
    assert page.locator(".hits a").first.inner_text().startswith("X.7.1")
    page.fill("main .find input", "greylist")
    page.wait_for_function("document.querySelector('.hits a')?.textContent.toLowerCase().includes('greylist')")
    page.fill("main .find input", "55")
    page.wait_for_function("document.querySelector('.hits a .code')?.textContent.startsWith('55')")
    page.keyboard.press("ArrowDown")
    second = page.locator(".hits a[aria-selected=true] .code").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/codes/{second}")


def test_the_files_work_without_a_server_of_ours(chrome: Browser, folder: Path) -> None:
    """The reference as files, put under some folder of some server: it looks the same, its search works, its links lead on."""
    build(folder / "some" / "where")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"127.0.0.1:{server.server_address[1]}"
        context = chrome.new_context(base_url=f"http://{home}")
        page = context.new_page()
        watch = Watch(home).on(page)
        page.goto("/some/where/zh/compare/index.html")
        page.fill(".find input", "5.7.1")
        page.wait_for_selector(".hits a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/some/where/zh/X.7.1.html")
        page.click(".tongue")
        page.wait_for_url("**/some/where/X.7.1.html")
        page.goto("/some/where/compare/220-214.html")
        page.wait_for_url("**/some/where/compare/214-220.html")
        context.close()
        server.shutdown()

    assert watch.complaints == []


def test_light_and_dark(page: Page) -> None:
    """The page follows the system; the switch overrules it, and the choice outlasts the page."""
    colour = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    page.goto("/codes/550")
    dark = page.evaluate(colour)
    page.click(".theme")
    light = page.evaluate(colour)
    page.goto("/codes/")

    assert dark != light
    assert page.evaluate(colour) == light
    page.emulate_media(color_scheme="light")
    page.evaluate("localStorage.clear()")
    page.reload()
    assert page.evaluate(colour) == light


def test_the_language_switch_stays_on_the_page(page: Page) -> None:
    """The switch leads to the same page in the other language, and back."""
    page.goto("/codes/compare/214-220")
    page.click(".tongue")
    page.wait_for_url("**/codes/zh/compare/214-220")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    page.click(".tongue")
    page.wait_for_url("**/codes/compare/214-220")


def test_text_can_be_told_from_its_ground(page: Page) -> None:
    """In both themes and on every kind of page text has the contrast that WCAG asks for (4.5 to 1)."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for name in ("", "550", "X.7.1", "compare/214-220", "choose", "why", "explain"):
            page.goto(f"/codes/{name}")
            assert page.evaluate(FAINT) == [], (theme, name)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=http://evil.example/x onerror=alert(1)>",
        "</textarea><svg onload=alert(1)>",
        "550 5.1.1 <a href='javascript:alert(1)'>x</a>",
    ],
)
def test_hostile_text_is_inert(page: Page, text: str) -> None:
    """What is pasted or searched for never becomes anything but text: no dialog, no request, no violation."""
    page.goto("/codes/explain")
    page.fill("textarea", text)
    page.click(".paste button")
    page.wait_for_selector(".told")
    assert page.input_value("textarea") == text
    page.fill(".find input", text)
    page.wait_for_selector(".hits p, .hits a")
    page.goto(f"/codes/search?q={text}")
    assert text in page.inner_text("h1")
