"""Asking an ASGI application without a socket: a request in, status, headers and body out. Knows no application."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON values."""
        return json.loads(self.body)


def get(app: Any, path: str, *, host: str = "127.0.0.1:8025", fields: Sequence[tuple[str, str]] = (), method: str = "GET") -> Answer:
    """GET ``path``, which may carry a query."""
    return asyncio.run(_ask(app, method, path, [("host", host), *fields], [b""]))


def post(
    app: Any,
    path: str,
    body: bytes | Mapping[str, str] | Sequence[bytes],
    *,
    host: str = "127.0.0.1:8025",
    fields: Sequence[tuple[str, str]] = (),
) -> Answer:
    """POST octets, the fields of a form, or pieces that come one by one."""
    more = list(fields)
    if isinstance(body, bytes):
        pieces = [body]
    elif isinstance(body, (list, tuple)):
        pieces = list(body)
    else:
        pieces = [urlencode(dict(body)).encode()]
        more.append(("content-type", "application/x-www-form-urlencoded"))
    return asyncio.run(_ask(app, "POST", path, [("host", host), *more], pieces))


async def _ask(app: Any, method: str, path: str, fields: Sequence[tuple[str, str]], pieces: list[bytes]) -> Answer:
    where, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": where,
        "raw_path": where.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in fields],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8025),
    }
    waiting = list(pieces)
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(3600)
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    start = next(message for message in told if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in told if message["type"] == "http.response.body")
    return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body)
