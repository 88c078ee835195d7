"""``waypost codes``: the reference of reply codes, whole or one, for people and programs; and which code to answer with. Knows no code."""

from __future__ import annotations

import csv
import sys
from itertools import groupby
from typing import TYPE_CHECKING

from waypost.cli import options, output, sheet
from waypost.cli.exits import Exit, FailureError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from waypost.replies.records import Record

HELP = "the reference of all reply codes; which one to answer with"

_KINDS = ("basic", "enhanced", "nonstandard", "extension", "provider", "category", "vendor", "glossary", "command")
_COLUMNS = (
    "code",
    "kind",
    "title",
    "class",
    "description",
    "occurs",
    "fix_sender",
    "fix_operator",
    "permanence",
    "phases",
    "related",
    "references",
    "known_from",
)
"""Of CSV; what JSON has as a list is joined by blanks, references by semicolons."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "asked",
        nargs="*",
        metavar="CODE",
        help="a code, extension, command, category or term; or `choose [WORDS]`: which code to answer with; or `build DIR`: the reference "
        "as a folder of web pages; without it, all codes",
    )
    parser.add_argument("--kind", choices=_KINDS, help="list the records of another kind")
    options.add_language(parser)
    options.add_json_option(parser)
    parser.add_argument("--url", default="", help="with `build`: the address at which the folder will stand, for links that must be whole")
    parser.add_argument("--csv", action="store_true", help="print comma-separated values, with a heading")


def run(args: argparse.Namespace) -> int:
    """List, or show one."""
    if args.json and args.csv:
        raise UsageError("--json and --csv exclude each other")
    match args.asked:
        case []:
            return _list(args)
        case ["build", *rest]:
            return _build(rest, args)
        case ["choose", *words]:
            from waypost.cli.choose import choose  # noqa: PLC0415 - one of three things to do

            return choose(" ".join(words), lang=args.lang, json_wanted=args.json)
        case [code]:
            return _one(code, args)
        case [first, second, *_]:
            raise UsageError(f"one code at a time: `waypost compare {first} {second}` sets two beside each other")
    return Exit.USAGE


def _build(rest: list[str], args: argparse.Namespace) -> int:
    from waypost.cli.build import build  # noqa: PLC0415 - one of four things to do

    if len(rest) != 1:
        raise UsageError("say where: `waypost codes build DIR`")
    return build(rest[0], url=args.url, json_wanted=args.json)


def _one(code: str, args: argparse.Namespace) -> int:
    from waypost.replies.records import lookup  # noqa: PLC0415 - `waypost codes --help` needs it not
    from waypost.replies.shapes import record_json  # noqa: PLC0415 - likewise

    record = lookup(code, args.lang)
    if record is None:
        raise FailureError(f"{code} is no code of the reference: `waypost codes` lists them all, --kind other records")
    if args.json:
        output.json_out(record_json(record))
    elif args.csv:
        _csv([record])
    else:
        from waypost.cli.said import show_record  # noqa: PLC0415 - likewise

        show_record(record)
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    from waypost.replies.records import RecordKind, records  # noqa: PLC0415 - likewise
    from waypost.replies.shapes import record_json  # noqa: PLC0415 - likewise

    found = records(args.lang, *([RecordKind(args.kind)] if args.kind else []))
    if args.json:
        output.json_out([record_json(record) for record in found.values()])
    elif args.csv:
        _csv(found.values())
    elif output.on_terminal():
        _show(found, args.lang)
    else:
        for record in found.values():
            output.row((record.code, record.kind.value, record.permanence or "", record.prose.title))
    return Exit.OK


def _csv(found: Iterable[Record]) -> None:
    from waypost.replies.shapes import record_json  # noqa: PLC0415 - likewise

    writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for record in found:
        row = record_json(record)
        fix = row.pop("fix")
        row |= {"fix_sender": fix["sender"], "fix_operator": fix["operator"]}
        row |= {"phases": " ".join(row["phases"]), "related": " ".join(row["related"]), "references": "; ".join(row["references"])}
        writer.writerow(row)


def _show(found: Mapping[str, Record], lang: str) -> None:
    """A screenful or two: each group under its heading, each record in a line."""
    from waypost.cli.said import tone  # noqa: PLC0415 - likewise
    from waypost.replies.terms import label  # noqa: PLC0415 - likewise

    for number, (heading, group) in enumerate(groupby(found.values(), key=_heading)):
        if number:
            sheet.gap()
        if heading:
            output.title(heading)
        sheet.entries((record.code, record.prose.title, tone(record.permanence, record.digit)) for record in group)
    sheet.gap()
    sheet.text(label("heading", "hint", lang).format(kinds=", ".join(_KINDS[3:])), output.DIM)


def _heading(record: Record) -> str:
    """What stands above the group that it belongs to."""
    from waypost.replies.records import RecordKind  # noqa: PLC0415 - likewise
    from waypost.replies.terms import label  # noqa: PLC0415 - likewise

    match record.kind:
        case RecordKind.BASIC:
            return label("heading", record.code[0], record.lang)
        case RecordKind.ENHANCED:
            return label("heading", "enhanced", record.lang).format(digit=record.code[2], about=record.group)
        case RecordKind.NONSTANDARD:
            return label("heading", "nonstandard", record.lang)
        case _:
            return ""
