"""The reference under ``/codes/``: pages, the JSON beside them, search, the box that explains. Keeps nothing of what is asked.

Addresses are canonical: whatever else means a page is sent on to it for good (308), and the other order of a pair too.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from waypost.web.links import MAIN, Served, folder
from waypost.web.reference.finding import alone, search
from waypost.web.reference.interface import join as join_interface
from waypost.web.reference.names import page_of
from waypost.web.reference.pages import Moved, Reference
from waypost.web.reference.paste import Box
from waypost.web.reference.sitemap import sitemap
from waypost.web.templates import LANGUAGES, TAGS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request

    from waypost.web.templates import Templates

_LONGEST = 200
"""Characters of a name that are looked up."""
_KEPT = "public, max-age=3600"


def join(app: FastAPI, templates: Templates, *, url: str, now: Callable[[], float]) -> None:
    """Add everything under ``/codes/``; ``url`` is the site's own address, empty: as each request names it."""
    pages = _Pages(Reference(templates), url)
    box = Box(now)
    join_interface(app, box)
    app.add_route("/codes", _to_index, include_in_schema=False)
    app.add_route("/codes/sitemap.xml", pages.sitemap, include_in_schema=False)
    for lang in LANGUAGES:
        under = f"/codes/{folder(lang)}"
        app.add_route(f"{under}search", pages.search, include_in_schema=False)
        app.add_route(f"{under}explain", pages.paste(box), methods=["GET", "POST"], include_in_schema=False)
    app.add_route("/codes/{name:path}", pages.page, include_in_schema=False)


async def _to_index(_: Request) -> Response:
    return RedirectResponse("/codes/", status_code=308)


class _Pages:
    """The pages as routes."""

    def __init__(self, reference: Reference, url: str) -> None:
        self._reference = reference
        self._url = url

    async def page(self, request: Request) -> Response:
        """Any page of the reference."""
        name, lang = _named(request)
        if len(name) > _LONGEST:
            raise HTTPException(404)
        links = self._links(request)
        if request.url.path == f"/codes/{lang}":
            return RedirectResponse(links.page("", lang), status_code=308)
        told = self._reference.page(name, lang, links) or self._meant(name, lang)
        match told:
            case None:
                raise HTTPException(404)
            case Moved(other):
                return RedirectResponse(links.page(other, lang), status_code=308)
            case html:
                return kept(request, HTMLResponse(html, headers={"content-language": TAGS[lang]}))

    def _meant(self, name: str, lang: str) -> Moved | None:
        """A page under the address of its file, or with a slash too many, as links elsewhere may have it."""
        bare = name.removesuffix(".html").removesuffix("index").rstrip("/")
        told = None if bare == name else self._reference.page(bare, lang, Served())
        return told if told is None or isinstance(told, Moved) else Moved(bare)

    async def search(self, request: Request) -> Response:
        """Search for those without a script; a code alone leads straight to its page."""
        _, lang = _named(request)
        question = request.query_params.get("q", "")[:_LONGEST].strip()
        first = request.query_params.get("a", "")[:_LONGEST].strip()
        second = request.query_params.get("b", "")[:_LONGEST].strip()
        links = self._links(request)
        if first and second:
            return self._compared(first, second, lang, links)
        code = alone(question, lang)
        if code is not None:
            return RedirectResponse(links.page(page_of(code), lang), status_code=303)
        html = self._reference.show("search.html", "search", lang, links, query=question, found=search(question, lang), noindex=True)
        return HTMLResponse(html)

    def _compared(self, first: str, second: str, lang: str, links: Served) -> Response:
        """What the form of two codes asks for."""
        told = self._reference.page(f"compare/{first}-{second}", lang, links)
        match told:
            case None:
                html = self._reference.show("search.html", "search", lang, links, query=f"{first} – {second}", found=(), noindex=True)
                return HTMLResponse(html, status_code=404)
            case Moved(other):
                return RedirectResponse(links.page(other, lang), status_code=303)
            case _:
                return RedirectResponse(links.page(f"compare/{first}-{second}", lang), status_code=303)

    def paste(self, box: Box) -> Callable[[Request], Awaitable[Response]]:
        """The box that explains."""

        async def answer(request: Request) -> Response:
            _, lang = _named(request)
            text = await box.text(request) if request.method == "POST" else None
            told = None
            if text is not None and text.strip():
                told = await box.explain(request, text, lang)
            html = self._reference.show(
                "explain.html", "explain", lang, self._links(request), told=told, text=text, empty=text is not None and told is None
            )
            return HTMLResponse(html, headers={"cache-control": "no-store"})

        return answer

    async def sitemap(self, request: Request) -> Response:
        """Every page in every language."""
        return kept(request, Response(sitemap(self._links(request)), media_type="application/xml"))

    def _links(self, request: Request) -> Served:
        return Served(self._url or f"{request.url.scheme}://{request.headers['host']}")


def _named(request: Request) -> tuple[str, str]:
    """The name of the page and its language."""
    name: str = request.path_params.get("name", "")
    path = request.url.path.removeprefix("/codes/")
    for lang in LANGUAGES:
        if lang != MAIN and (path == lang or path.startswith(f"{lang}/")):
            return name.removeprefix(lang).removeprefix("/"), lang
    return name, MAIN


def kept(request: Request, response: Response) -> Response:
    """The response as one that may be kept and asked for anew by its tag, a weak one: it may go out compressed (9110#8.8.1)."""
    tag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": _KEPT}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response
