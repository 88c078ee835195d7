"""The operator's verbs over the stores of one process; each verb once. Knows no terminal and no socket.

``call(verb, args)`` takes and gives plain JSON values: the control socket carries them as they are.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from waypost.history.render import render
from waypost.mail.header import end_of_header
from waypost.operate import rows
from waypost.operate.failing import Voice, failure_notices
from waypost.operate.filters import FilterError, inbox_search, queue_filter, words
from waypost.operate.joining import first, join
from waypost.operate.paging import in_turn, merged
from waypost.operate.refusals import refusal
from waypost.operate.verbs import OperatorError
from waypost.spool.schedule import plan
from waypost.spool.spool import Change, Filter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from waypost.clock import Clock
    from waypost.history.transcript import History, Transcript
    from waypost.inbox.inbox import Inbox, Search
    from waypost.mail.content import Content
    from waypost.spool.settings import QueueSettings
    from waypost.spool.spool import Found, Notice, Spool, Standing

Item = TypeVar("Item")
_AT_ONCE = 200
"""Rows that are made in one turn of the loop: about a millisecond."""
SHOWN = 4_194_304
"""Octets of a captured message's content that one answer carries; ``inbox.source`` gives the rest, piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What one shard keeps."""

    spool: Spool
    inbox: Inbox
    history: History


class Operator:
    """The verbs, over every shard that this process owns."""

    def __init__(self, stores: Sequence[Stores], *, queue: QueueSettings, voice: Voice, clock: Clock) -> None:
        self._stores = tuple(stores)
        self._queue = queue
        self._voice = voice
        self._clock = clock
        self._verbs: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "queue.list": self._queue_list,
            "queue.show": self._queue_show,
            "queue.source": self._queue_source,
            "queue.alter": self._queue_alter,
            "inbox.list": self._inbox_list,
            "inbox.show": self._inbox_show,
            "inbox.source": self._inbox_source,
            "inbox.wait": self._inbox_wait,
            "inbox.delete": self._inbox_delete,
            "trace": self._trace,
            "refused": self._refused,
        }

    def apply(self, *, queue: QueueSettings, voice: Voice) -> None:
        """New settings, from now on."""
        self._queue, self._voice = queue, voice

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Do ``verb``. Raises OperatorError."""
        if verb not in self._verbs:
            raise OperatorError(f"{verb!r} is no verb of this server")
        try:
            return await self._verbs[verb](args)
        except FilterError as error:
            raise OperatorError(str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise OperatorError(f"{verb} was asked wrongly: {error!r}") from error

    # ---- queue

    async def _queue_list(self, args: dict[str, Any]) -> dict[str, Any]:
        return await merged([partial(self._page, stores.spool) for stores in self._stores], args)

    async def _page(self, spool: Spool, args: dict[str, Any]) -> dict[str, Any]:
        wanted = queue_filter(words(args["filter"]), now=self._clock.wall(), limit=args.get("limit"))
        sight = await spool.look(wanted, after=str(args.get("after") or ""))
        return {"rows": [rows.brief(found) for found in sight.found], "after": sight.after}

    async def _queue_show(self, args: dict[str, Any]) -> dict[str, Any] | None:
        wanted = Filter(ids=frozenset({str(args["id"]).upper()}))
        for stores in self._stores:
            for found in await stores.spool.find(wanted):
                return self._whole(found, args.get("lang", "en"))
        return None

    def _whole(self, found: Found, lang: str) -> dict[str, Any]:
        envelope = found.envelope
        waiting = [one for one in found.recipients if one.next_attempt is not None]
        first = min(waiting, key=lambda one: one.next_attempt or 0.0, default=None)
        null_path = envelope.reverse_path is None
        lifetime = self._queue.notice_lifetime if null_path else self._queue.lifetime
        upcoming = (
            plan(
                self._queue,
                attempts=first.attempts,
                arrived=envelope.arrived,
                next_at=first.next_attempt or self._clock.wall(),
                null_path=null_path,
            )
            if first
            else []
        )
        return rows.whole(found, self._queue, upcoming=upcoming, expires=envelope.arrived + lifetime, lang=lang)

    async def _queue_source(self, args: dict[str, Any]) -> str | None:
        """As ``inbox.source``, of a message that waits."""
        wanted = Filter(ids=frozenset({str(args["id"]).upper()}))
        for stores in self._stores:
            for found in await stores.spool.find(wanted):
                piece = await _piece(found.content, int(args.get("offset", 0)))
                return base64.b64encode(piece).decode("ascii")
        return None

    async def _queue_alter(self, args: dict[str, Any]) -> dict[str, Any]:
        said = words(args["filter"])
        if said.empty:
            raise OperatorError("say which messages: queue ids, from:..., to:..., state:..., older:..., or all")
        page: dict[str, Any] = await in_turn([partial(self._alter, stores.spool) for stores in self._stores], args)
        return page

    async def _alter(self, spool: Spool, args: dict[str, Any]) -> dict[str, Any]:
        change = Change(args["change"])
        altered = await spool.alter(
            queue_filter(words(args["filter"]), now=self._clock.wall()),
            change,
            after=args["after"],
            telling=self._tell if change is Change.FAIL else None,
            dry_run=bool(args.get("dry_run")),
        )
        return {"changed": altered.messages, "busy": altered.busy, "after": altered.after}

    async def _tell(self, found: Found, failing: Sequence[Standing]) -> Sequence[Notice]:
        return await failure_notices(found, failing, self._voice, now=self._clock.wall())

    # ---- inbox

    async def _inbox_list(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        said = inbox_search(words(args["filter"]), now=self._clock.wall(), limit=args.get("limit"))
        wanted = _between(said, args)
        found = [await _rows(rows.captured, await stores.inbox.list(wanted)) for stores in self._stores]
        return list(join("inbox.list", found, limit=wanted.limit))

    async def _inbox_show(self, args: dict[str, Any]) -> dict[str, Any] | None:
        for stores in self._stores:
            opened = await stores.inbox.open(str(args["id"]).upper())
            if opened is not None:
                message, content = opened
                octets = await _piece(content, 0)
                return {
                    **rows.captured(message),
                    "headers": octets[: max(end_of_header(octets), 0)].decode("utf-8", "replace"),
                    "source": base64.b64encode(octets).decode("ascii"),
                    "whole": len(octets) == content.size,
                    "conversation": await self._conversation(message.envelope.origin.session, args.get("lang", "en")),
                }
        return None

    async def _inbox_source(self, args: dict[str, Any]) -> str | None:
        """The octets of a message from ``offset`` on, at most ``SHOWN``, in base64; None when it is not there."""
        for stores in self._stores:
            opened = await stores.inbox.open(str(args["id"]).upper())
            if opened is not None:
                piece = await _piece(opened[1], int(args.get("offset", 0)))
                return base64.b64encode(piece).decode("ascii")
        return None

    async def _inbox_wait(self, args: dict[str, Any]) -> dict[str, Any] | None:
        wanted = _between(inbox_search(words(args["filter"]), now=self._clock.wall()), args)
        came = await first([stores.inbox.wait(wanted, seconds=float(args["seconds"])) for stores in self._stores])
        return rows.captured(came) if came is not None else None

    async def _inbox_delete(self, args: dict[str, Any]) -> dict[str, int]:
        said = words(args["filter"])
        if said.empty:
            raise OperatorError("say which messages: ids, from:..., to:..., subject:..., newer:..., or all")
        wanted = inbox_search(said, now=self._clock.wall())
        return {"deleted": sum([await stores.inbox.delete(wanted) for stores in self._stores])}

    # ---- history

    async def _trace(self, args: dict[str, Any]) -> dict[str, Any] | None:
        return await self._conversation(await self._session_of(str(args["id"]).upper()), args.get("lang", "en"))

    async def _session_of(self, id_: str) -> str:
        """The conversation that ``id_`` means: a session's id, or that of a message in the queue or the inbox."""
        for stores in self._stores:
            for found in await stores.spool.find(Filter(ids=frozenset({id_}))):
                return found.envelope.origin.session
            opened = await stores.inbox.open(id_)
            if opened is not None:
                return opened[0].envelope.origin.session
        return id_

    async def _refused(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        limit = int(args.get("limit") or 50)
        found = [one for stores in self._stores for one in await stores.history.recent(refused=True, limit=limit)]
        found.sort(key=lambda one: one.began, reverse=True)
        if "lang" not in args:
            return [_summary(one) for one in found[:limit]]
        told = []
        for one in found[:limit]:
            told.append({**_summary(one), "refusal": refusal(one, args["lang"])})
            await asyncio.sleep(0)  # a long conversation takes milliseconds
        return told

    async def _conversation(self, session: str, lang: str) -> dict[str, Any] | None:
        for stores in self._stores:
            transcript = await stores.history.read(session)
            if transcript is not None:
                return {
                    **_summary(transcript),
                    "lines": [rows.entry(one) for one in render(transcript, lang)],
                    "omitted": transcript.omitted,
                }
        return None


def _between(wanted: Search, args: dict[str, Any]) -> Search:
    """``wanted`` within exact moments (wall-clock seconds), for whoever turns pages or asks for what is new."""
    after, before = args.get("after"), args.get("before")
    later = wanted.after if after is None else max(float(after), wanted.after or 0.0)
    return replace(wanted, after=later, before=None if before is None else float(before))


async def _rows(make: Callable[[Item], dict[str, Any]], items: Sequence[Item]) -> list[dict[str, Any]]:
    """A row of each; a queue of a million must not hold up the sessions of the same loop."""
    made: list[dict[str, Any]] = []
    for number, item in enumerate(items, 1):
        made.append(make(item))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return made


async def _piece(content: Content, offset: int) -> bytes:
    """Up to ``SHOWN`` octets of ``content`` from ``offset`` on."""
    if content.octets is not None:
        return content.octets[offset : offset + SHOWN]
    gathered, skip = bytearray(), offset
    async for chunk in content.chunks():
        gathered += chunk[skip:]
        skip = max(0, skip - len(chunk))
        if len(gathered) >= SHOWN:
            break
    return bytes(gathered[:SHOWN])


def _summary(transcript: Transcript) -> dict[str, Any]:
    return {
        "session": transcript.session,
        "began": transcript.began,
        "outbound": transcript.outbound,
        "peer": transcript.peer,
        "helo": rows.shown(transcript.helo),
        "tls": transcript.tls,
        "account": rows.shown(transcript.account),
        "messages": list(transcript.messages),
        "refused": transcript.refused,
    }
