"""Whether this process lives, and whether the server behind it answers. Knows no page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from waypost.operate.verbs import OperatorError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from waypost.operate.verbs import Verbs

_PATIENCE = 3.0
"""Seconds in which the server must answer."""


def join(app: FastAPI, desk: Verbs | None) -> None:
    """Add ``/livez`` and ``/readyz``; without a desk there is nothing behind the pages that could be unready."""

    async def livez(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def readyz(_: Request) -> Response:
        ready = desk is None or await _answers(desk)
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    app.add_route("/livez", livez, include_in_schema=False)
    app.add_route("/readyz", readyz, include_in_schema=False)


async def _answers(desk: Verbs) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await desk.call("ping", {}) is not None
    except (OperatorError, OSError, TimeoutError):
        return False
