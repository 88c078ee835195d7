"""The routes of the inbox. They exist only in an application that was given a desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from waypost.web.inbox.arrivals import Arrivals
from waypost.web.inbox.asking import Asked
from waypost.web.inbox.files import Files
from waypost.web.inbox.pages import Pages
from waypost.web.inbox.places import EVENTS, Places
from waypost.web.inbox.pulse import Pulse
from waypost.web.security import embedded_elsewhere, own_origin
from waypost.web.templates import LANGUAGES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request

    from waypost.clock import Clock
    from waypost.operate.verbs import Verbs
    from waypost.web.templates import Templates

    Route = Callable[[Request], Awaitable[Response]]


def join(app: FastAPI, templates: Templates, desk: Verbs, clock: Clock, *, ending: asyncio.Event, smtp: str) -> None:
    """Add the pages of the inbox; ``desk`` is asked for everything that they show.

    ``ending`` is set when the server ends; ``smtp`` is where mail can be sent to, for examples.
    """
    asked = Asked(desk)
    pages = Pages(templates, asked, clock, smtp=smtp)
    files = Files(asked)
    arrivals = Arrivals(Pulse(desk, clock), ending)

    async def events(request: Request) -> Response:
        if not own_origin(request.scope):
            raise HTTPException(403, "the request comes from a page of another site")
        if arrivals.full:
            raise HTTPException(503, "too many pages wait for news", headers={"retry-after": "30"})
        return arrivals.stream()

    add = _adder(app)
    add(EVENTS, events)
    for name, route in (("raw", files.raw), ("frame", files.frame), ("part/{number}", files.part), ("picture/{number}", files.picture)):
        add(f"/inbox/{{id}}/{name}", route)
    for lang in LANGUAGES:
        root = Places(lang).root
        add(root, pages.listed)
        add(f"{root}refused", pages.refused)
        add(f"{root}inbox/{{id}}", pages.message)
        add(f"{root}inbox/{{id}}/{{view}}", pages.message)
        add(f"{root}session/{{id}}", pages.session)
        for other in {root.rstrip("/"), f"{root}inbox", f"{root}inbox/"} - {""}:
            app.add_route(other, _to(root), include_in_schema=False)


def _adder(app: FastAPI) -> Callable[[str, Route], None]:
    def add(path: str, route: Route) -> None:
        async def guarded(request: Request) -> Response:
            if embedded_elsewhere(request.scope):
                raise HTTPException(403, "the request comes from a page of another site")
            return await route(request)

        app.add_route(path, guarded, include_in_schema=False)

    return add


def _to(path: str) -> Route:
    async def moved(_: Request) -> Response:
        return RedirectResponse(path, status_code=308)

    return moved
