"""The reference as it is served: addresses, redirects, search, languages, what a browser may keep."""

from __future__ import annotations

from typing import Any

import pytest

from support.asking import get
from support.markup import read
from waypost.replies import lookup

KINDS = ("", "550", "220", "X.7.1", "571", "extension/SIZE", "vendor/google", "category/recipient.full")
KINDS += ("provider/google.5.7.27", "compare/", "compare/214-220", "compare/552-5.2.2", "command/", "command/RCPT")
KINDS += ("choose", "glossary", "why", "why/words", "why/unknown", "explain", "search")


@pytest.mark.parametrize("lang", ["", "zh/"])
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_page_is_served(public: Any, name: str, lang: str) -> None:
    """Each kind of page is there in both languages, sound and free of anything inline."""
    answer = get(public, f"/codes/{lang}{name}")
    page = read(answer.text)

    assert answer.status == 200
    assert page.headings.count("h1") == 1
    assert page.lang == ("zh-Hans" if lang else "en")
    assert (page.inline, page.unlabelled, page.unclosed) == ([], [], [])


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("/codes", "/codes/"),
        ("/codes/zh", "/codes/zh/"),
        ("/codes/compare/220-214", "/codes/compare/214-220"),
        ("/codes/zh/compare/5.1.1-550", "/codes/zh/compare/550-5.1.1"),
        ("/codes/compare", "/codes/compare/"),
        ("/codes/5.7.1", "/codes/X.7.1#class-5"),
        ("/codes/zh/x.7.1", "/codes/zh/X.7.1"),
        ("/codes/550.html", "/codes/550"),
        ("/codes/550/", "/codes/550"),
        ("/codes/index.html", "/codes/"),
        ("/codes/zh/compare/index.html", "/codes/zh/compare/"),
        ("/codes/command/rcpt", "/codes/command/RCPT"),
        ("/codes/why/start", "/codes/why"),
        ("/codes/recipient.full", "/codes/category/recipient.full"),
    ],
)
def test_other_addresses_lead_to_the_one(public: Any, asked: str, leads: str) -> None:
    """A page has one address; whatever else means it is sent there for good."""
    answer = get(public, asked)

    assert (answer.status, answer.fields["location"]) == (308, leads)


@pytest.mark.parametrize(
    "path", ["nope", "999", "zh/nope", "compare/550-999", "compare/550", "why/nope", "command/NOPE", "category/550", "9" * 300, "%2e%2e/x"]
)
def test_what_is_not_there_is_said_so(public: Any, path: str) -> None:
    """An unknown address is a page that says so, in the language of its folder, and leads back."""
    answer = get(public, f"/codes/{path}")
    page = read(answer.text)

    assert answer.status == 404
    assert page.lang == ("zh-Hans" if path.startswith("zh/") else "en")
    assert [link for link in page.links if link.startswith("/codes/")]


def test_any_pair_is_served(public: Any) -> None:
    """Pairs that nobody listed are compared when they are asked for: basic with basic, with enhanced, with itself."""
    for pair in ("200-599", "214-X.7.1", "4.2.2-5.2.2", "550-550"):
        assert get(public, f"/codes/compare/{pair}").status == (404 if "599" in pair else 200)


def test_a_page_says_what_its_record_says(public: Any) -> None:
    """Everything that the record tells stands on its page, in its language."""
    for lang, under in (("en", ""), ("zh", "zh/")):
        record = lookup("550", lang)
        assert record is not None
        text = read(get(public, f"/codes/{under}550").text).text
        for said in (record.prose.title, record.prose.meaning, record.prose.occurs, record.prose.sender_fix, record.prose.operator_fix):
            assert " ".join(said.split()) in text
        for reference in record.references:
            assert reference.name(lang) in text


def test_standards_are_linked(public: Any) -> None:
    """Sections of standards lead to the RFC editor."""
    assert "https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3" in read(get(public, "/codes/550").text).links


def test_a_code_alone_is_found_at_once(public: Any) -> None:
    """Searching for a code leads straight to its page; a word lists pages."""
    for asked, leads in (("550", "550"), ("5.7.1", "X.7.1"), ("X.7.1", "X.7.1")):
        answer = get(public, f"/codes/search?q={asked}")
        assert (answer.status, answer.fields["location"]) == (303, f"/codes/{leads}")
    assert "category/recipient.full" in get(public, "/codes/search?q=mailbox+full").text


def test_words_of_the_other_language_are_found(public: Any) -> None:
    """Who reads Chinese seeks by the English words of a reply, and finds the Chinese page."""
    assert "category/recipient.full" in get(public, "/codes/zh/search?q=mailbox+full").text
    assert "extension/SIZE" in get(public, "/codes/search?q=declaration+of+the+size").text


def test_a_pasted_reply_is_searched_by_its_codes(public: Any) -> None:
    """Whoever pastes a whole reply into the search finds the codes that stand in it."""
    links = read(get(public, "/codes/search?q=550+5.7.1+Relaying+denied").text).links

    assert {"/codes/550", "/codes/X.7.1"} <= set(links)


def test_the_form_of_two_codes_leads_to_their_page(public: Any) -> None:
    """The form on the page of comparisons works without a script, in either order."""
    assert get(public, "/codes/search?a=550&b=450").fields["location"] == "/codes/compare/450-550"
    assert get(public, "/codes/zh/search?a=450&b=550").fields["location"] == "/codes/zh/compare/450-550"
    assert get(public, "/codes/search?a=450&b=x").status == 404


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "%00", "../../etc/passwd", "'" * 200]
)
def test_hostile_questions_are_shown_as_text(public: Any, text: str) -> None:
    """What is searched for is shown, and is never more than text."""
    answer = get(public, f"/codes/search?q={text.replace('%', '%25')}")
    page = read(answer.text)

    assert answer.status == 200
    assert page.inline == []
    assert "<script>alert" not in answer.text
    assert "49" not in page.title


def test_pages_can_be_kept(public: Any) -> None:
    """A page has a tag, and is not sent again to whoever has it."""
    tag = get(public, "/codes/550").fields["etag"]
    again = get(public, "/codes/550", fields=[("if-none-match", tag)])

    assert (again.status, again.body) == (304, b"")


def test_whole_addresses_are_those_of_the_request(public: Any) -> None:
    """Where no address of the site is set, links that must be whole name the host that was asked."""
    page = read(get(public, "/codes/zh/550", host="codes.example.org").text)

    assert page.canonical == "http://codes.example.org/codes/zh/550"
    assert page.alternates["x-default"] == "http://codes.example.org/codes/550"


def test_crawlers_are_told_where_to_go(public: Any) -> None:
    """robots.txt lets crawlers into the reference alone, and names the map, which lists both languages."""
    robots = get(public, "/robots.txt", host="codes.example.org").text
    sitemap = get(public, "/codes/sitemap.xml", host="codes.example.org").text

    assert "Disallow: /\nAllow: /codes/\n" in robots
    assert "Sitemap: http://codes.example.org/codes/sitemap.xml" in robots
    assert "<loc>http://codes.example.org/codes/zh/compare/214-220</loc>" in sitemap
