"""The pages of the inbox: lists, a message in its views, a conversation. Asks the server through ``asking``; knows no store.

Everything on them comes from strangers: templates escape all of it, and nothing of it ever is an address but links that somebody follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from waypost.mail.identifier import is_identifier
from waypost.web.inbox import markup, places, shown
from waypost.web.inbox.asking import OperatorError
from waypost.web.inbox.places import Places
from waypost.web.inbox.said import said, told
from waypost.web.inbox.wanted import LONGEST, words
from waypost.web.links import MAIN, Served
from waypost.web.templates import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from waypost.clock import Clock
    from waypost.web.inbox.asking import Asked
    from waypost.web.inbox.letter import Letter
    from waypost.web.templates import Templates

PAGE = 50
"""Rows on one page of a list."""
_REFUSED_MOST = 1000
VIEWS = ("html", "text", "headers", "source", "parts", "conversation")


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The last row of the page before."""

    captured: float
    id_: str

    @classmethod
    def read(cls, text: str) -> _Cursor | None:
        """Of an address; None where there is none, or none that could be ours."""
        number, _, id_ = text.partition(",")
        try:
            captured = float(number)
        except ValueError:
            return None
        return cls(captured, id_) if is_identifier(id_) and 0 <= captured < 1e11 else None

    def __str__(self) -> str:
        return f"{self.captured!r},{self.id_}"


class Pages:
    """The pages, each as a route."""

    def __init__(self, templates: Templates, asked: Asked, clock: Clock, *, smtp: str) -> None:
        self._templates = templates
        self._asked = asked
        self._clock = clock
        self._smtp = smtp

    # ---- lists

    async def listed(self, request: Request) -> Response:
        """Captured mail, newest first."""
        query = request.query_params.get("q", "")[:LONGEST].strip()
        cursor = _Cursor.read(request.query_params.get("before", ""))
        wrong = ""
        rows: list[dict[str, Any]] = []
        try:
            rows = await self._asked.messages(words(query), limit=PAGE + 2, before=cursor.captured if cursor else None)
        except OperatorError as error:
            wrong = str(error)
        rows = _behind(rows, cursor)
        following = str(_Cursor(rows[PAGE - 1]["captured"], rows[PAGE - 1]["id"])) if len(rows) > PAGE else ""
        return self._show(
            request,
            "list.html",
            status=400 if wrong else 200,
            rows=rows[:PAGE],
            query=query,
            wrong=wrong,
            following=following,
            first=cursor is None,
        )

    async def refused(self, request: Request) -> Response:
        """Sessions that were refused, newest first, each with its reason."""
        text = request.query_params.get("limit", "")
        limit = min(max(int(text), PAGE), _REFUSED_MOST) if text.isascii() and text.isdigit() and len(text) < 5 else PAGE
        rows = await self._asked.refused(limit=limit + 1, lang=_lang(request))
        more = min(limit * 4, _REFUSED_MOST) if len(rows) > limit and limit < _REFUSED_MOST else 0
        shown_rows = [(row, said(row["refusal"]) if row["refusal"] else None) for row in rows[:limit]]
        return self._show(request, "refused.html", rows=shown_rows, more=more)

    # ---- one message

    async def message(self, request: Request) -> Response:
        """One message, in the view that tells most unless one is named."""
        id_, view = request.path_params["id"], request.path_params.get("view", "")
        row = await self._asked.message(id_)
        letter = await self._asked.letter(id_) if row is not None else None
        if row is None or letter is None or (view and view not in VIEWS):
            return self._missing(request)
        view = view or _best(letter)
        conversation = await self._asked.conversation(row["session"], _lang(request))
        return await self._viewed(request, row, letter, view, conversation)

    async def _viewed(
        self, request: Request, row: dict[str, Any], letter: Letter, view: str, conversation: dict[str, Any] | None
    ) -> Response:
        framed = await self._asked.framed(letter) if view == "html" else None
        return self._show(
            request,
            "message.html",
            row=row,
            letter=letter,
            view=view,
            views=[each for each in VIEWS if each != "html" or letter.html is not None],
            framed=framed,
            parts=await self._asked.parts(letter) if view == "parts" else (),
            conversation=conversation,
            said=told(conversation) if conversation else (),
            sandbox=markup.SANDBOX,
        )

    # ---- one conversation

    async def session(self, request: Request) -> Response:
        """A conversation, refused or not."""
        conversation = await self._asked.conversation(request.path_params["id"], _lang(request))
        if conversation is None:
            return self._missing(request)
        return self._show(request, "session.html", conversation=conversation, said=told(conversation))

    def _missing(self, request: Request) -> Response:
        return self._show(request, "missing.html", status=404)

    def _show(self, request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
        lang = _lang(request)
        page = self._templates.render(
            f"inbox/{template}",
            lang,
            links=Served(),
            places=Places(lang),
            files=places,
            others=_others(request, lang),
            shown=shown,
            now=self._clock.wall(),
            smtp=self._smtp,
            in_inbox=True,
            noindex=True,
            **context,
        )
        return HTMLResponse(page, status_code=status, headers={"cache-control": "no-store", "x-dns-prefetch-control": "off"})


def _lang(request: Request) -> str:
    path = request.url.path
    return next((lang for lang in LANGUAGES if lang != MAIN and path.startswith(f"/{lang}/")), MAIN)


def _others(request: Request, lang: str) -> Sequence[tuple[str, str]]:
    """The same page in each other language."""
    path = request.url.path.removeprefix(Places(lang).root)
    query = f"?{request.url.query}" if request.url.query else ""
    return [(other, f"{Places(other).root}{path}{query}") for other in LANGUAGES if other != lang]


def _behind(rows: list[dict[str, Any]], cursor: _Cursor | None) -> list[dict[str, Any]]:
    """The rows behind the last one of the page before; it stands among the first."""
    for at, row in enumerate(rows[:2]):
        if cursor is not None and row["id"] == cursor.id_:
            return rows[at + 1 :]
    return rows


def _best(letter: Letter) -> str:
    """The view that shows most of a message."""
    return "html" if letter.html is not None else "text" if letter.texts or letter.top.leaf else "parts"
