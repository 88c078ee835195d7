"""``waypost explain``: a code, a reply, a line of a log or whole bounces, explained. Knows no rule: asks ``replies``.

What parses as a code or a reply is one, even where a file has that name.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.exits import Exit, UsageError
from waypost.cli.letters import Given, letters, lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

HELP = "explain a reply code, a reply, a log line or a bounce: what it means and what to do"

_MANY = 3
"""Inputs from which on they are counted, for people."""
_REPLY = re.compile(r"[2-5]\d\d[ -]|[245]\.\d{1,3}\.\d{1,3}\s")
"""How a reply begins."""
_LOG = re.compile(rb"(?![A-Za-z][\w.-]{0,75}[ \t]?:)(?!>?From )[^\n]*\n")
"""How a file begins that is no message."""
_NUMBER = re.compile(r"[\dX]+(?:\.\d*){0,3}")
"""What somebody types who means a code."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "given",
        nargs="*",
        metavar="REPLY|FILE",
        help="a code (550, 5.7.1), a reply or log line in quotes, a message, an mbox file, a Maildir folder, or - for standard input",
    )
    parser.add_argument("--lines", metavar="FILE", help="explain each line of FILE (- for standard input) as a reply or log line")
    options.add_language(parser)
    options.add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Explain each input in order; the exit code is that of the first that failed."""
    if not args.given and args.lines is None:
        raise UsageError(
            "say what to explain: a code (550), a reply in quotes, a file, or - for standard input (see `waypost explain --help`)"
        )
    tally: Counter[tuple[str, str]] = Counter()
    codes = [_one(given, args, number, tally) for number, given in enumerate(_inputs(args))]
    if not args.json and len(codes) >= _MANY:
        from waypost.cli.explained import show_tally  # noqa: PLC0415 - one input needs it not

        show_tally(len(codes), tally, args.lang)
    return next((code for code in codes if code != Exit.OK), Exit.OK)


def _inputs(args: argparse.Namespace) -> Iterator[Given]:
    for given in args.given:
        yield from _input(given)
    if args.lines is not None:
        yield from lines(args.lines)


def _input(given: str) -> Iterator[Given]:
    """A reply where it is one, else what the file of that name holds."""
    if not given.strip():
        yield Given(given, fault="an empty argument cannot be explained", code=Exit.USAGE)
    elif is_reply(given):
        yield Given("", given)
    elif given == "-" or os.path.lexists(given):
        for letter in letters(given):
            yield from _lines_of_log(letter) or (letter,)
    elif _says_something(given):
        yield Given("", given)
    elif _NUMBER.fullmatch(given):
        told = f"{given} is no reply code: write one such as 550 or 5.7.1 (`waypost codes` lists them all)"
        yield Given(given, fault=told, code=Exit.DATA)
    else:
        yield Given(given, fault=f"{given}: no such file, and no reply code or reply either", code=Exit.NO_INPUT)


def _lines_of_log(letter: Given) -> list[Given]:
    """Each line of a log, which is no one thing; none of anything else."""
    if not isinstance(letter.content, bytes) or not _LOG.match(letter.content):
        return []
    found = [line for line in letter.content.decode("utf-8", "replace").splitlines() if line.strip()]
    return [Given("", line) for line in found] if len(found) > 1 and _is_log(found[0]) else []


def is_reply(given: str) -> bool:
    """Whether an argument is a code, a reply or a log line, whatever files there are."""
    from waypost.replies.explaining import is_code  # noqa: PLC0415 - `waypost explain --help` needs it not

    shown = given.strip()
    if is_code(shown) or _REPLY.match(shown):
        return True
    return bool(re.search(r"\s", shown)) and not os.path.lexists(given) and _is_line(shown)


def _is_line(text: str) -> bool:
    from waypost.replies import explain  # noqa: PLC0415 - likewise
    from waypost.replies.explanation import Kind  # noqa: PLC0415 - likewise

    told = explain(text)
    return any(report.reading.code or report.reading.status for report in told.reports) or told.kind is Kind.LOG


def _is_log(text: str) -> bool:
    from waypost.replies.explanation import Kind  # noqa: PLC0415 - likewise
    from waypost.replies.line import read_line  # noqa: PLC0415 - likewise

    return read_line(text)[0] is Kind.LOG


def _says_something(text: str) -> bool:
    """Whether words without any code tell a category all the same, or one word holds a code (``#5.1.1``)."""
    from waypost.replies import explain  # noqa: PLC0415 - likewise
    from waypost.replies.explanation import Kind  # noqa: PLC0415 - likewise

    told = explain(text)
    if not re.search(r"\s", text):
        return told.kind is Kind.CODE
    return any(report.reading.category != "unknown" for report in told.reports)


def _one(given: Given, args: argparse.Namespace, number: int, tally: Counter[tuple[str, str]]) -> Exit:
    """Explain one, and count its kind and its categories."""
    if given.fault:
        return _failed(given, json_wanted=args.json)
    from waypost.replies import explain  # noqa: PLC0415 - likewise
    from waypost.replies.shapes import as_json  # noqa: PLC0415 - likewise

    told = explain(given.content, lang=args.lang, name=given.name or None)
    tally["kind", told.kind] += 1
    tally.update(("category", report.reading.category) for report in told.reports)
    if args.json:
        _json_line(as_json(told))
        return Exit.OK
    from waypost.cli.explained import show  # noqa: PLC0415 - JSON needs it not

    show(told, args.lang, first=number == 0, empty=not given.content.strip())
    return Exit.OK


def _failed(given: Given, *, json_wanted: bool) -> Exit:
    if json_wanted:
        _json_line({"input": given.name, "kind": None, "reports": [], "error": given.fault})
    sys.stdout.flush()
    output.error(given.fault)
    return given.code


def _json_line(value: dict[str, object]) -> None:
    """One line, on a terminal too: several inputs make JSON Lines."""
    print(json.dumps(value, ensure_ascii=False))
