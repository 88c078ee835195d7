"""``waypost queue``: what waits, why, and what to do about it. Knows no store: asks ``operate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.cli import options, output
from waypost.cli.desk import check_filter, open_desk
from waypost.cli.exits import Exit, FailureError
from waypost.cli.phrases import age, age_cell, moment, octets, size_cell, span, span_cell
from waypost.cli.tables import Cell, Column
from waypost.mail.identifier import is_identifier
from waypost.operate.filters import queue_filter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

HELP = "list, show and change the messages that wait"
CHANGES = {
    "hold": "stop attempts until released",
    "release": "let held messages go on",
    "retry": "attempt now instead of later",
    "fail": "give up, and tell the senders",
    "delete": "remove without telling anybody",
}
_FILTER = "queue ids, from:ADDRESS, from:@DOMAIN, to:..., state:queued|deferred|held|leased, older:2h, newer:30m, all"
_PAST = {"hold": "held", "release": "released", "retry": "set to be tried now", "fail": "failed", "delete": "deleted"}
_WELL = frozenset({"delivered", "relayed"})
"""States that need no explanation."""
_OVER = _WELL | {"failed"}
"""States of recipients that wait for nothing."""
_STYLES = {
    "queued": output.CYAN,
    "leased": output.CYAN,
    "deferred": output.YELLOW,
    "held": output.YELLOW,
    "failed": output.RED,
    "delivered": output.GREEN,
    "relayed": output.GREEN,
}
_COLUMNS = (
    Column("ID"),
    Column("AGE", right=True),
    Column("SIZE", right=True, leave=1),
    Column("FROM", least=16, leave=2),
    Column("TO", least=16),
    Column("STATE"),
    Column("NEXT", leave=3),
    Column("LAST ANSWER", least=16, leave=4),
)


def configure(parser: options.Parser) -> None:
    """Declare the sub-commands."""
    verbs = options.Verbs(parser)
    listing = verbs.add("list", "what waits, one message after the other", "What waits, oldest first; one line for each recipient.")
    listing.add_argument("filter", nargs="*", metavar="FILTER", help=_FILTER)
    options.add_limit(listing, "messages")
    showing = verbs.add("show", "one message: why it waits, its last reply explained, its next attempts")
    showing.add_argument("id", metavar="ID", help="its queue id")
    options.add_language(showing)
    planning = verbs.add("plan", "the next attempts of one message, and when it is given up")
    planning.add_argument("id", metavar="ID", help="its queue id")
    for name, says in CHANGES.items():
        change = verbs.add(name, says)
        change.add_argument("filter", nargs="+", metavar="FILTER", help=_FILTER)
        change.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    for verb in verbs.parsers:
        options.add_json_option(verb)
        options.add_data_options(verb)


def run(args: argparse.Namespace) -> int:
    """Do the verb."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {"list": _list, "show": _show, "plan": _plan}
    return verbs.get(args.verb, _change)(args)


def _list(args: argparse.Namespace) -> int:
    check_filter(args.filter, queue_filter)
    with open_desk(args) as desk:
        asked = desk.pages("queue.list", filter=args.filter, limit=output.screenful(args.limit, json=args.json))
        pages = (page["rows"] for page in asked)
        if args.json:
            output.json_list(output.cut_parts(pages, args.limit) if args.limit else pages)
            return Exit.OK
        parts = (_cells(rows) for rows in output.cut_parts(pages, args.limit))
        output.table_in_parts(_COLUMNS, parts, empty="No such message waits." if args.filter else "The queue is empty.", group=4)
    return Exit.OK


def _cells(rows: Sequence[dict[str, Any]]) -> list[Sequence[object]]:
    """A line for each recipient that waits."""
    return [
        (
            row["id"],
            age_cell(row["arrived"]),
            size_cell(row["size"]),
            row["from"],
            one["address"],
            Cell(one["state"], style=_STYLES.get(one["state"], "")),
            _when(one),
            one["reply"] or one["detail"] or "",
        )
        for row in rows
        for one in row["recipients"]
        if one["state"] not in _OVER
    ]


def _when(one: dict[str, Any]) -> Cell:
    if one["next_attempt"] is not None:
        return span_cell(one["next_attempt"])
    return Cell({"queued": "now", "leased": "now"}.get(one["state"], "-"))


def _found(args: argparse.Namespace) -> dict[str, Any] | None:
    with open_desk(args) as desk:
        row: dict[str, Any] | None = desk.call("queue.show", id=args.id, lang=getattr(args, "lang", "en"))
    if row is None:
        output.error(f"no message {args.id} waits: it was delivered, given up or never here; `waypost queue list` shows what waits")
    return row


def _show(args: argparse.Namespace) -> int:
    row = _found(args)
    if row is None:
        return Exit.NOT_FOUND
    if args.json:
        output.json_out(row)
        return Exit.OK
    output.title(f"Message {row['id']}")
    client = f"{row['helo']} [{row['client']}]" if row["client"] else "this server"
    output.pairs(
        [
            ("arrived", f"{moment(row['arrived'])}, {age(row['arrived'])} ago, from {client} by {row['protocol'] or 'itself'}"),
            ("sender", row["from"]),
            ("size", octets(row["size"])),
            ("account", row["account"]),
            ("given up", f"{moment(row['expires'])}, {span(row['expires'])}"),
        ]
    )
    for one in row["recipients"]:
        _recipient(one)
    if row["plan"]:
        print()
    _upcoming(row)
    return Exit.OK


def _recipient(one: dict[str, Any]) -> None:
    output.section(f"To {one['address']}: {one['state']}", f"{output.BOLD};{_STYLES.get(one['state'], output.BOLD)}")
    said = {} if one["state"] in _WELL else one["explanation"] or {}
    tried = one["attempts"] and one["last_attempt"] is not None
    next_try = f"{moment(one['next_attempt'])}, {span(one['next_attempt'])}" if one["next_attempt"] is not None else ""
    output.pairs(
        [
            ("why", one["why"]),
            ("last attempt", f"number {one['attempts']}, {moment(one['last_attempt'])}" if tried else ""),
            ("next hop", (one["next_hop"] or "") if tried else ""),
            ("it said", one["reply"] or ""),
            ("what happened", "" if one["reply"] else one["detail"] or ""),
            ("that means", f"{said['title']}: {said['meaning']}" if said else ""),
            ("what to do", said.get("fix", "")),
            ("next attempt", next_try),
            ("by the rule", one["rule"] or ""),
        ]
    )


def _upcoming(row: dict[str, Any]) -> None:
    if not row["plan"]:
        return
    output.title("Next attempts, should each fail")
    output.pairs([(f"{number:2}", f"{moment(when)}, {span(when)}") for number, when in enumerate(row["plan"], 1)])


def _plan(args: argparse.Namespace) -> int:
    row = _found(args)
    if row is None:
        return Exit.NOT_FOUND
    if args.json:
        output.json_out({"id": row["id"], "plan": row["plan"], "expires": row["expires"]})
        return Exit.OK
    _upcoming(row)
    if not row["plan"]:
        output.line("No attempt is planned: it is held, or being attempted this moment.")
    output.pairs([("given up", f"{moment(row['expires'])}, {span(row['expires'])}")])
    return Exit.OK


def _change(args: argparse.Namespace) -> int:
    check_filter(args.filter, queue_filter)
    done = _altered(args)
    if args.json:
        output.json_out(done)
    elif done["changed"]:
        many = len(done["changed"])
        would = "would be" if args.dry_run else "was" if many == 1 else "were"
        output.line(f"{many} message{'' if many == 1 else 's'} {would} {_PAST[args.verb]}.")
        for id_ in done["changed"]:
            output.line(f"  {id_}")
    for id_ in done["busy"]:
        output.error(f"{id_} is being attempted this moment and was left alone: say it again in a while")
    lost = _lost(args.filter, done) if done["changed"] else []
    for id_ in lost:
        output.error(f"nothing to {args.verb} in {id_}: it does not wait, or it is so already")
    if not done["changed"] and not done["busy"]:
        output.error(f"nothing to {args.verb} matches {' '.join(args.filter)}: `waypost queue list` shows what waits")
    return Exit.OK if done["changed"] and not lost else Exit.NOT_FOUND


def _altered(args: argparse.Namespace) -> dict[str, list[str]]:
    """Do the change page by page; when something ends it early, how far it came is said."""
    done: dict[str, list[str]] = {"changed": [], "busy": []}
    try:
        with open_desk(args) as desk:
            for page in desk.pages("queue.alter", change=args.verb, filter=args.filter, dry_run=args.dry_run):
                done["changed"] += page["changed"]
                done["busy"] += page["busy"]
    except (FailureError, KeyboardInterrupt):
        if done["changed"] and not args.dry_run:
            output.error(f"stopped early: {len(done['changed'])} of the messages are {_PAST[args.verb]}")
        raise
    return done


def _lost(said: Sequence[str], done: dict[str, Any]) -> list[str]:
    """The ids that were named and are in no part of the answer."""
    met = {*done["changed"], *done["busy"]}
    return [id_ for text in said if is_identifier(id_ := text.upper()) and id_ not in met]
