"""What the pages ask of the server behind them, by the operator's verbs. Knows no page; opens no store.

A server that does not answer becomes 503, a message or conversation that is not there None.
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from waypost.mail.identifier import is_identifier
from waypost.operate.verbs import OperatorError
from waypost.web.inbox.letter import Letter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.operate.verbs import Verbs
    from waypost.web.inbox.letter import Listed
    from waypost.web.inbox.markup import Framed

MOST = 64 * 1024 * 1024
"""Octets of a message that are taken apart; its source can be had whole, however large."""
_PATIENCE = 15.0
"""Seconds in which the server must answer."""
_AT_ONCE = 2
"""Messages that are taken apart at the same time."""
_KEPT = 8
"""Messages kept at hand between the views of them."""
_KEPT_OCTETS = 2 * MOST


class Asked:
    """The server behind the pages."""

    def __init__(self, desk: Verbs) -> None:
        self._desk = desk
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._letters: OrderedDict[str, Letter] = OrderedDict()

    async def messages(self, words: Sequence[str], *, limit: int, before: float | None = None) -> list[dict[str, Any]]:
        """Captured messages, newest first. Raises HTTPException, and OperatorError where ``words`` are no filter."""
        args: dict[str, Any] = {"filter": list(words), "limit": limit}
        if before is not None:
            args["before"] = before
        rows = await self._call("inbox.list", args)
        if rows is None:
            raise HTTPException(503, "the mail server does not answer")
        found: list[dict[str, Any]] = rows
        return found

    async def message(self, id_: str) -> dict[str, Any] | None:
        """One row. Raises HTTPException."""
        if not is_identifier(id_):
            return None
        try:
            return next(iter(await self.messages([id_], limit=1)), None)
        except OperatorError as error:
            raise HTTPException(503, "the mail server does not answer") from error

    async def refused(self, *, limit: int, lang: str) -> list[dict[str, Any]]:
        """Sessions that were refused, newest first, each with its reason. Raises HTTPException."""
        rows = await self._call("refused", {"limit": limit, "lang": lang})
        if rows is None:
            raise HTTPException(503, "the mail server does not answer")
        found: list[dict[str, Any]] = rows
        return found

    async def conversation(self, session: str, lang: str) -> dict[str, Any] | None:
        """A conversation, each reply explained. Raises HTTPException."""
        if not is_identifier(session):
            return None
        found: dict[str, Any] | None = await self._call("trace", {"id": session, "lang": lang})
        return found

    async def letter(self, id_: str) -> Letter | None:
        """The message itself, taken apart off the loop. Raises HTTPException."""
        if (kept := self._letters.get(id_)) is not None:
            self._letters.move_to_end(id_)
            return kept
        async with self._turns:
            octets, whole = bytearray(), True
            async for piece in self.source(id_):
                octets += piece
                if len(octets) > MOST:
                    whole = False
                    break
            if not octets:
                return None
            letter = await asyncio.to_thread(_made, bytes(octets[:MOST]), whole=whole)
        self._keep(id_, letter)
        return letter

    async def framed(self, letter: Letter) -> Framed | None:
        """The page of its HTML, made off the loop."""
        async with self._turns:
            return await asyncio.to_thread(lambda: letter.framed)

    async def parts(self, letter: Letter) -> Sequence[Listed]:
        """Its parts, decoded off the loop for their sizes."""
        async with self._turns:
            return await asyncio.to_thread(lambda: letter.parts)

    async def source(self, id_: str) -> AsyncIterator[bytes]:
        """The octets of a message, piece by piece; none where it is not there. Raises HTTPException."""
        offset = 0
        while packed := await self._call("inbox.source", {"id": id_, "offset": offset}):
            piece = base64.b64decode(packed)
            offset += len(piece)
            yield piece

    def _keep(self, id_: str, letter: Letter) -> None:
        self._letters[id_] = letter
        while len(self._letters) > _KEPT or sum(len(each.octets) for each in self._letters.values()) > _KEPT_OCTETS:
            self._letters.popitem(last=False)

    async def _call(self, verb: str, args: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._desk.call(verb, args)
        except (OSError, TimeoutError) as error:
            raise HTTPException(503, "the mail server does not answer") from error
        except OperatorError as error:
            if verb == "inbox.list":  # the words of a search may be none
                raise
            raise HTTPException(503, "the mail server does not answer") from error


def _made(octets: bytes, *, whole: bool) -> Letter:
    """The message with what its page always asks for, so that no page waits for it on the loop."""
    letter = Letter(octets, whole=whole)
    _ = letter.texts, letter.fields, letter.source
    return letter


__all__ = ["MOST", "Asked", "OperatorError"]
