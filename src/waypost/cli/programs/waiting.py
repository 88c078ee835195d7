"""The queue in the terms of Postfix's tools: queue names, rows, and what lies in the drop folder too. Knows no store: asks ``operate``."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from waypost.accept.dropped import FOLDER, BrokenError, opened
from waypost.cli import options
from waypost.cli.desk import open_desk
from waypost.mail.identifier import is_identifier

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from pathlib import Path

STATES = {"hold": "held", "incoming": "queued", "active": "leased", "deferred": "deferred"}
"""Postfix's queues, and the state of a recipient that each is for."""
_WAITING = frozenset(STATES.values())


def rows(where: Namespace) -> Iterator[dict[str, Any]]:
    """Every message that waits, oldest first, as ``postqueue -j`` prints it; then what no server has taken yet."""
    with open_desk(where) as desk:
        for page in desk.pages("queue.list", filter=[]):
            for row in page["rows"]:
                yield _row(row)
    yield from _dropped(options.resolve(where).settings.data / FOLDER)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    waiting = [one for one in row["recipients"] if one["state"] in _WAITING]
    return {
        "queue_name": _queue({one["state"] for one in waiting}),
        "queue_id": row["id"],
        "arrival_time": int(row["arrived"]),
        "message_size": row["size"],
        "forced_expire": False,
        "sender": "MAILER-DAEMON" if row["from"] == "<>" else row["from"],
        "recipients": [_recipient(one) for one in waiting],
    }


def _queue(states: set[str]) -> str:
    """The queue of a message whose recipients are in ``states``: held only if nothing else of it moves."""
    for name in ("active", "incoming", "deferred", "hold"):
        if STATES[name] in states:
            return name
    return "active"


def _recipient(one: dict[str, Any]) -> dict[str, str]:
    reason = one["reply"] or one["detail"] or ""
    return {"address": one["address"], **({"delay_reason": reason} if reason else {})}


def _dropped(folder: Path) -> Iterator[dict[str, Any]]:
    """What lies in the drop folder, for whoever may read there."""
    try:
        names = sorted(path.name for path in folder.iterdir() if is_identifier(path.name))
    except OSError:
        return
    for name in names:
        with contextlib.suppress(BrokenError, OSError):  # taken meanwhile, or none of ours: the server tells of that
            waiting = opened(folder / name)
            try:
                found = os.fstat(waiting.descriptor)
            finally:
                os.close(waiting.descriptor)
            yield {
                "queue_name": "maildrop",
                "queue_id": name,
                "arrival_time": int(found.st_mtime),
                "message_size": found.st_size,
                "forced_expire": False,
                "sender": waiting.envelope.sender or "MAILER-DAEMON",
                "recipients": [{"address": address} for address in waiting.envelope.recipients],
            }
