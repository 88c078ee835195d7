"""``waypost compare A B``: two reply codes beside each other. Knows no difference: asks ``replies``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli import options, output, sheet
from waypost.cli.exits import FailureError

if TYPE_CHECKING:
    import argparse

    from waypost.replies.comparison import Comparison
    from waypost.replies.records import Record

HELP = "compare two reply codes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("a", metavar="A", help="a code such as 550 or 5.7.1; X.7.1 for every class")
    parser.add_argument("b", metavar="B", help="another, in either order")
    options.add_language(parser)
    options.add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compare them."""
    from waypost.replies.comparison import UnknownCodeError, compare  # noqa: PLC0415 - `waypost compare --help` needs it not

    try:
        told = compare(args.a, args.b, args.lang)
    except UnknownCodeError as fault:
        raise FailureError(str(fault)) from fault
    if args.json:
        from waypost.replies.shapes import comparison_json  # noqa: PLC0415 - likewise

        output.json_out(comparison_json(told))
    else:
        _show(told, args.lang)
    return 0


def _show(told: Comparison, lang: str) -> None:
    from waypost.cli.said import page, show_head  # noqa: PLC0415 - likewise
    from waypost.replies.records import cited  # noqa: PLC0415 - likewise

    sheet.text(told.summary, output.BOLD)
    for record in (told.first,) if told.same else (told.first, told.second):
        sheet.gap()
        show_head(record)
        sheet.gap()
        _prose(record, lang)
    if told.same:
        return
    sheet.section(page("differences", lang))
    sheet.bullets(each.text for each in told.differences)
    sheet.section(page("choose", lang))
    sheet.text(told.choose)
    if told.meet:
        sheet.section(page("meet", lang))
        sheet.text(told.meet)
    sheet.gap()
    sheet.labelled(
        [
            (page("related", lang), "  ".join(told.related)),
            (page("references", lang), cited(told.references, lang)),
        ]
    )


def _prose(record: Record, lang: str) -> None:
    from waypost.cli.said import page  # noqa: PLC0415 - likewise

    prose = record.prose
    sheet.labelled(
        [
            (page("meaning", lang), prose.meaning),
            (page("occurs", lang), prose.occurs),
            (page("sender", lang), prose.sender_fix),
            (page("operator", lang), prose.operator_fix),
        ]
    )
