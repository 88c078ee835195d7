"""HTML of strangers made into a page that can be framed: nothing in it runs, nothing is fetched, nothing leads the frame away. Pure.

The frame it is shown in allows neither scripts nor our origin, and its own policy allows no source at all; what is taken out here would
be stopped there. Pictures of the message itself stand in the page as ``data:``, so that not even this server is asked.
"""

from __future__ import annotations

import base64
import html
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nh3

if TYPE_CHECKING:
    from collections.abc import Callable

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""The content security policy of a framed message. It holds where the page is opened without its frame too."""
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
"""What the frame allows: a link opens a page of its own when somebody follows it."""
_MOST = 2_000_000
"""Characters of HTML that are shown."""
_PICTURES = 10 * 1024 * 1024
"""Characters of pictures that one page carries."""
_STYLES = 200_000
_EFFORT = 2_000_000
"""Elements that are open, summed up over all tags: making a tree takes time by that number."""
_REFERENCE = 40
"""The same for a character reference, of which many take time by their square as well."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})|&")
_SINGLE = frozenset(
    re.findall(r"\w+", "area base br col embed hr img input link meta source track wbr p li dd dt option tr td th tbody thead tfoot")
)
"""They hold nothing, or end where the next of their kind begins."""

_TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn div dl "
        "dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark nav ol p pre q rp rt ruby s "
        "samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr",
    )
)
_COMMON = frozenset({"align", "bgcolor", "class", "dir", "height", "id", "lang", "style", "title", "valign", "width"})
_MORE = {
    "a": {"href", "name"},
    "img": {"src", "alt", "border", "hspace", "vspace"},
    "table": {"border", "cellpadding", "cellspacing", "role"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "nowrap", "scope"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"value"},
    "col": {"span"},
    "colgroup": {"span"},
}
_INLINE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_FETCHED = re.compile(r"url\s*\(|image-set\s*\(|@import|expression\s*\(|-moz-binding|behavior\s*:", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_OWN = (
    "html{background:#fff;color:#16191b;color-scheme:light;font:16px/1.5 sans-serif}body{margin:12px 16px;overflow-wrap:anywhere}"
    "img{max-width:100%}"
)


@dataclass(frozen=True, slots=True)
class Framed:
    """A page to be framed."""

    page: str
    blocked: int
    """Things that it wanted from elsewhere and does not get."""
    cut: bool


def framed(source: str, picture: Callable[[str], tuple[str, bytes] | None]) -> Framed:
    """Make ``source`` harmless; ``picture`` gives media type and octets of what a ``cid:`` address means, None for nothing to be shown."""
    cleaner = _Cleaner(picture)
    bounded = source[: _bearable(source)]
    body, styles = _styles(bounded)
    kept = [cleaner.css(style) for style in styles]
    clean = nh3.clean(
        body,
        tags=set(_TAGS),
        attributes={"*": set(_COMMON), **{tag: set(names) for tag, names in _MORE.items()}},
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        attribute_filter=cleaner.attribute,
        strip_comments=True,
    )
    sheet = "".join(f"<style>{css}</style>" for css in kept if css)
    page = f'<!doctype html><html><head><meta charset="utf-8"><title></title><style>{_OWN}</style>{sheet}</head><body>{clean}</body></html>'
    return Framed(page, cleaner.blocked, len(bounded) < len(source))


def _bearable(source: str) -> int:
    """How much of ``source`` can be made into a tree in good time: deep nesting takes time by its square."""
    effort, open_, by_name = 0, 0, Counter[str]()
    for tag in _TAG.finditer(source, 0, _MOST):
        name = (tag[2] or "").lower()
        if not name:
            effort += _REFERENCE
        elif tag[1]:
            closed = min(1, by_name[name])
            by_name[name] -= closed
            open_ -= closed
        elif name not in _SINGLE:
            by_name[name] += 1
            open_ += 1
        effort += 1 + (open_ if name else 0)
        if effort > _EFFORT:
            return tag.start()
    return min(len(source), _MOST)


class _Cleaner:
    """What is asked of attributes and styles, and counted."""

    def __init__(self, picture: Callable[[str], tuple[str, bytes] | None]) -> None:
        self.blocked = 0
        self._picture = picture
        self._room = _PICTURES
        self._inline: dict[str, str | None] = {}

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        """The value that an attribute may have; None: it goes."""
        match tag, name:
            case "img", "src":
                return self._source(value.strip())
            case _, "style":
                return self.css(value) or None
            case _, "href":
                scheme = value.strip().partition(":")[0].lower()
                return value if scheme in ("http", "https", "mailto", "tel") else None
            case _:
                return value

    def css(self, text: str) -> str:
        """A style without whatever would fetch or run; all of it goes where such a thing is hidden."""
        plain = _CSS_COMMENT.sub("", text.replace("\\", "").replace("\x00", "")).replace("<", "").replace(">", " > ").strip()
        found = len(_FETCHED.findall(plain))
        self.blocked += found
        return _FETCHED.sub("none(", plain) if found else plain

    def _source(self, value: str) -> str | None:
        if _INLINE.fullmatch(value):
            return self._room_for(value)
        if value[:4].lower() == "cid:":
            if value not in self._inline:
                self._inline[value] = _as_data(self._picture(value[4:]))
            found = self._inline[value]
            return None if found is None else self._room_for(found)
        self.blocked += 1
        return None

    def _room_for(self, value: str) -> str | None:
        self._room -= len(value)
        return value if self._room >= 0 else None


def _as_data(picture: tuple[str, bytes] | None) -> str | None:
    return None if picture is None else f"data:{picture[0]};base64,{base64.b64encode(picture[1]).decode('ascii')}"


def _styles(source: str) -> tuple[str, list[str]]:
    """``source`` without its style elements, and what stood in them."""
    lower = source.lower()
    if len(lower) != len(source):  # some letters have a longer small one: then places would not fit
        lower = source
    rest: list[str] = []
    styles: list[str] = []
    place = 0
    while (begin := lower.find("<style", place)) >= 0:
        opened = lower.find(">", begin)
        closed = lower.find("</style", opened)
        if opened < 0 or closed < 0:
            break
        rest.append(source[place:begin])
        styles.append(html.unescape(source[opened + 1 : closed])[:_STYLES])
        end = lower.find(">", closed)
        place = len(source) if end < 0 else end + 1
    rest.append(source[place:])
    return "".join(rest), styles if sum(map(len, styles)) <= _STYLES else []


def type_of(octets: bytes) -> str | None:
    """The media type of a picture that browsers may be shown, by its first octets; None for everything else, SVG among it."""
    match octets[:12]:
        case head if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png"
        case head if head.startswith(b"\xff\xd8\xff"):
            return "image/jpeg"
        case head if head.startswith((b"GIF87a", b"GIF89a")):
            return "image/gif"
        case head if head.startswith(b"RIFF") and head[8:] == b"WEBP":
            return "image/webp"
        case _:
            return None
