"""What is no page of ours: a message's HTML for its frame, its source, its parts and pictures. Each with a policy of its own.

Nothing of it may act in our name: HTML comes sandboxed, everything else as a file to be saved or as a picture of a type that was looked at.
RFC 6266 (names of files), RFC 9110 section 8.3.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response, StreamingResponse

from waypost.web.inbox import markup
from waypost.web.inbox.asking import MOST

if TYPE_CHECKING:
    from starlette.requests import Request

    from waypost.web.inbox.asking import Asked
    from waypost.web.inbox.letter import Letter
    from waypost.web.inbox.mime import Part

_DEAD = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The policy of a file: opened as a page it can do nothing."""


class Files:
    """The files, each as a route."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    async def frame(self, request: Request) -> Response:
        """The HTML, made harmless."""
        framed = await self._asked.framed(await self._letter(request))
        if framed is None:
            raise HTTPException(404)
        headers = {
            "content-security-policy": markup.POLICY,
            "x-frame-options": "SAMEORIGIN",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-dns-prefetch-control": "off",
        }
        return HTMLResponse(framed.page, headers=headers)

    async def raw(self, request: Request) -> Response:
        """The message, octet for octet, however large."""
        id_ = request.path_params["id"]
        if await self._asked.message(id_) is None:
            raise HTTPException(404)
        return StreamingResponse(self._asked.source(id_), media_type="message/rfc822", headers=_saved(f"{id_}.eml"))

    async def part(self, request: Request) -> Response:
        """One part, decoded, to be saved; its declared type is not believed."""
        letter, part = await self._part(request)
        octets = await asyncio.to_thread(letter.decoded, part, MOST)
        return Response(octets, media_type="application/octet-stream", headers=_saved(part.name or f"part-{part.number}.bin"))

    async def picture(self, request: Request) -> Response:
        """One part that is a picture by its first octets."""
        letter, part = await self._part(request)
        octets = await asyncio.to_thread(letter.decoded, part)
        kind = markup.type_of(octets)
        if kind is None:
            raise HTTPException(404)
        return Response(octets, media_type=kind, headers={"content-security-policy": _DEAD, "cache-control": "no-store"})

    async def _letter(self, request: Request) -> Letter:
        """The message that is meant. Raises HTTPException."""
        id_ = request.path_params["id"]
        row = await self._asked.message(id_)
        letter = await self._asked.letter(id_) if row is not None else None
        if letter is None:
            raise HTTPException(404)
        return letter

    async def _part(self, request: Request) -> tuple[Letter, Part]:
        letter = await self._letter(request)
        text = request.path_params["number"]
        part = letter.part(int(text)) if text.isascii() and text.isdigit() and len(text) <= 3 else None
        if part is None:
            raise HTTPException(404)
        return letter, part


def _saved(name: str) -> dict[str, str]:
    """Headers of what is saved under ``name``, never opened in its place."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_. ()+,") else "_" for letter in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return {"content-disposition": disposition, "content-security-policy": _DEAD, "cache-control": "no-store"}
