"""What the tests of check pages share: how they ask, and a mail server whose words are hostile."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.checked_pages import Stage


NO_FOLLOWING = urllib.request.build_opener(type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}))


@dataclass
class Answer:
    """What came back."""

    status: int
    fields: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(stage: Stage, path: str, form: Mapping[str, str] | None = None, *, octets: bytes | None = None, **fields: str) -> Answer:
    """A request; ``form`` or ``octets`` make it POST."""
    body = octets if octets is not None else urlencode(form).encode() if form is not None else None
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{stage.port}{path}", data=body, headers=headers)
    try:
        with NO_FOLLOWING.open(request, timeout=20) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {name.lower(): value for name, value in error.headers.items()}, error.read().decode())


def call(stage: Stage, **body: Any) -> Answer:
    return ask(stage, "/api/check", octets=json.dumps(body).encode(), content_type="application/json")
