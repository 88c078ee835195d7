"""``waypost trace --follow``: conversations as they happen, of every worker, explained. Knows no store: fetches events from the workers."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from waypost.cli import options, output
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.net.control import ControlError, NobodyThereError, ask
from waypost.observe.dialogue import entries
from waypost.observe.events import AttemptBegan, Event, Spoken
from waypost.observe.json_lines import JsonLines
from waypost.observe.live import Live
from waypost.observe.log import wants_colour

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

_KINDS = {kind.__name__: kind for kind in get_args(Event)}
_SECONDS = 60.0
"""Longer than a worker waits for something to tell."""


def follow(args: argparse.Namespace) -> int:
    """Until Ctrl-C, or the end of the server. Raises FailureError, and UsageError for a choice that could never match."""
    wanted = {"client": _client(args.client or ""), "to": _domain(args.to or "")}
    data = options.resolve(args).settings.data
    sockets = sorted((data / "shards").glob("*/control.sock"))
    show = _as_json(args.lang) if args.json else _as_text(args.lang)
    asyncio.run(_all(sockets, wanted, show, data))
    return Exit.OK


def _client(text: str) -> str:
    bare = text.removeprefix("[").removesuffix("]").removeprefix("IPv6:")
    try:
        return str(ip_network(bare, strict=False)) if bare else ""
    except ValueError as fault:
        raise UsageError(f"--client {text}: an IP address, or a network such as 192.0.2.0/24") from fault


def _domain(text: str) -> str:
    """The domain of ``example.org``, ``@example.org`` or ``ada@example.org``, in A-labels."""
    if not text:
        return ""
    from waypost.smtp.errors import AddressError  # noqa: PLC0415 - who follows everything needs it not
    from waypost.smtp.grammar import parse_domain  # noqa: PLC0415 - likewise

    try:
        return parse_domain(text.rpartition("@")[2].removesuffix("."))
    except AddressError as fault:
        raise UsageError(f"--to {text}: {fault}; a domain such as example.org is wanted") from fault


async def _all(sockets: Sequence[Path], wanted: dict[str, str], show: Callable[[dict[str, Any]], None], data: Path) -> None:
    """Follow each worker; the first that cannot be followed ends it all."""
    begun = [(socket, name) for socket in sockets if (name := await _begin(socket, wanted)) is not None]
    if not begun:
        raise FailureError(
            f"no server runs on {data}: `waypost serve` starts one, and `waypost trace ID` shows what is kept", Exit.UNAVAILABLE
        )
    output.error("following what begins from now on; Ctrl-C ends it")
    sys.stderr.flush()
    tasks = [asyncio.ensure_future(_one(socket, name, show)) for socket, name in begun]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _begin(socket: Path, wanted: dict[str, str]) -> str | None:
    """The name under which a worker knows us; None where no worker listens (a shard that another one adopted)."""
    try:
        answer = await ask(socket, "follow", {**wanted}, seconds=_SECONDS)
    except NobodyThereError:
        return None
    except ControlError as error:
        raise FailureError(str(error), Exit.DATA) from error
    return str(answer["follow"])


async def _one(socket: Path, name: str, show: Callable[[dict[str, Any]], None]) -> None:
    while True:
        try:
            answer = await ask(socket, "follow", {"follow": name}, seconds=_SECONDS)
        except (NobodyThereError, TimeoutError) as error:
            raise FailureError("the server went away", Exit.UNAVAILABLE) from error
        except ControlError as error:
            raise FailureError(str(error), Exit.UNAVAILABLE) from error
        for each in answer["events"]:
            show(each)
        sys.stdout.flush()
        if answer["lost"]:
            output.error(f"{answer['lost']} events came faster than they could be shown, and were left out: --client and --to choose")


def _as_text(lang: str) -> Callable[[dict[str, Any]], None]:
    def sink(octets: bytes) -> None:
        sys.stdout.write(octets.decode("utf-8", "replace"))

    colour = output.on_terminal() and wants_colour(1)
    live = Live(sink, colour=colour, width=lambda: shutil.get_terminal_size().columns, look="waypost trace", lang=lang)
    return lambda each: live.tell(_event(each))


def _as_json(lang: str) -> Callable[[dict[str, Any]], None]:
    """One event a line: what was said with its explanation, all else as the log has it (docs/logs.md)."""
    lines = JsonLines()

    def show(each: dict[str, Any]) -> None:
        event = _event(each)
        if isinstance(event, Spoken):
            for row in _said(event, lang):
                print(json.dumps(row, ensure_ascii=False))
        elif isinstance(event, AttemptBegan):
            print(json.dumps(_began(event, each["at"]), ensure_ascii=False))
        else:
            sys.stdout.write(lines.write(event, getattr(event, "severity", "info"), each["at"]).decode())

    return show


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _began(event: AttemptBegan, at: float) -> dict[str, Any]:
    """The heading of an outbound conversation."""
    told = {"session": event.session, "id": event.id, "peer": event.peer, "domain": event.domain, "reused": event.reused}
    return {"ts": _stamp(at), "event": "attempt", **told}


def _said(event: Spoken, lang: str) -> list[dict[str, Any]]:
    return [
        {
            "ts": _stamp(event.at),
            "event": "said",
            "session": event.session,
            "who": str(entry.who),
            "lines": list(entry.lines),
            "code": entry.code or None,
            "key": entry.key or None,
            "explanation": {"title": told.title, "meaning": told.meaning, "fix": told.fix} if (told := entry.gloss) else None,
        }
        for entry in entries(event.octets, from_client=event.from_client, key=event.key, lang=lang)
    ]


def _event(each: dict[str, Any]) -> Event:
    event: Event = msgspec.convert(each["event"], type=_KINDS[each["kind"]])
    return event
