"""The routes of checks. They exist only in an application to which the operator gave a plan for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from waypost.web.check.interface import join as join_interface
from waypost.web.check.pages import Pages
from waypost.web.check.places import Places
from waypost.web.check.stream import MOST
from waypost.web.security import embedded_elsewhere
from waypost.web.streaming import Streams
from waypost.web.templates import LANGUAGES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request

    from waypost.web.check.runs import Checks
    from waypost.web.templates import Templates

    Route = Callable[[Request], Awaitable[Response]]


def join(app: FastAPI, templates: Templates, checks: Checks, *, ending: asyncio.Event) -> None:
    """Add the pages and the API; ``ending`` is set when the server ends."""
    pages = Pages(templates, checks, Streams(MOST, ending))
    join_interface(app, checks, ending)
    app.add_route("/check", _to_form, include_in_schema=False)
    for lang in (*LANGUAGES[1:], LANGUAGES[0]):  # the language that has no folder matches any
        places = Places(lang)
        app.add_route(places.root, _guarded(pages.form), methods=["GET", "POST"], include_in_schema=False)
        if places.root != "/check/":
            app.add_route(places.root.rstrip("/"), _to_form, include_in_schema=False)
        app.add_route(places.data("{id}"), _guarded(pages.data), include_in_schema=False)
        app.add_route(places.run("{id}/events"), _guarded(pages.events), include_in_schema=False)
        app.add_route(places.run("{id}"), _guarded(pages.check), include_in_schema=False)


def _guarded(route: Route) -> Route:
    async def guarded(request: Request) -> Response:
        if embedded_elsewhere(request.scope):
            raise HTTPException(403, "the request comes from a page of another site")
        return await route(request)

    return guarded


async def _to_form(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", status_code=308)
