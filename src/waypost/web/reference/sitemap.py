"""The map of the reference for crawlers: every page in every language, each naming the others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from waypost.web.links import MAIN
from waypost.web.reference.pages import names
from waypost.web.templates import LANGUAGES, TAGS

if TYPE_CHECKING:
    from waypost.web.links import Links

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">'
)


def sitemap(links: Links) -> str:
    """The whole map."""
    rows = [_row(name, lang, links) for name in names() for lang in LANGUAGES]
    return "\n".join([_HEAD, *rows, "</urlset>\n"])


def _row(name: str, lang: str, links: Links) -> str:
    others = [(TAGS[other], links.whole(name, other)) for other in LANGUAGES]
    alternates = "".join(
        f'<xhtml:link rel="alternate" hreflang="{tag}" href={quoteattr(url)}/>'
        for tag, url in (*others, ("x-default", links.whole(name, MAIN)))
    )
    return f"<url><loc>{quoteattr(links.whole(name, lang))[1:-1]}</loc>{alternates}</url>"
