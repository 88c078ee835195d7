"""Pages and JSON for requests that fail: nothing of the fault is shown. Knows no other page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse

from waypost.replies.library import LANGUAGES
from waypost.web.links import MAIN, Served
from waypost.web.security import RefusedError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from waypost.web.templates import Templates

_KNOWN = frozenset({404, 405, 413, 429, 503})


def failures(app: FastAPI, templates: Templates) -> None:
    """Answer for every HTTPException, and for what nobody foresaw."""

    async def failed(request: Request, error: Exception) -> Response:
        status, says, headers = _told(error)
        if request.url.path.startswith("/api/") or request.url.path.endswith(".json"):
            return JSONResponse({"error": says}, status_code=status, headers=headers)
        lang = next((one for one in LANGUAGES if request.url.path.startswith((f"/codes/{one}/", f"/check/{one}/", f"/{one}/"))), MAIN)
        kind = str(status) if status in _KNOWN else "other"
        page = templates.render("failure.html", lang, links=Served(), status=status, kind=kind, noindex=True)
        return HTMLResponse(page, status_code=status, headers=headers)

    app.add_exception_handler(HTTPException, failed)
    app.add_exception_handler(RefusedError, failed)
    app.add_exception_handler(Exception, failed)


def _told(error: Exception) -> tuple[int, str, dict[str, str]]:
    """Status, one sentence, headers; of a fault of ours nothing but that it is one."""
    match error:
        case HTTPException():
            return error.status_code, error.detail, dict(error.headers or {})
        case RefusedError():
            return error.status, str(error), {"connection": "close"}
        case _:
            return 500, "a fault in the server", {}
