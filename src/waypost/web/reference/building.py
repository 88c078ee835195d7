"""The reference as files: a folder that any server of files can serve, at any address, and that can be read without one.

Every link is relative. What needs a server (the box that explains) is left out; the search works where there is a script.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from waypost.web.links import MAIN, Files, file_of, folder
from waypost.web.reference.data import beside
from waypost.web.reference.finding import index_json
from waypost.web.reference.names import every, page_of, pairs, spellings
from waypost.web.reference.pages import Moved, Reference, names
from waypost.web.reference.sitemap import sitemap
from waypost.web.templates import LANGUAGES, STATIC, Templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNKNOWN = "http://localhost"
"""What stands in the sitemap where nobody said where the files will be: a sitemap has whole addresses alone."""


def build(directory: Path, *, url: str = "") -> int:
    """Write the whole reference into ``directory``; how many pages there are. Raises OSError.

    ``url`` is where the folder will stand, for links that must be whole: canonical addresses, alternates, the sitemap. What is in the
    folder already stays, but for files of the same name.
    """
    url = url.rstrip("/")
    reference = Reference(Templates(inbox=False))
    count = 0
    for lang in LANGUAGES:
        for name in names():
            _page(reference, directory, name, lang, url)
            count += 1
        for name, goal in _aliases():
            _write(directory, file_of(name, lang), _redirect(Files(file_of(name, lang), url), goal, lang))
        _json(directory, f"{folder(lang)}search-index.json", index_json(lang))
    _write(directory, "sitemap.xml", sitemap(Files("index.html", url or UNKNOWN)))
    _write(directory, "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {url or UNKNOWN}/sitemap.xml\n")
    _write(directory, "404.html", reference.missing(Files("404.html", url)))
    shutil.copytree(STATIC, directory / "static", dirs_exist_ok=True)
    return count


def _page(reference: Reference, directory: Path, name: str, lang: str, url: str) -> None:
    """A page and the JSON beside it."""
    told = reference.page(name, lang, Files(file_of(name, lang), url))
    if told is None or isinstance(told, Moved):
        raise LookupError(f"{name!r} is listed as a page and is none")
    _write(directory, file_of(name, lang), told)
    value = beside(name, lang)
    if value is not None:
        _json(directory, f"{folder(lang)}{name or 'index'}.json", value)


def _aliases() -> Iterator[tuple[str, str]]:
    """Other names of pages, and the page that each means: the other order of a pair, an enhanced code with its class."""
    for a, b in pairs():
        yield f"compare/{b}-{a}", f"compare/{a}-{b}"
    for record in every(MAIN):
        for other in spellings(record):
            yield other, f"{page_of(record)}#class-{other[0]}"


def _redirect(links: Files, goal: str, lang: str) -> str:
    """A page that leads on at once; a server of files has no other way."""
    here = links.page(goal, lang)
    whole = links.whole(goal.partition("#")[0], lang)
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{goal}</title><meta name="robots" content="noindex">'
        f'<link rel="canonical" href="{whole}"><meta http-equiv="refresh" content="0; url={here}"></head>'
        f'<body><p><a href="{here}">{goal}</a></p></body></html>\n'
    )


def _json(directory: Path, name: str, value: object) -> None:
    _write(directory, name, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _write(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
