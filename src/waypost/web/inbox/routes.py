"""The routes of the inbox. They exist only in an application that was given a desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from waypost.web.links import Served

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from waypost.clock import Clock
    from waypost.operate.verbs import Verbs
    from waypost.web.templates import Templates


def join(app: FastAPI, templates: Templates, desk: Verbs, clock: Clock) -> None:
    """Add the pages of the inbox; ``desk`` is asked for everything that they show."""
    del clock

    async def listed(_: Request) -> Response:
        rows = await desk.call("inbox.list", {"filter": [], "limit": 50})
        return HTMLResponse(templates.render("inbox/list.html", "en", links=Served(), rows=rows or []))

    app.add_route("/", listed, include_in_schema=False)
