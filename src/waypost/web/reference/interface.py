"""The reference as JSON, described by OpenAPI and open to pages of every origin: it is public, and nothing in it depends on who asks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations of routes at run time
from starlette.responses import Response

from waypost.replies.comparison import UnknownCodeError, compare
from waypost.replies.shapes import as_json, comparison_json
from waypost.web.links import folder
from waypost.web.reference.data import all_json, beside, record_json
from waypost.web.reference.finding import index_json, search
from waypost.web.reference.names import FOLDERS, found, page_of
from waypost.web.reference.shapes import ChoiceShape, ComparisonShape, ExplainedShape, FailureShape, FoundShape, RecordShape
from waypost.web.templates import LANGUAGES, wording

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI

    from waypost.web.reference.paste import Box

_OPEN = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin", "cache-control": "public, max-age=3600"}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": FailureShape, "description": "It is no code that the reference knows."}}
_WRONG: dict[int | str, dict[str, Any]] = {
    413: {"description": "More than 1 MiB."},
    429: {"model": FailureShape, "description": "Too many questions at once."},
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "A code, a reply, a line of a log, or a whole message, as received. It is not stored.",
        "content": {"text/plain": {"schema": {"type": "string"}}, "message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def join(app: FastAPI, box: Box) -> None:
    """Add the routes, for each language, and their description at ``/codes/openapi.json``."""
    router = APIRouter()
    for lang in LANGUAGES:
        _Routes(lang, box).join(router)

    @cache
    def description() -> dict[str, Any]:
        return get_openapi(title="SMTP reply reference", version="1", description=app.description, routes=router.routes)

    async def openapi(_: Request) -> Response:
        return answered(description())

    app.add_route("/codes/openapi.json", openapi, include_in_schema=False)  # before the routes, one of which would take it for a code
    app.include_router(router)


def answered(value: object, status: int = 200) -> Response:
    """``value`` as JSON that pages of every origin may read."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json", headers=_OPEN)


class _Routes:
    """The routes of one language."""

    def __init__(self, lang: str, box: Box) -> None:
        self._lang = lang
        self._box = box

    def join(self, router: APIRouter) -> None:
        """Add them; the addresses with fixed names first, for they look like codes too."""
        under = f"/codes/{folder(self._lang)}"
        tags: list[Any] = [wording(self._lang)["frame"]["this_language"]]
        add = router.add_api_route
        say: dict[str, Any] = {"tags": tags, "generate_unique_id_function": lambda route: f"{route.endpoint.__name__}_{self._lang}"}
        add(f"{under}index.json", self.all_codes, response_model=list[RecordShape], summary="Every code", **say)
        add(f"{under}search-index.json", self.search_index, include_in_schema=False, **say)
        add(f"{under}search.json", self.find, response_model=list[FoundShape], summary="Search", **say)
        add(
            f"{under}explain.json",
            self.explain,
            methods=["POST"],
            response_model=ExplainedShape,
            responses=_WRONG,
            openapi_extra=_BODY,
            summary="Explain a code, a reply, a line of a log or a whole bounce",
            **say,
        )
        add(f"{under}choose.json", self.choose, response_model=list[ChoiceShape], summary="Reasons to refuse, each with its reply", **say)
        add(f"{under}glossary.json", self.glossary, response_model=list[RecordShape], summary="Every term", **say)
        pair: dict[str, Any] = {"response_model": ComparisonShape, "responses": _MISSING, "summary": "Compare two codes"}
        add(f"{under}compare/{{pair}}.json", self.pair, **pair, **say)
        record: dict[str, Any] = {"response_model": RecordShape, "responses": _MISSING}
        add(f"{under}{{code}}.json", self.code, summary="One code", **record, **say)
        for kind, place in FOLDERS.items():
            add(f"{under}{place}/{{name}}.json", self.other(place), summary=f"One {kind}", name=f"{kind}_{self._lang}", **record, **say)

    async def all_codes(self) -> Response:
        """Every code: the list that ``waypost codes --json`` prints."""
        return answered(all_json(self._lang))

    async def search_index(self) -> Response:
        """What the search of the pages loads."""
        return answered(index_json(self._lang))

    async def find(self, q: Annotated[str, Query(max_length=200, description="A code, a word, a pasted reply.")] = "") -> Response:
        """The pages that answer a question, best first."""
        rows = search(q, self._lang)
        return answered([{"code": each.code, "title": each.title, "kind": each.kind, "page": each.page} for each in rows])

    async def explain(self, request: Request) -> Response:
        """Explain what is given; the object that ``waypost explain --json`` prints for one input."""
        explained = await self._box.explained(request, await request.body(), self._lang)
        response = answered(as_json(explained))
        response.headers["cache-control"] = "no-store"
        return response

    async def choose(self) -> Response:
        """Which code to answer with, and why not its neighbours."""
        return answered(beside("choose", self._lang))

    async def glossary(self) -> Response:
        """The terms of mail, each explained."""
        return answered(beside("glossary", self._lang))

    async def pair(self, pair: Annotated[str, Path(examples=["214-220"], max_length=40)]) -> Response:
        """Two codes side by side, in either order."""
        a, _, b = pair.partition("-")
        try:
            return answered(comparison_json(compare(a, b, self._lang)))
        except UnknownCodeError:
            raise HTTPException(404, f"{pair} is no pair of codes that the reference knows: write it like 214-220") from None

    async def code(self, code: Annotated[str, Path(examples=["550"], max_length=40)]) -> Response:
        """A code: basic, enhanced (as X.7.1, or with its class) or nonstandard."""
        return self._record(code)

    def other(self, place: str) -> Callable[[str], Awaitable[Response]]:
        """The route of another kind of records."""

        async def told(name: Annotated[str, Path(max_length=80)]) -> Response:
            return self._record(f"{place}/{name}")

        told.__name__ = place
        return told

    def _record(self, name: str) -> Response:
        record = found(name, self._lang)
        if record is None or ("/" in name) != ("/" in page_of(record)):
            raise HTTPException(404, f"{name} is nothing that the reference knows")
        return answered(record_json(record))
