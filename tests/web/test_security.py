"""What every request must pass and every answer carries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from support.asking import get, post
from waypost.web import security
from waypost.web.security import BODY, Hosts, is_loopback, name_of

if TYPE_CHECKING:
    from conftest import Desk

LOOPBACK = ("127.0.0.1", "127.0.0.1:8025", "localhost:8025", "LOCALHOST", "[::1]:8025", "127.9.9.9", "mail.localhost")
FOREIGN = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8025", "169.254.169.254", "0.0.0.0", "[fe80::1]")  # noqa: S104 - a name in a request, not bound
BROKEN = (
    "",
    " ",
    "127.0.0.1:8025/",
    "a b",
    "127.0.0.1, evil.example",
    "127.0.0.1@evil.example",
    "[::1",
    "127.0.0.1:99999",
    "\u0131",
    "x" * 300,
)


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_names_are_answered(own: Any, host: str) -> None:
    """A request that names this machine's loopback is answered, with or without a port."""
    assert get(own, "/codes/550", host=host).status == 200


@pytest.mark.parametrize("host", [*FOREIGN, *BROKEN[:8]])
def test_other_names_are_refused(own: Any, host: str) -> None:
    """DNS rebinding ends here: a request for a name that nobody listed is refused before any route sees it."""
    answer = get(own, "/codes/550", host=host)

    assert answer.status == 421
    assert "550" not in answer.text


@pytest.mark.parametrize("host", BROKEN)
def test_what_is_no_host_has_no_name(host: str) -> None:
    """Whatever is no host with an optional port has no name, and so is nobody's, even where every name is served."""
    assert name_of(host) == ""
    assert not Hosts(anyone=True).admits(host)


def test_two_host_fields_are_refused(own: Any) -> None:
    """Two Host fields are an attempt to be judged by one and served by the other (9110#7.2)."""
    assert get(own, "/codes/550", fields=[("host", "127.0.0.1")]).status == 421


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("127.1", False), ("example.org", False), ("", False), ("10.0.0.1", False)],
)
def test_loopback(name: str, *, expected: bool) -> None:
    """Only names that can mean nothing but this machine are taken for it."""
    assert expected == is_loopback(name)


def test_a_proxy_shows_no_inbox(own: Any, desk: Desk) -> None:
    """A visitor who comes by a public name, or through a proxy whatever it names, is never shown mail."""
    assert get(own, "/", host="codes.example.org").fields["location"] == "/codes/"
    for field in ("x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"):
        assert get(own, "/", fields=[(field, "203.0.113.7")]).status == 302
    assert desk.asked == []
    assert get(own, "/").status == 200
    assert desk.asked == ["inbox.list"]


def test_without_a_desk_there_is_no_inbox(public: Any) -> None:
    """An application that was given no desk has no route that asks for mail, whoever asks."""
    assert get(public, "/").fields["location"] == "/codes/"
    assert not [path for path in get(public, "/api/openapi.json").json["paths"] if not path.startswith("/codes/")]


@pytest.mark.parametrize("path", ["/codes/550", "/codes/550.json", "/codes/nope", "/static/site.css", "/livez", "/robots.txt"])
def test_every_answer_carries_the_headers(public: Any, path: str) -> None:
    """Policy, sniffing, framing and referrer are ruled in each answer, good or bad; no version is told."""
    fields = get(public, path).fields

    assert "default-src 'none'" in fields["content-security-policy"]
    assert "unsafe" not in fields["content-security-policy"]
    assert "frame-ancestors 'none'" in fields["content-security-policy"]
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["x-frame-options"] == "DENY"
    assert "server" not in fields


def test_pages_of_others_cannot_post(own: Any) -> None:
    """What changes or costs something is refused when a page of another site asks for it; programs and our own pages may."""
    form = {"text": "550"}

    for fields in ([("origin", "http://evil.example")], [("origin", "null")], [("sec-fetch-site", "cross-site")]):
        assert post(own, "/codes/explain", form, fields=fields).status == 403
    for fields in ([], [("origin", "http://127.0.0.1:8025")], [("sec-fetch-site", "same-origin")]):
        assert post(own, "/codes/explain", form, fields=fields).status == 200


def test_a_body_is_bounded_by_what_it_says(own: Any) -> None:
    """A body that says that it is too large is refused unread."""
    assert post(own, "/codes/explain", b"", fields=[("content-length", str(BODY + 1))]).status == 413


@pytest.mark.parametrize("path", ["/codes/explain", "/codes/explain.json"])
def test_a_body_is_bounded_by_what_comes(own: Any, path: str) -> None:
    """A body that says nothing of its size is cut off where it becomes too large."""
    form = [("content-type", "application/x-www-form-urlencoded")]

    assert post(own, path, [b"x" * 65_536] * 17, fields=form).status == 413


def test_a_body_must_come_in_time(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that dawdles is given up."""
    monkeypatch.setattr(security, "BODY_SECONDS", 0.01)

    async def ask() -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.005)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        fields = [(b"host", b"localhost"), (b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": "POST", "path": "/codes/explain", "query_string": b"", "headers": fields, "scheme": "http"}
        await own({**scope, "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "root_path": ""}, receive, send)
        return told

    assert asyncio.run(ask())[0]["status"] == 408


def test_there_are_no_websockets(public: Any) -> None:
    """A WebSocket is refused at once: no other site's page can open one."""
    told: list[dict[str, Any]] = []

    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await public({"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}, receive, send)

    asyncio.run(ask())

    assert [message["type"] for message in told] == ["websocket.close"]


def test_a_fault_tells_nothing(own: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is a page that says so, and shows nothing of what went wrong."""

    async def broken(verb: str, args: dict[str, Any]) -> Any:
        raise RuntimeError("/var/lib/secret")

    monkeypatch.setattr(desk, "call", broken)
    shown: list[bytes] = []
    with pytest.raises(RuntimeError, match="secret"):  # the server is told, and logs it
        asyncio.run(_raising(own, shown))

    assert b"could not be answered" in b"".join(shown)
    assert b"secret" not in b"".join(shown)


async def _raising(app: Any, shown: list[bytes]) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        shown.append(message.get("body", b""))

    fields = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": fields, "scheme": "http", "http_version": "1.1"}
    await app({**scope, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "root_path": ""}, receive, send)
