"""Checks in a real browser: live, without a script, in both languages and both themes, on a phone, by keyboard."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from support.broken_servers import DOMAIN, Broken, Slow
from support.browser import FAINT, Watch
from support.checked_pages import playing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from support.checked_pages import Stage

pytestmark = pytest.mark.peers
HOSTILE = b"550 5.7.1 </code><script>alert(1)</script><img src=x onerror=alert(2)> no\r\n"
ROW = Broken(name="slow", key="", says={"": Slow(b"", 0.5, b"220 mx.broken.example ESMTP ready\r\n"), "RCPT TO:<POSTMASTER": HOSTILE})


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Pages over a network whose mail server greets slowly and says hostile things."""
    with playing(row=ROW) as played:
        yield played


@pytest.fixture
def page(chrome: Browser, stage: Stage) -> Iterator[Page]:
    """A watched page; the test fails for an error, a violation of the policy, a dialog or a request to others."""
    context = chrome.new_context(base_url=f"http://127.0.0.1:{stage.port}")
    opened = context.new_page()
    watch = Watch(f"127.0.0.1:{stage.port}").on(opened)
    yield opened
    context.close()
    assert watch.complaints == []


def test_a_check_from_the_keyboard(page: Page) -> None:
    """The field has the focus; Enter begins; findings come by themselves; the answer takes their place, and the focus goes to it."""
    page.goto("/check/")
    assert page.evaluate("document.activeElement.id") == "target"
    page.keyboard.type(f"ada@{DOMAIN}")
    page.keyboard.press("Enter")
    page.wait_for_selector(".checking")
    address = page.url
    page.evaluate("window.__same = true")
    page.wait_for_selector(".finds li")
    assert page.locator('.steps [data-state="now"]').count() > 0
    assert page.get_attribute(".now", "role") == "status"
    page.wait_for_selector(".verdict", timeout=20_000)

    assert page.evaluate("window.__same") is True
    assert page.url == address
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert "works, with faults" in page.inner_text("h1")
    assert f"ada@{DOMAIN}: works, with faults" in page.title()
    assert page.locator(".donext p").inner_text()
    assert page.locator("h1").count() == 1


def test_the_answer_is_the_page_that_a_reload_brings(page: Page) -> None:
    """What the script put in place is what the server shows; it leads on to the reference, and to a second check."""
    page.goto("/check/")
    page.fill("#target", DOMAIN)
    page.click(".go")
    page.wait_for_selector(".verdict", timeout=20_000)
    put = page.inner_text(".verdict") + page.inner_text(".chapter >> nth=-1")
    page.reload()
    assert put == page.inner_text(".verdict") + page.inner_text(".chapter >> nth=-1")

    page.click(".faults a >> nth=0")
    assert "#" in page.url
    page.click(".offer a:has-text('SIZE')")
    page.wait_for_url("**/codes/extension/SIZE")
    page.go_back()
    page.click(".acts button")
    page.wait_for_selector(".checking")
    page.wait_for_selector(".verdict", timeout=20_000)


def test_hostile_words_are_inert(page: Page) -> None:
    """What a server says is text while it comes and when it is there; nothing of it runs or is fetched."""
    page.goto("/check/")
    page.fill("#target", DOMAIN)
    page.click(".go")
    page.wait_for_selector(".verdict", timeout=20_000)

    assert "<script>alert(1)</script>" in page.inner_text("main")
    assert page.locator("main script, main img").count() == 0


def test_everything_works_without_a_script(chrome: Browser, stage: Stage) -> None:
    """With scripts off the form begins a check, its page renews itself, and the answer comes at the same address."""
    context = chrome.new_context(base_url=f"http://127.0.0.1:{stage.port}", java_script_enabled=False)
    page = context.new_page()
    page.goto("/check/zh/")
    page.fill("#target", DOMAIN)
    page.click(".go")
    assert page.locator(".steps li").count() == 7
    assert page.locator("noscript").count() > 0
    page.wait_for_selector(".verdict", timeout=30_000)
    assert re.search("/check/zh/[A-Za-z0-9_-]{22}$", page.url)
    assert "下一步" in page.inner_text(".donext")
    page.click(".chapter summary >> nth=0")
    assert page.locator(".chapter details .finding").first.is_visible()
    context.close()


def test_a_mistake_is_shown_where_it_is(chrome: Browser, stage: Stage) -> None:
    """The form comes back as it was, says what is wrong, and the focus is in the field that is."""
    context = chrome.new_context(base_url=f"http://127.0.0.1:{stage.port}")
    page = context.new_page()  # unwatched: browsers complain of every status that is an error
    page.goto("/check/")
    page.fill("#target", "10.0.0.1")
    with page.expect_response("**/check/") as told:
        page.click(".go")
    assert told.value.status == 403
    page.wait_for_selector("[role=alert]")
    assert "no public address" in page.inner_text("[role=alert]")
    assert page.input_value("#target") == "10.0.0.1"
    assert page.evaluate("document.activeElement.id") == "target"
    assert page.get_attribute("#target", "aria-invalid") == "true"
    assert "wrong" in (page.get_attribute("#target", "aria-describedby") or "")
    page.fill("#target", DOMAIN)
    page.click("details summary")
    page.fill("#from", "nobody")
    page.click(".go")
    page.wait_for_selector("#from[aria-invalid]")
    assert page.evaluate("document.activeElement.id") == "from"
    context.close()


@pytest.mark.parametrize("lang", ["", "zh/"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_on_a_phone_in_both_themes(page: Page, lang: str, theme: str) -> None:
    """Form, progress and answer fit a narrow screen, and every text has the contrast that WCAG asks for."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")

    def fits() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(FAINT) == []

    page.goto(f"/check/{lang}")
    fits()
    page.fill("#target", f"ada@{DOMAIN}")
    page.click(".go")
    page.wait_for_selector(".finds li")
    fits()
    page.wait_for_selector(".verdict", timeout=20_000)
    for summary in page.locator(".chapter summary").all():
        summary.click()
    fits()


def test_the_language_switch_keeps_the_answer(page: Page, stage: Stage) -> None:
    """The switch leads to the same answer in the other language, and begins nothing."""
    page.goto("/check/")
    page.fill("#target", DOMAIN)
    page.click(".go")
    page.wait_for_selector(".verdict", timeout=20_000)
    before = len(stage.noted)
    page.click(".tongue")
    page.wait_for_url("**/check/zh/*")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert "可以工作" in page.inner_text("h1")
    assert len(stage.noted) == before


def test_fields_have_names_and_headings_an_order(page: Page) -> None:
    """Every field and every region can be named by a reader of screens, and no level of heading is skipped."""
    page.goto("/check/")
    page.click("details summary")
    for role, name in (("textbox", "Domain, server or mailbox"), ("combobox", "Port"), ("textbox", "Sender"), ("button", "Check")):
        assert page.get_by_role(role, name=name, exact=True).count() == 1  # type: ignore[arg-type] # roles are names
    page.fill("#target", DOMAIN)
    page.click(".go")
    page.wait_for_selector(".verdict", timeout=20_000)
    levels = [
        int(level) for level in page.evaluate("[...document.querySelectorAll('main h1,main h2,main h3,main h4')].map((e) => e.tagName[1])")
    ]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    unnamed = ":not([aria-labelledby]):not([aria-label])"
    assert page.locator(f"main section{unnamed}, main [role=group]{unnamed}").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
