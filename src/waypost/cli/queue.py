"""``waypost queue``: what waits, why, and what to do about it. Knows no store: asks ``operate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.cli import options, output
from waypost.cli.desk import open_desk
from waypost.cli.exits import Exit
from waypost.cli.phrases import age, moment, octets, span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

HELP = "list, show and change the messages that wait"
CHANGES = {
    "hold": "stop attempts until released",
    "release": "let held messages go on",
    "retry": "attempt now instead of later",
    "fail": "give up, and tell the senders",
    "delete": "remove without telling anybody",
}
_FILTER = "queue ids, from:ADDRESS, from:@DOMAIN, to:..., state:queued|deferred|held|leased, older:2h, newer:30m, all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="what waits, one message a line")
    listing.add_argument("filter", nargs="*", metavar="FILTER", help=_FILTER)
    listing.add_argument("--limit", type=int, metavar="N", help="at most N messages")
    showing = verbs.add_parser("show", help="one message: why it waits, its last reply explained, its next attempts")
    showing.add_argument("id", metavar="ID")
    showing.add_argument("--lang", choices=("en", "zh"), default="en", help="the language of explanations")
    planning = verbs.add_parser("plan", help="the next attempts of one message and when it is given up")
    planning.add_argument("id", metavar="ID")
    for name, says in CHANGES.items():
        change = verbs.add_parser(name, help=says)
        change.add_argument("filter", nargs="+", metavar="FILTER", help=_FILTER)
        change.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="print JSON")
        options.add_data_options(verb)


def run(args: argparse.Namespace) -> int:
    """Do the verb."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {"list": _list, "show": _show, "plan": _plan}
    return verbs.get(args.verb, _change)(args)


def _list(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        rows = desk.call("queue.list", filter=args.filter, limit=args.limit)
    if args.json:
        output.json_out(rows)
        return Exit.OK
    table = [
        (
            row["id"],
            age(row["arrived"]),
            octets(row["size"]),
            row["from"],
            one["address"],
            one["state"],
            _when(one),
            one["reply"] or one["detail"] or "",
        )
        for row in rows
        for one in row["recipients"]
    ]
    output.table(("ID", "AGE", "SIZE", "FROM", "TO", "STATE", "NEXT", "LAST ANSWER"), table, empty="The queue is empty.")
    return Exit.OK


def _when(one: dict[str, Any]) -> str:
    if one["next_attempt"] is not None:
        return span(one["next_attempt"])
    return {"held": "when released", "queued": "now", "leased": "now"}.get(one["state"], "-")


def _found(args: argparse.Namespace) -> dict[str, Any] | None:
    with open_desk(args) as desk:
        row: dict[str, Any] | None = desk.call("queue.show", id=args.id, lang=getattr(args, "lang", "en"))
    if row is None:
        output.error(f"no message {args.id} waits in the queue: it was delivered, given up or never here (waypost queue list)")
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
    _upcoming(row)
    return Exit.OK


def _recipient(one: dict[str, Any]) -> None:
    output.title(f"To {one['address']}: {one['state']}")
    said = one["explanation"] or {}
    next_try = f"{moment(one['next_attempt'])}, {span(one['next_attempt'])}" if one["next_attempt"] is not None else ""
    output.pairs(
        [
            ("why", one["why"]),
            ("last attempt", f"number {one['attempts']}, {moment(one['last_attempt'])}" if one["last_attempt"] else ""),
            ("next hop", one["next_hop"] or ""),
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
    output.pairs([(str(number), f"{moment(when)}, {span(when)}") for number, when in enumerate(row["plan"], 1)])


def _plan(args: argparse.Namespace) -> int:
    row = _found(args)
    if row is None:
        return Exit.NOT_FOUND
    if args.json:
        output.json_out({"id": row["id"], "plan": row["plan"], "expires": row["expires"]})
        return Exit.OK
    _upcoming(row)
    output.pairs([("given up", f"{moment(row['expires'])}, {span(row['expires'])}")])
    return Exit.OK


def _change(args: argparse.Namespace) -> int:
    with open_desk(args) as desk:
        done = desk.call("queue.alter", change=args.verb, filter=args.filter, dry_run=args.dry_run)
    if args.json:
        output.json_out(done)
        return Exit.OK
    would = "would be" if args.dry_run else "were" if len(done["changed"]) != 1 else "was"
    past = {"hold": "held", "release": "released", "retry": "set to be tried now", "fail": "failed", "delete": "deleted"}[args.verb]
    output.line(f"{len(done['changed'])} message{'' if len(done['changed']) == 1 else 's'} {would} {past}.")
    for id_ in done["changed"]:
        output.line(f"  {id_}")
    for id_ in done["busy"]:
        output.error(f"{id_} is being attempted this moment and was left alone: say it again in a while")
    return Exit.OK if done["changed"] or args.dry_run else Exit.NOT_FOUND
