"""The reference as files: every page of it is read, so what holds here holds for each page in each language."""

from __future__ import annotations

import itertools
import json
import re
from posixpath import join, normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from support.markup import Markup, read
from waypost.replies.library import LANGUAGES
from waypost.web.links import Files, file_of
from waypost.web.reference.building import build
from waypost.web.reference.pages import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

URL = "https://codes.example.org"
TAGS = {"en": "en", "zh": "zh-Hans"}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole reference, built once."""
    folder = tmp_path_factory.mktemp("site")
    build(folder, url=URL)
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> Mapping[str, Markup]:
    """Every page that the sitemap lists, by its file, parsed."""
    return {name: read((site / name).read_text()) for name in _listed()}


def _listed() -> Iterator[str]:
    for lang in LANGUAGES:
        for name in names():
            yield file_of(name, lang)


def test_every_link_leads_somewhere(site: Path, pages: Mapping[str, Markup]) -> None:
    """No page links to a file that is not there, or to a place in a page that it does not have."""
    broken = {f"{name} -> {link}" for name, page in pages.items() for link in set(page.links) if not _leads(site, pages, name, link)}

    assert broken == set()


def _leads(site: Path, pages: Mapping[str, Markup], name: str, link: str) -> bool:
    if link.startswith(("https://", "#")) and not link.startswith(URL):
        return link.startswith("https://") or link == "#" or link[1:] in pages[name].ids or link == "#text"
    path, _, fragment = link.removeprefix(f"{URL}/").partition("#")
    target = unquote(path if link.startswith(URL) else normpath(join(name.rpartition("/")[0], path)))
    if target.startswith("..") or not (site / target).is_file():
        return False
    return not fragment or target not in pages or unquote(fragment) in pages[target].ids


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No style sheet, script or page makes a browser ask another host; links to standards are followed by hand alone."""
    for path in (site / "static").iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|url\(|@import", text), path


def test_every_page_is_sound(pages: Mapping[str, Markup]) -> None:
    """One first heading, a title, a description, closed elements, unique names, labels and texts for all, and nothing inline."""
    for name, page in pages.items():
        assert page.headings.count("h1") == 1, name
        assert page.title, name
        assert page.described, name
        assert page.unclosed == [], name
        assert len(page.ids) == len(set(page.ids)), name
        assert page.unlabelled == [], name
        assert page.inline == [], name


def test_headings_skip_no_level(pages: Mapping[str, Markup]) -> None:
    """Below a heading comes at most the next level, so that a page can be read by its headings."""
    for name, page in pages.items():
        levels = [int(heading[1]) for heading in page.headings]
        assert all(lower - upper <= 1 for upper, lower in itertools.pairwise(levels)), (name, page.headings)


def test_every_page_says_its_language(pages: Mapping[str, Markup]) -> None:
    """The language in ``lang`` is the one that the page is written in: Chinese pages are Chinese in more than their headings."""
    for name, page in pages.items():
        zh = name.startswith("zh/")
        assert page.lang == TAGS["zh" if zh else "en"], name
        han = len(HAN.findall(page.text))
        assert (han > len(page.text) * 0.1) == zh, name


def test_alternates_are_mutual(pages: Mapping[str, Markup]) -> None:
    """Each page names itself and its other language, and the other names it; English is the default."""
    for name, page in pages.items():
        bare = name.removeprefix("zh/")
        expected = {"en": f"{URL}/{bare}", "zh-Hans": f"{URL}/zh/{bare}", "x-default": f"{URL}/{bare}"}
        assert page.alternates == expected, name
        assert page.canonical == f"{URL}/{name}", name


def test_titles_tell_pages_apart(pages: Mapping[str, Markup]) -> None:
    """No two pages of one language share a title."""
    for zh in (False, True):
        titles = [page.title for name, page in pages.items() if name.startswith("zh/") == zh]
        assert len(titles) == len(set(titles))


def test_the_sitemap_lists_every_page(site: Path, pages: Mapping[str, Markup]) -> None:
    """The map is well formed and lists each page once, with its alternates."""
    tree = ET.parse(site / "sitemap.xml")  # noqa: S314 - our own file, written a moment ago
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
    listed = [node.text for node in tree.findall(".//s:loc", space)]

    assert sorted(map(str, listed)) == sorted(f"{URL}/{name}" for name in pages)
    assert len(tree.findall(".//x:link", space)) == 3 * len(pages)


def test_structured_data_is_json(site: Path) -> None:
    """What machines read of a page is well-formed JSON-LD, and nothing in it ends its element."""
    found = 0
    for name in ("550.html", "zh/X.7.1.html", "compare/214-220.html", "choose.html", "zh/why.html", "index.html"):
        for text in re.findall(r'<script type="application/ld\+json">(.*?)</script>', (site / name).read_text(), re.DOTALL):
            data = json.loads(text)
            found += 1
            assert data["@context"] == "https://schema.org"
            assert {"DefinedTerm", "BreadcrumbList", "FAQPage"} & {thing["@type"] for thing in data["@graph"]}
    assert found == 6


def test_the_other_order_of_a_pair_leads_to_the_one(site: Path) -> None:
    """A pair stands once; the file of its other order sends on to it."""
    text = (site / "compare/220-214.html").read_text()

    assert 'content="0; url=214-220.html"' in text
    assert f'<link rel="canonical" href="{URL}/compare/214-220.html">' in text


def test_an_enhanced_code_is_found_with_its_class(site: Path) -> None:
    """``5.7.1`` leads to the part of X.7.1 that tells of its class, which is there."""
    assert "url=X.7.1.html#class-5" in (site / "5.7.1.html").read_text()
    assert 'id="class-5"' in (site / "X.7.1.html").read_text()


def test_without_an_address_links_stay_relative(tmp_path: Path) -> None:
    """Where nobody says where the folder will stand, no page names a host of its own."""
    assert Files("zh/compare/index.html").page("550", "en") == "../../550.html"
    assert Files("compare/index.html").page("", "zh") == "../zh/index.html"
    assert Files("index.html").whole("550", "zh") == "zh/550.html"


def test_a_missing_page_helps(site: Path) -> None:
    """What a server of files shows for an unknown address leads back to the index."""
    assert "index.html" in read((site / "404.html").read_text()).links
