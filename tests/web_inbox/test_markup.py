"""HTML of strangers: nothing that runs, fetches or leads away is left, and making it harmless takes bounded time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.web.inbox.markup import POLICY, framed, type_of
from waypost.web.inbox.visible import Piece, pieces, plain
from waypost.web.inbox.wanted import words

PNG = b"\x89PNG\r\n\x1a\n0000"
ALIVE = re.compile(
    r"<script|<iframe|<object|<embed|<form|<meta http|<base|<link|<svg|\son\w+\s*=|javascript:|srcdoc|url\s*\(", re.IGNORECASE
)
FRAGMENTS = st.sampled_from(
    [
        "<script>",
        "</script>",
        "<svg>",
        "<style>",
        "</style>",
        "<p onclick=x>",
        "<img src=",
        "'",
        '"',
        ">",
        "javascript:",
        "<!--",
        "-->",
        "<math>",
        "<mtext>",
        "url(",
        "\\75rl(",
        "&#106;",
        "<a href=",
        "x",
        "</p>",
        "<table>",
        "<noscript>",
        "<title>",
        "<textarea>",
        "]]>",
    ]
)


def picture(name: str) -> tuple[str, bytes] | None:
    """The only picture of the message."""
    return ("image/png", PNG) if name == "logo@x" else None


def body(source: str) -> str:
    page = framed(source, picture).page
    return page[page.index("<body>") + 6 : page.rindex("</body>")]


@given(st.lists(FRAGMENTS, max_size=40).map("".join))
def test_nothing_alive_is_left(source: str) -> None:
    """However fragments are put together, no element, attribute or address stays that could act."""
    page = framed(source, picture).page

    tags = re.findall(r"<[a-zA-Z][^>]*>", page[page.index("<body>") :])
    assert not [tag for tag in tags if ALIVE.search(re.sub(r'"[^"]*"', '""', tag))]
    assert "javascript:" not in " ".join(re.findall(r'(?:href|src)="([^"]*)"', page)).lower()


@pytest.mark.parametrize(
    ("source", "clean"),
    [
        ("<p>hi</p>", "<p>hi</p>"),
        ("<b onmouseover=alert(1)>x</b>", "<b>x</b>"),
        ("<img src=http://evil.example/x.png>", "<img>"),
        ("<img src=//evil.example/x.png>", "<img>"),
        ("<img src=/inbox/1/picture/1>", "<img>"),
        ("<img src=cid:nobody@x>", "<img>"),
        ("<img src='data:image/svg+xml;base64,AAAA'>", "<img>"),
        ("<img src='data:image/png;base64,AAAA'>", '<img src="data:image/png;base64,AAAA">'),
        ("<img src=CID:logo@x>", '<img src="data:image/png;base64,iVBORw0KGgowMDAw">'),
        (
            "<p style='color:red;background:url(http://evil.example)'>x</p>",
            '<p style="color:red;background:none(http://evil.example)">x</p>',
        ),
        ("<p style='background:\\75rl(http://e)'>x</p>", '<p style="background:75rl(http://e)">x</p>'),
        ("<a href='/codes/'>x</a>", '<a rel="noopener noreferrer nofollow" target="_blank">x</a>'),
        ("<form action=http://evil.example><input name=a><button>b</button></form>", "b"),
        ("<iframe src=http://evil.example></iframe>x", "x"),
        ("<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>", None),
        ("<table background=http://evil.example><tr><td>x</table>", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
    ],
)
def test_what_stays_is_harmless(source: str, clean: str | None) -> None:
    """Text and its looks stay; whatever acts or would be fetched goes, and pictures of the message itself stand in the page."""
    assert body(source) == clean if clean is not None else not ALIVE.search(body(source))


def test_links_open_a_page_of_their_own() -> None:
    """A link keeps its address and can neither see nor lead the page that it stands on."""
    assert body("<a href='https://example.org/?a=1&amp;b=2' target=_top>x</a>") == (
        '<a href="https://example.org/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>'
    )


def test_style_sheets_stay_without_what_they_fetch() -> None:
    """Looks that a style element gives are kept; imports, addresses and ways out of the element are not."""
    found = framed("<style>@import 'http://e'; p { color: red } </style><p>x<style>a{background:URL(//e)}</sty<b></style>", picture)

    assert "color: red" in found.page
    assert not re.search(r"@import|url\(|</sty<", found.page, re.IGNORECASE)
    assert found.blocked == 2


def test_what_is_not_fetched_is_counted() -> None:
    """The page says how much was left out; what the message brings itself is not counted."""
    assert framed("<img src=http://a><img src=cid:logo@x><p style='background:url(x)'>", picture).blocked == 2


def test_a_picture_many_times_over_does_not_grow_without_bound() -> None:
    """A small message that names one picture a hundred thousand times makes no page of gigabytes."""
    large = PNG + bytes(1_000_000)

    assert len(framed("<img src=cid:x>" * 1000, lambda _: ("image/png", large)).page) < 15_000_000


@pytest.mark.parametrize("source", ["<div>" * 400_000, "<b><p>" * 200_000, "&" * 2_000_000, "<style>" * 200_000, "<table><td>" * 150_000])
def test_hostile_nesting_is_cut(source: str) -> None:
    """What would take a parser's time by its square is shown as far as time allows, or not at all."""
    assert len(framed(source, picture).page) < 2_500_000


def test_the_policy_of_the_frame() -> None:
    """The frame's own policy allows no source but data, and keeps it sandboxed where it is opened by itself."""
    assert "default-src 'none'" in POLICY
    assert "sandbox" in POLICY
    assert not re.search(r"allow-scripts|allow-same-origin|allow-forms|allow-top|https?:|'self'; img|script-src", POLICY)


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"BM", None),
        (b"", None),
    ],
)
def test_pictures_are_known_by_their_octets(octets: bytes, kind: str | None) -> None:
    """What a picture is said to be counts nothing; SVG is none."""
    assert kind == type_of(octets)


def test_what_hides_is_shown() -> None:
    """Direction marks, zero-width letters and controls become visible; joiners that scripts need stay; line ends are of one kind."""
    assert [
        Piece("text", "a\n"),
        Piece("mark", "U+202E", "RIGHT-TO-LEFT OVERRIDE"),
        Piece("text", "b\u200dc"),
        Piece("mark", "U+200B", "ZERO WIDTH SPACE"),
        Piece("mark", "U+001B", "CONTROL CHARACTER"),
    ] == pieces("a\r\n\u202eb\u200dc\u200b\x1b")
    assert plain("a\u202eb") == "a\ufffdb"


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see https://example.org/a?b=c&d=e.", "https://example.org/a?b=c&d=e"),
        ("(http://example.org/x)", "http://example.org/x"),
        ("<https://example.org>", "https://example.org"),
        ("https://example.org/\u202egnp", "https://example.org/"),
        ("javascript:alert(1)", None),
        ("https://", None),
    ],
)
def test_addresses_in_text_are_links(text: str, link: str | None) -> None:
    """Addresses of the web are links, without the sentence around them; nothing else is."""
    assert [link] * (link is not None) == [piece.text for piece in pieces(text) if piece.kind == "link"]


@given(st.text(max_size=300))
def test_nothing_of_a_text_is_lost(text: str) -> None:
    """The pieces of a text, marks read back, are the text."""
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")

    assert wanted == "".join(chr(int(piece.text.removeprefix("U+"), 16)) if piece.kind == "mark" else piece.text for piece in pieces(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", []),
        ("hello world", ["subject:hello world"]),
        ("from:@example.org hello", ["from:@example.org", "subject:hello"]),
        ('subject:"two words" to:a@b.c', ["to:a@b.c", "subject:two words"]),
        ("subject:your order", ["subject:your order"]),
        ("bob@example.net", ["to:bob@example.net"]),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]),
        ("newer:1h all", ["newer:1h", "all"]),
        ("Re: hello", ["subject:Re: hello"]),
    ],
)
def test_what_is_searched_for(text: str, said: list[str]) -> None:
    """The box takes the words of the command line; whatever is none of them is looked for in subjects."""
    assert said == words(text)
