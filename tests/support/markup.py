"""What a page holds, for tests: elements, headings, links, names, and what no page of ours may have. Knows no page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_OPTIONAL_END = frozenset({"option"})


@dataclass(slots=True)
class Markup:
    """One parsed page."""

    lang: str = ""
    title: str = ""
    headings: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """Addresses of anchors, forms, scripts, styles and pictures."""
    alternates: dict[str, str] = field(default_factory=dict)
    canonical: str = ""
    unlabelled: list[str] = field(default_factory=list)
    """Fields without a label, pictures without a text."""
    inline: list[str] = field(default_factory=list)
    """Scripts, styles and handlers that stand in the page itself."""
    unclosed: list[str] = field(default_factory=list)
    described: bool = False
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Markup()
        self._open: list[str] = []
        self._labels: set[str] = set()
        self._fields: list[tuple[str, str]] = []
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        page = self.page
        if tag not in _VOID and tag != "path":
            self._open.append(tag)
        page.ids += [given["id"]] if "id" in given else []
        page.inline += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        page.links += [given[name] for name in ("href", "src", "action") if name in given and given.get("rel") != "canonical"]
        page.headings += [tag] if tag in ("h1", "h2", "h3", "h4") else []
        self._head(tag, given)
        self._field(tag, given)

    def _head(self, tag: str, given: dict[str, str]) -> None:
        page = self.page
        match tag:
            case "html":
                page.lang = given.get("lang", "")
            case "link":
                self._link(given)
            case "meta" if given.get("name") == "description":
                page.described = bool(given.get("content"))
            case "script" if "src" not in given and given.get("type") != "application/ld+json":
                page.inline.append("script")
            case "style":
                page.inline.append("style")

    def _field(self, tag: str, given: dict[str, str]) -> None:
        page = self.page
        match tag:
            case "img" if "alt" not in given:
                page.unlabelled.append("img")
            case "label":
                self._labels.add(given.get("for", ""))
            case "input" | "textarea" | "select":
                named = given.get("aria-label") or "label" in self._open or given.get("type") == "hidden"
                self._fields += [] if named else [(tag, given.get("id", "?"))]
            case "button":
                self._words.append(given.get("aria-label", ""))

    def _link(self, given: dict[str, str]) -> None:
        if given.get("rel") == "canonical":
            self.page.canonical = given["href"]
        if given.get("rel") == "alternate" and "hreflang" in given:
            self.page.alternates[given["hreflang"]] = given["href"]

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or tag == "path":
            return
        while self._open and self._open[-1] in _OPTIONAL_END and self._open[-1] != tag:
            self._open.pop()
        if not self._open or self._open.pop() != tag:
            self.page.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.page.title += data
        if not (self._open and self._open[-1] in ("script", "style")):
            self._words.append(data)

    def done(self) -> Markup:
        self.page.unlabelled += [tag for tag, name in self._fields if name not in self._labels]
        self.page.unclosed += self._open
        self.page.text = " ".join(" ".join(self._words).split())
        return self.page


def read(html: str) -> Markup:
    """Parse a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.done()
