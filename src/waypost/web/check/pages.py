"""The pages of checks: the form, a check under way, what it came to. Keeps nothing but the checks themselves.

Only POST begins a check, and only from a page of ours or a program: no link, no crawler and no other site's page does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from waypost.diagnose.plan import PORTS
from waypost.diagnose.shapes import as_json, next_step
from waypost.replies.terms import label
from waypost.web.check import shown
from waypost.web.check.places import API, ID, Places
from waypost.web.check.stream import progress
from waypost.web.check.wanted import LONGEST, TurnedAwayError, wanted
from waypost.web.links import MAIN, Served
from waypost.web.security import client_of, is_at_home
from waypost.web.templates import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from waypost.web.check.runs import Checks, Run
    from waypost.web.streaming import Streams
    from waypost.web.templates import Templates

_FORM = "application/x-www-form-urlencoded"
_PRIVATE = {"cache-control": "no-store"}


class Pages:
    """The pages, each as a route."""

    def __init__(self, templates: Templates, checks: Checks, streams: Streams) -> None:
        self._templates = templates
        self._checks = checks
        self._streams = streams

    async def form(self, request: Request) -> Response:
        """The form, filled in with what the address names; POST begins a check and leads to it."""
        if request.method != "POST":
            given = {name: request.query_params.get(name, "")[:LONGEST] for name in ("target", "port", "from")}
            return self._form(request, given)
        given = await _fields(request)
        try:
            ports = self._checks.plan.rules.further
            wish = wanted(given["target"], port=given["port"], sender=given["from"], ports=ports)
            run = self._checks.ask(
                wish, client_of(request.scope, behind_proxy=self._checks.plan.behind_proxy), home=is_at_home(request.scope)
            )
        except TurnedAwayError as error:
            return self._form(request, given, error)
        return RedirectResponse(Places(_lang(request)).run(run.id), status_code=303)

    async def check(self, request: Request) -> Response:
        """One check: how far it has come, or what it came to."""
        run = self._run(request)
        if run is None:
            return self._show(request, "gone.html", "", status=404)
        if run.broken:
            return self._show(request, "broken.html", run.id, status=500, run=run)
        if run.diagnosis is None:
            return self._under_way(request, run)
        return self._result(request, run)

    async def data(self, request: Request) -> Response:
        """What a check came to, as ``waypost check --json`` prints it."""
        run = self._run(request)
        if run is None or run.broken:
            raise HTTPException(404, "no such result is kept: ask for the check anew")
        if run.diagnosis is None:
            raise HTTPException(503, "the check is under way", headers={"retry-after": "2"})
        age = str(self._checks.age(run))
        return JSONResponse(as_json(run.diagnosis, _lang(request)), headers={**_PRIVATE, "age": age})

    async def events(self, request: Request) -> Response:
        """How a check goes, as it goes."""
        run = self._run(request)
        if run is None:
            raise HTTPException(404, "no such check is kept")
        if self._streams.full:
            raise HTTPException(503, "too many pages wait for news", headers={"retry-after": "2"})
        known = request.headers.get("last-event-id", "") or request.query_params.get("after", "")
        after = int(known) if known.isascii() and known.isdigit() and len(known) < 6 else 0
        return self._streams.answer(progress(run, _lang(request), after=after))

    # ---- showing

    def _form(self, request: Request, given: Mapping[str, str], wrong: TurnedAwayError | None = None) -> Response:
        lang = _lang(request)
        plan = self._checks.plan
        home = is_at_home(request.scope)
        return self._show(
            request,
            "form.html",
            "",
            status=wrong.status if wrong else 200,
            headers={"retry-after": str(wrong.seconds)} if wrong and wrong.seconds else {},
            given=given,
            wrong=wrong.says(lang) if wrong else "",
            field=_field(wrong),
            ports=[*PORTS, *sorted(plan.rules.further - set(PORTS))] if home else PORTS,
            inside=home and bool(plan.rules.inside),
            plan=plan,
        )

    def _under_way(self, request: Request, run: Run) -> Response:
        lang = _lang(request)
        found = [shown.event(each, lang)[1] for each in run.progress]
        return self._show(
            request,
            "progress.html",
            run.id,
            run=run,
            steps=shown.steps(run.progress, lang),
            found=[each for each in found if "severity" in each],
            events=Places(lang).events(run.id, len(run.progress)),
            seconds=self._checks.age(run),
        )

    def _result(self, request: Request, run: Run) -> Response:
        lang = _lang(request)
        diagnosis = run.diagnosis
        assert diagnosis is not None  # noqa: S101 - whoever calls has looked
        first = diagnosis.next_finding
        chapters = shown.chapters(diagnosis.findings, lang)
        return self._show(
            request,
            "result.html",
            run.id,
            run=run,
            d=diagnosis,
            withheld=run.withheld is not None,
            first=None if first is None else shown.told(first, lang),
            next_step=next_step(diagnosis, lang),
            chapters=chapters,
            faults=[each for chapter in chapters for each in chapter.grave],
            rows=shown.rows(diagnosis, lang),
            offers=shown.offers(diagnosis.hellos),
            counts=shown.counts(diagnosis.findings),
            when=datetime.fromtimestamp(int(run.wall), UTC),
            age=self._checks.age(run),
            again=self._checks.waits(run),
        )

    def _show(
        self, request: Request, template: str, id_: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
    ) -> Response:
        lang = _lang(request)
        html = self._templates.render(
            f"check/{template}",
            lang,
            links=Served(),
            places=Places(lang),
            others=[(other, Places(other).run(id_)) for other in LANGUAGES if other != lang],
            id=id_,
            label=partial(label, lang=lang),
            in_check=True,
            noindex=bool(id_) or status != 200,
            languages=LANGUAGES,
            api=API,
            **context,
        )
        return HTMLResponse(html, status_code=status, headers={**_PRIVATE, **(headers or {})})

    def _run(self, request: Request) -> Run | None:
        id_ = request.path_params["id"]
        return self._checks.find(id_) if ID.fullmatch(id_) else None


_FIELDS = {"no_port": "port", "two_ports": "port", "sender": "from"}
"""Of the reasons to turn away, those about another field than the target."""


def _field(wrong: TurnedAwayError | None) -> str:
    """The field to mend; none where the time is wrong and not what was asked."""
    return "" if wrong is None or wrong.seconds else _FIELDS.get(wrong.name, "target")


async def _fields(request: Request) -> dict[str, str]:
    """What the form says. Raises HTTPException."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise HTTPException(415, f"send a form, {_FORM}")
    try:
        pairs = parse_qsl((await request.body()).decode("ascii", "replace"), keep_blank_values=True, max_num_fields=8, errors="replace")
    except ValueError as error:
        raise HTTPException(400, "that is no form") from error
    fields = dict(reversed(pairs))
    return {name: fields.get(name, "")[: 4 * LONGEST] for name in ("target", "port", "from")}


def _lang(request: Request) -> str:
    path = request.url.path
    return next((lang for lang in LANGUAGES if lang != MAIN and path.startswith(f"/check/{lang}/")), MAIN)
