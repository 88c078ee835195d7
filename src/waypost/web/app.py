"""The application: both halves of the web joined, behind the guard. Given values and protocols; knows no configuration, socket or store.

The inbox is a part that is there or not there: an application made without a desk has no route that could show mail. With one, a request
that came through a proxy or for a public name is answered by a second application, which has none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from waypost.web import health
from waypost.web.check.routes import join as join_check
from waypost.web.failures import failures
from waypost.web.inbox.routes import join as join_inbox
from waypost.web.reference.routes import join as join_reference
from waypost.web.security import Guard, Hosts, is_local
from waypost.web.templates import STATIC, Templates

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from waypost.clock import Clock
    from waypost.operate.verbs import Verbs
    from waypost.web.check.runs import Checks

_WORTH_IT, _LEVEL = 1500, 5
"""Octets from which compressing pays, and how hard it is tried."""
_ABOUT = "The reply reference of Waypost as JSON: every SMTP reply, what it means, when it occurs, who must act and how."


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an application is made of."""

    hosts: Hosts
    url: str
    """The public address without a slash at its end; empty: as each request names it."""
    desk: Verbs | None
    """Whoever can be asked for mail; None: nobody, and there is no inbox."""
    clock: Clock
    smtp: str = ""
    """``host:port`` where mail can be sent to from here, for examples; empty: nowhere in the clear."""
    checks: Checks | None = None
    """Whoever checks mail servers for visitors; None: nobody, and there is no page for it."""
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server ends: answers that would go on for ever end then."""


def make(given: Given) -> ASGIApp:
    """The application, whole."""
    public = _application(given, None)
    door = public if given.desk is None else _Door(_application(given, given.desk), public)
    return Guard(_Squeezing(door), given.hosts)


class _Squeezing:
    """Compresses what is public; mail is not, for its size would tell of its content what encryption hides."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._small = GZipMiddleware(app, minimum_size=_WORTH_IT, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        public = scope["type"] == "http" and scope["path"].startswith(("/codes/", "/static/", "/api/openapi.json"))
        await (self._small if public else self._app)(scope, receive, send)


class _Door:
    """Lets in to the inbox who is at this machine; shows everybody else the reference."""

    def __init__(self, own: ASGIApp, public: ASGIApp) -> None:
        self._own = own
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await (self._own if is_local(scope) else self._public)(scope, receive, send)


def _application(given: Given, desk: Verbs | None) -> FastAPI:
    app = FastAPI(
        title="Waypost",
        description=_ABOUT,
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    templates = Templates(inbox=desk is not None, check=given.checks is not None)
    failures(app, templates)
    health.join(app, desk)
    if desk is not None:
        join_inbox(app, templates, desk, given.clock, ending=given.ending, smtp=given.smtp)
    else:
        app.add_route("/", _to_reference, include_in_schema=False)
    if given.checks is not None:
        join_check(app, templates, given.checks, ending=given.ending)
    join_reference(app, templates, url=given.url, now=given.clock.monotonic)
    app.add_route("/robots.txt", _robots, include_in_schema=False)
    app.router.routes.append(Mount("/static", StaticFiles(directory=STATIC), name="static"))
    return app


async def _to_reference(_: Request) -> Response:
    return RedirectResponse("/codes/", status_code=302)


async def _robots(request: Request) -> Response:
    """Crawlers are welcome in the reference and nowhere else."""
    lines = ["User-agent: *", "Disallow: /", "Allow: /codes/", "Disallow: /codes/search", "Disallow: /codes/zh/search"]
    return PlainTextResponse("\n".join([*lines, f"Sitemap: {request.url.scheme}://{request.headers['host']}/codes/sitemap.xml", ""]))
