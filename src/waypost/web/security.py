"""What every request must pass and every answer carries: hosts, origins, sizes, times, headers. Knows no page.

Plain ASGI, outside of all routes, so that no route can be forgotten. RFC 9110 section 7.2 (Host), RFC 6454 section 7 (Origin).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 1 << 20
"""Octets of a request's body at most."""
BODY_SECONDS = 30.0
"""Seconds in which a body must have come whole."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of our pages: nothing inline, nothing from elsewhere. An answer may carry a narrower one of its own."""
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # "no-referrer" would make browsers hide the origin of our own forms
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""Each is added where the answer does not carry it already."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
"""What a proxy adds: whoever speaks through one is not at this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Which names a request may give in its Host field."""

    names: frozenset[str] = frozenset()
    """Besides those of this machine's loopback."""
    anyone: bool = False
    """Whether any name will do: of a public bind that serves the reference alone."""

    def admits(self, host: str) -> bool:
        """Whether a request for ``host`` is answered."""
        name = name_of(host)
        return bool(name) and (self.anyone or is_loopback(name) or name in self.names)


def name_of(host: str) -> str:
    """The name in a Host field, without port, in lower case; empty for what is none."""
    if not host or len(host) > 260 or not host.isascii() or not host.isprintable() or set(host) & set(" /\\@?#,%<>\"'"):
        return ""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether ``name`` (of ``name_of``) can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):  # 6761#6.3
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_local(scope: Scope) -> bool:
    """Whether the request was made at this machine for this machine: a loopback name, and no proxy between."""
    if any(name in _PASSED_ON for name, _ in scope["headers"]):
        return False
    return is_loopback(name_of(_header(scope, b"host")))


def is_at_home(scope: Scope) -> bool:
    """Whether whoever asks sits at this machine: a request as ``is_local``, over loopback; a name in it alone proves nothing."""
    client = scope.get("client")
    return is_local(scope) and client is not None and is_loopback(str(client[0]))


class RefusedError(Exception):
    """A request that no route sees; status and one sentence."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status


class Guard:
    """Wraps an application: refuses what must not reach it, and adds the headers."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def tell(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": _with_headers(list(message.get("headers", ())))}
            await send(message)

        try:
            self._demand(scope)
            await self._app(scope, _Bounded(receive), tell)
        except RefusedError as refused:
            if started:
                raise
            await _say(tell, refused.status, str(refused))

    def _demand(self, scope: Scope) -> None:
        """Raise RefusedError."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._hosts.admits(hosts[0].decode("latin-1")):
            raise RefusedError(421, "This server does not answer for that host name. (The setting web.hosts lists further ones.)")
        if scope["method"] not in _SAFE and not own_origin(scope):
            raise RefusedError(403, "The request comes from a page of another site.")
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > BODY:
            raise RefusedError(413, f"The body is larger than {BODY} octets.")


class _Bounded:
    """Passes a body on while it is within size and time; both hold for the whole of it, not for each piece."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._octets = 0
        self._until: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        """The next piece. Raises RefusedError."""
        if self._whole:
            return await self._receive()  # what follows is the disconnect, which may take as long as it likes
        loop = asyncio.get_running_loop()
        if self._until is None:
            self._until = loop.time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise RefusedError(408, "The body did not come in time.") from None
        self._octets += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._octets > BODY:
            raise RefusedError(413, f"The body is larger than {BODY} octets.")
        return message


def own_origin(scope: Scope) -> bool:
    """Whether what changes something comes from a page of ours, or from no page at all (a program that sends no Origin)."""
    if _header(scope, b"sec-fetch-site") not in ("", "same-origin", "none"):
        return False
    origin = _header(scope, b"origin")
    return not origin or urlsplit(origin).netloc.lower() == _header(scope, b"host").lower()


def embedded_elsewhere(scope: Scope) -> bool:
    """Whether another site's page wants something of ours within itself; a link there that somebody follows is welcome."""
    site, mode, goal = (_header(scope, b"sec-fetch-" + name) for name in (b"site", b"mode", b"dest"))
    return site in ("cross-site", "same-site") and not (mode == "navigate" and goal == "document")


def client_of(scope: Scope, *, behind_proxy: bool) -> str:
    """The address of whoever asks, for limits and the log.

    ``behind_proxy``: a proxy on this machine adds its visitor's address to X-Forwarded-For, and what stands last there is its own word;
    what stands before it is the visitor's, who may write anything.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    if not behind_proxy or not is_loopback(peer):
        return peer
    passed = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    last = passed[-1].rpartition(",")[2].strip() if passed else ""
    try:
        return str(ip_address(last))
    except ValueError:
        return peer


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


def _with_headers(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in given}
    return [*given, *(header for header in HEADERS if header[0] not in there)]


async def _say(send: Send, status: int, says: str) -> None:
    """A refusal in plain text; the connection closes, for a body may still be on its way."""
    octets = f"{says}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(octets)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": octets})
