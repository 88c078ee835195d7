"""``POST /api/check``: the same check for programs, described by OpenAPI. Answers with what ``waypost check --json`` prints.

It wants JSON and says so by its type, which no form of another site can send; pages of other origins are not let in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations of routes at run time
from starlette.responses import JSONResponse, Response

from waypost.diagnose.shapes import as_json
from waypost.web.check.places import API, Places
from waypost.web.check.shapes import AskShape, DiagnosisShape
from waypost.web.check.wanted import TurnedAwayError, language, wanted
from waypost.web.links import MAIN
from waypost.web.reference.shapes import FailureShape
from waypost.web.security import client_of, is_at_home

if TYPE_CHECKING:
    from fastapi import FastAPI

    from waypost.web.check.runs import Checks, Run

_PRIVATE = {"cache-control": "no-store"}
_AGE = {
    "Age": {
        "description": "Seconds since it was found out; more than a few: somebody asked the same just now.",
        "schema": {"type": "integer"},
    }
}
_LOCATION = {"Content-Location": {"description": "Where it can be read again for an hour.", "schema": {"type": "string"}}}
_WAIT = {"Retry-After": {"description": "Seconds after which it is worth asking again.", "schema": {"type": "integer"}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"headers": {**_AGE, **_LOCATION}},
    400: {"model": FailureShape, "description": "The body is no JSON of this form."},
    403: {"model": FailureShape, "description": "It leads where this check does not go: no public address, or one that is kept out."},
    415: {"model": FailureShape, "description": "The body says that it is something else than JSON."},
    422: {"model": FailureShape, "description": "It names nothing that can be checked."},
    429: {"model": FailureShape, "description": "Too often, or one is under way for you already.", "headers": _WAIT},
    503: {"model": FailureShape, "description": "Too many checks are under way.", "headers": _WAIT},
}


class _Ask(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body."""

    target: str
    port: int | None = None
    from_: str = msgspec.field(default="", name="from")
    lang: str = MAIN


class _BodyError(Exception):
    """No body of ours; status and one sentence."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status


def join(app: FastAPI, checks: Checks, ending: asyncio.Event) -> None:
    """Add the route; ``ending`` is set when the server ends."""

    async def check(request: Request) -> Response:
        """Find out why a mail server does not answer, or answers no. Takes up to fifteen seconds."""
        lang = MAIN
        try:
            asked = _asked(request, await request.body())
            lang = language(asked.lang)
            wish = wanted(asked.target, port=asked.port, sender=asked.from_, ports=checks.plan.rules.further)
            run = checks.ask(wish, client_of(request.scope, behind_proxy=checks.plan.behind_proxy), home=is_at_home(request.scope))
        except _BodyError as error:
            return _failed(error.status, str(error))
        except TurnedAwayError as error:
            return _failed(error.status, error.says(lang), seconds=error.seconds)
        await _over(run, ending)
        return _answered(checks, run, lang)

    router = APIRouter()
    router.add_api_route(
        API,
        check,
        methods=["POST"],
        response_model=DiagnosisShape,
        responses=_RESPONSES,
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": AskShape.model_json_schema()}}}},
        summary="Check a mail server",
    )
    app.include_router(router)


def _asked(request: Request, body: bytes) -> _Ask:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise _BodyError(415, "send JSON and say so: Content-Type: application/json")
    try:
        return msgspec.json.decode(body, type=_Ask)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _BodyError(400, f"the body is not what is wanted: {error}") from error


async def _over(run: Run, ending: asyncio.Event) -> None:
    """Wait until the check is over, or the server ends."""
    end = asyncio.ensure_future(ending.wait())
    try:
        while not run.over and not end.done():
            moved = asyncio.ensure_future(run.moved.wait())
            await asyncio.wait([moved, end], return_when=asyncio.FIRST_COMPLETED)
            moved.cancel()
    finally:
        end.cancel()


def _answered(checks: Checks, run: Run, lang: str) -> Response:
    if run.broken:
        return _failed(500, "a fault in the server")
    if run.diagnosis is None:
        return _failed(503, "the server ends just now", seconds=10)
    if run.withheld is not None:
        told = TurnedAwayError(403, run.withheld.value.replace("-", "_"), address=run.wanted.target.text, port=run.wanted.target.port)
        return _failed(403, told.says(lang))
    headers = {**_PRIVATE, "age": str(checks.age(run)), "content-location": Places(lang).data(run.id)}
    return JSONResponse(as_json(run.diagnosis, lang), headers=headers)


def _failed(status: int, says: str, *, seconds: int = 0) -> Response:
    wait = {"retry-after": str(seconds)} if seconds else {}
    return JSONResponse({"error": says}, status_code=status, headers={**_PRIVATE, **wait})
